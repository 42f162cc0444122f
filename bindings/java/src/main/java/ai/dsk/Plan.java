package ai.dsk;

import ai.dsk.internal.Handle;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;

/** A finished plan. It does not change; any number of threads may read it. */
public final class Plan implements AutoCloseable {
  /** What {@link #emit} writes. */
  public enum Format {
    /** The answer as a table for people. */
    TABLE,
    /** YAML manifests: Deployment or LeaderWorkerSet, Service, autoscaler. */
    KUBERNETES,
    /** The engine's start command, one line for each node. */
    COMMAND
  }

  /**
   * Numbers of the best plan, or of the nearest one when the request is infeasible. Means, not percentiles; a number that is not
   * known is NaN.
   *
   * @param feasible whether every constraint is met
   * @param replicas replicas
   * @param gpus GPUs of all replicas
   * @param gpusPerReplica GPUs of one replica
   * @param nodesPerReplica nodes of one replica
   * @param tp tensor-parallel width of attention
   * @param pp pipeline stages
   * @param dp attention data-parallel ranks inside a replica
   * @param ep expert-parallel width
   * @param ttftMs mean time to first token
   * @param tpotMs mean time per output token after the first
   * @param e2eMs mean time from arrival to last token
   * @param requestsPerS requests served by all replicas
   * @param outputTokensPerS output tokens of all replicas
   * @param usdPerHour of all replicas
   * @param usdPerMtok US dollars per million output tokens
   * @param utilisation offered load over the largest load that keeps every constraint
   */
  public record Summary(boolean feasible, int replicas, int gpus, int gpusPerReplica, int nodesPerReplica, int tp, int pp, int dp, int ep,
      double ttftMs, double tpotMs, double e2eMs, double requestsPerS, double outputTokensPerS, double usdPerHour, double usdPerMtok,
      double utilisation) {}

  static final int INFO_SIZE = 104;
  final Handle handle;

  Plan(long pointer) {
    handle = Handle.own(this, pointer, "Plan", dsk_native::dsk_plan_destroy);
  }

  /**
   * The whole answer.
   *
   * @return the document (docs/schema/plan-answer.schema.json)
   */
  public String toJson() {
    return handle.inside(p -> Text.from(out -> dsk_native.dsk_plan_to_json(p, out)));
  }

  /**
   * The whole answer, typed.
   *
   * @return the answer
   */
  public PlanAnswer answer() {
    return Documents.decode(PlanAnswer.class, toJson());
  }

  /**
   * Whether every constraint is met.
   *
   * @return whether it is
   */
  public boolean feasible() {
    return summary().feasible();
  }

  /**
   * The plan's numbers, without a document.
   *
   * @return the numbers
   */
  public Summary summary() {
    Struct s = new Struct(INFO_SIZE).size();
    handle.inside(p -> dsk_native.dsk_plan_summary(p, s.address()));
    Reference.reachabilityFence(s);
    s.at(4);
    return new Summary(s.i32() != 0, s.i32(), s.i32(), s.i32(), s.i32(), s.i32(), s.i32(), s.i32(), s.i32(), s.f64(), s.f64(), s.f64(), s.f64(),
        s.f64(), s.f64(), s.f64(), s.f64());
  }

  /**
   * Text made from the plan.
   *
   * @param format what to write
   * @return the text
   * @throws DskException UNSUPPORTED for manifests and commands of an infeasible plan
   */
  public String emit(Format format) {
    return handle.inside(p -> Text.from(out -> dsk_native.dsk_plan_emit(p, format.ordinal(), out)));
  }

  /**
   * Where the plan's replicas fit: the question of a scheduler. Too little room is no failure: see {@link FitAnswer#fits}.
   *
   * @param inventory the nodes
   * @return each node with GPUs and score or reasons, and a placement of all replicas, or of as many as there is room for
   * @throws DskException UNSUPPORTED for an infeasible plan
   */
  public FitAnswer fit(FitRequest inventory) {
    return Documents.decode(FitAnswer.class, new String(fitJson(Documents.encode(inventory)), java.nio.charset.StandardCharsets.UTF_8));
  }

  /**
   * Where the plan's replicas fit, document in, document out.
   *
   * @param inventory UTF-8 (docs/schema/fit-request.schema.json)
   * @return UTF-8 (docs/schema/fit-answer.schema.json)
   */
  public byte[] fitJson(byte[] inventory) {
    return handle.inside(p -> Text.bytesFrom(out -> dsk_native.dsk_plan_fit(p, inventory, out)));
  }

  @Override
  public void close() {
    handle.close();
  }
}
