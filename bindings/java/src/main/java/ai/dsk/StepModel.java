package ai.dsk;

import ai.dsk.internal.Handle;
import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.util.List;

/** A deployment prepared for questions about single steps. Any number of threads may ask. */
public final class StepModel implements AutoCloseable {
  /** What the time of a step goes to. */
  public enum Resource {
    /** Arithmetic. */
    COMPUTE,
    /** Device memory bandwidth. */
    MEMORY,
    /** Links within the domain: NVLink or PCIe. */
    SCALE_UP,
    /** Links between domains: InfiniBand, RoCE. */
    SCALE_OUT,
    /** Fixed times of kernels and gaps between them. */
    LAUNCH,
    /** Scheduling and sampling on the host. */
    HOST;

    private static final Resource[] ALL = values();
  }

  /**
   * New tokens of one request that prefill in a step.
   *
   * @param newTokens 1 or more
   * @param contextTokens already in the KV cache before them
   */
  public record Chunk(long newTokens, long contextTokens) {}

  /**
   * Work of one step of a whole replica.
   *
   * @param decodeSequences sequences that decode; each brings 1 + mtp_tokens tokens
   * @param kvSumTokens sum of their KV lengths
   * @param kvMaxTokens the longest of them
   * @param chunks prefill in the same step, at most four
   */
  public record Batch(long decodeSequences, long kvSumTokens, long kvMaxTokens, List<Chunk> chunks) {
  /**
   * Copies the list, so that nobody can change the record.
   *
   * @param decodeSequences as in the record
   * @param kvSumTokens as in the record
   * @param kvMaxTokens as in the record
   * @param chunks as in the record
   */
    public Batch {
      chunks = List.copyOf(chunks);
    }

    /**
     * A batch without prefill.
     *
     * @param decodeSequences sequences that decode
     * @param kvSumTokens sum of their KV lengths
     * @param kvMaxTokens the longest of them
     */
    public Batch(long decodeSequences, long kvSumTokens, long kvMaxTokens) {
      this(decodeSequences, kvSumTokens, kvMaxTokens, List.of());
    }
  }

  /**
   * One step of a replica, in microseconds. The six parts add up to the total.
   *
   * @param binding the resource with the largest part
   * @param totalUs the step
   * @param lowUs lower end of the 90 % interval
   * @param highUs upper end of it
   * @param computeUs arithmetic
   * @param memoryUs device memory
   * @param scaleUpUs links within the domain
   * @param scaleOutUs links between domains
   * @param launchUs fixed times
   * @param hostUs the host
   * @param communicationShare (scaleUpUs + scaleOutUs) / totalUs
   */
  public record Time(Resource binding, double totalUs, double lowUs, double highUs, double computeUs, double memoryUs, double scaleUpUs,
      double scaleOutUs, double launchUs, double hostUs, double communicationShare) {}

  static final int BATCH_SIZE = 96;
  static final int TIME_SIZE = 88;

  /** Memory of one thread for a question and its answer: a query allocates nothing outside Java's heap. */
  private static final class Scratch {
    final Struct batch = new Struct(BATCH_SIZE);
    final Struct time = new Struct(TIME_SIZE);
  }

  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  private final Handle handle;

  /**
   * Prepares a deployment; the request's batch is not used.
   *
   * @param request the deployment
   */
  public StepModel(StepRequest request) {
    this(Documents.encode(request));
  }

  /**
   * Prepares a deployment.
   *
   * @param request the document (docs/schema/step-request.schema.json)
   */
  public StepModel(String request) {
    this(Text.bytes(request));
  }

  private StepModel(byte[] request) {
    NativeLibrary.ensure();
    handle = Handle.own(this, Text.made(out -> dsk_native.dsk_plan_step_create(request, out)), "StepModel", dsk_native::dsk_plan_step_destroy);
  }

  /**
   * Time of one step: no lock, and nothing but the answer is allocated.
   *
   * @param batch the work
   * @return its time
   * @throws DskException INVALID_REQUEST for an impossible batch, with the member's name as path
   */
  public Time step(Batch batch) {
    Scratch scratch = SCRATCH.get();
    Struct in = scratch.batch.begin().size().i32(batch.chunks.size());
    in.i64(batch.decodeSequences).i64(batch.kvSumTokens).i64(batch.kvMaxTokens);
    for (int i = 0; i < 4 && i < batch.chunks.size(); i++) {
      Chunk chunk = batch.chunks.get(i);
      in.i64(chunk.newTokens).i64(chunk.contextTokens);
    }
    Struct out = scratch.time.begin().size();
    long p = handle.enter();
    try {
      dsk_native.dsk_plan_step(p, in.address(), out.address());
    } finally {
      handle.leave();
    }
    int binding = out.i32();
    return new Time(binding < Resource.ALL.length ? Resource.ALL[binding] : null, out.f64(), out.f64(), out.f64(), out.f64(), out.f64(), out.f64(),
        out.f64(), out.f64(), out.f64(), out.f64());
  }

  @Override
  public void close() {
    handle.close();
  }
}
