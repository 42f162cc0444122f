package ai.dsk;

import static java.nio.charset.StandardCharsets.UTF_8;

import ai.dsk.internal.LogReceiver;
import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;

/**
 * Planning: which accelerators, split how, at what cost, serve a model within an SLA.
 *
 * <p>Each call that takes a record has a twin that takes the document as JSON: same document, same answer, byte for byte, in
 * every language. Calls may be made by any number of threads at once.
 */
public final class Dsk {
  private Dsk() {}

  /** Kinds of catalogue records. */
  public enum CatalogKind {
    /** Models. */
    MODEL,
    /** Accelerators. */
    DEVICE,
    /** Serving engines. */
    ENGINE,
    /** Prices. */
    PRICE,
    /** Links. */
    LINK,
    /** Data sets. */
    DATASET
  }

  /** What {@link #explain} writes. */
  public enum ExplainFormat {
    /** A document. */
    JSON,
    /** A table for people. */
    TABLE,
    /** Stacked bars: the step and its variants by resource. */
    SVG
  }

  /** How much is logged. */
  public enum LogLevel {
    /** Nothing. */
    OFF,
    /** Errors. */
    ERROR,
    /** And warnings. */
    WARNING,
    /** And information. */
    INFO,
    /** And details. */
    DEBUG
  }

  /** Takes the library's messages. It may be called from any thread, also at once, and must not call the library. */
  @FunctionalInterface
  public interface Receiver {
    /**
     * Takes one message.
     *
     * @param level its level
     * @param module the part of the library that it comes from
     * @param message the message
     */
    void receive(LogLevel level, String module, String message);
  }

  /* ------------------------------------------------------------ the library */

  /**
   * The version of the loaded library.
   *
   * @return "MAJOR.MINOR.PATCH"
   * @throws DskException UNAVAILABLE or UNSUPPORTED, with one sentence that names every path tried and both versions
   */
  public static String version() {
    NativeLibrary.ensure();
    return new String(dsk_native.dsk_version_string(), UTF_8);
  }

  /**
   * The ABI number of the loaded library.
   *
   * @return the number
   */
  public static long abiVersion() {
    NativeLibrary.ensure();
    return dsk_native.dsk_abi_version();
  }

  /**
   * The file that the library was loaded from.
   *
   * @return its path
   */
  public static String libraryFile() {
    return NativeLibrary.origin();
  }

  /**
   * Handles and errors of the C library that are alive in this process.
   *
   * @return how many
   */
  public static long liveObjects() {
    NativeLibrary.ensure();
    return dsk_native.dsk_live_objects();
  }

  /**
   * Sets the process-wide log receiver; the library is silent without one.
   *
   * @param level how much
   * @param receiver the receiver; null turns logging off
   */
  public static void setLog(LogLevel level, Receiver receiver) {
    NativeLibrary.ensure();
    LogReceiver.set(level.ordinal(), receiver == null ? null : (l, module, message) -> {
      LogLevel[] levels = LogLevel.values();
      receiver.receive(levels[Math.min(l, levels.length - 1)], module, message);
    });
  }

  /* ------------------------------------------------------------------- plans */

  /**
   * Plans for a request. A request that nothing can meet is no failure: see {@link Plan#feasible} and {@link PlanAnswer}.
   *
   * @param request the request
   * @return the plan, which the caller closes
   */
  public static Plan plan(PlanRequest request) {
    return plan(request, null);
  }

  /**
   * Plans for a request.
   *
   * @param request the request
   * @param cancel stops the search and receives its progress; may be null
   * @return the plan, which the caller closes
   */
  public static Plan plan(PlanRequest request, Cancel cancel) {
    return planJson(Documents.encode(request), cancel);
  }

  /**
   * Plans for a request document.
   *
   * @param request UTF-8 (docs/schema/plan-request.schema.json)
   * @param cancel stops the search and receives its progress; may be null
   * @return the plan, which the caller closes
   */
  public static Plan planJson(byte[] request, Cancel cancel) {
    return Cancel.with(cancel, token -> new Plan(Text.made(out -> dsk_native.dsk_plan_create(request, token, out))));
  }

  /**
   * Plans for a request document.
   *
   * @param request the document (docs/schema/plan-request.schema.json)
   * @return the plan, which the caller closes
   */
  public static Plan planJson(String request) {
    return planJson(Text.bytes(request), null);
  }

  /**
   * Plans in the common pool. However the future ends before the search does (cancel, orTimeout, ...), the search is stopped.
   *
   * @param request the request
   * @return the plan to come, which the caller closes
   */
  public static CompletableFuture<Plan> planAsync(PlanRequest request) {
    return planAsync(request, ForkJoinPool.commonPool());
  }

  /**
   * Plans on an executor. However the future ends before the search does (cancel, orTimeout, ...), the search is stopped.
   *
   * @param request the request
   * @param executor where the search runs
   * @return the plan to come, which the caller closes
   */
  public static CompletableFuture<Plan> planAsync(PlanRequest request, Executor executor) {
    return Cancel.async(executor, cancel -> plan(request, cancel));
  }

  /**
   * Plans for a request document on an executor, as {@link #planAsync(PlanRequest, Executor)}.
   *
   * @param request UTF-8 (docs/schema/plan-request.schema.json)
   * @param executor where the search runs
   * @return the plan to come, which the caller closes
   */
  public static CompletableFuture<Plan> planJsonAsync(byte[] request, Executor executor) {
    return Cancel.async(executor, cancel -> planJson(request, cancel));
  }

  /* --------------------------------------------------------------- documents */

  private interface Call {
    void into(byte[] request, byte[][] out);
  }

  private static byte[] answer(byte[] request, Call call) {
    NativeLibrary.ensure();
    return Text.bytesFrom(out -> call.into(request, out));
  }

  /**
   * Counts every byte of one deployment. A model that does not fit is no failure: see {@link MemoryAnswer#fits}.
   *
   * @param request the deployment
   * @return the memory term by term, the KV pool, headroom, and what binds
   */
  public static MemoryAnswer memory(MemoryRequest request) {
    return Documents.decode(MemoryAnswer.class, new String(memoryJson(Documents.encode(request)), UTF_8));
  }

  /**
   * Counts every byte of one deployment, document in, document out.
   *
   * @param request UTF-8 (docs/schema/memory-request.schema.json)
   * @return UTF-8 (docs/schema/memory-answer.schema.json)
   */
  public static byte[] memoryJson(byte[] request) {
    return answer(request, dsk_native::dsk_plan_memory);
  }

  /**
   * Money: ownership, dollars for tokens, rented against owned, a load curve.
   *
   * @param request the question
   * @return the answer
   */
  public static CostAnswer cost(CostRequest request) {
    return Documents.decode(CostAnswer.class, new String(costJson(Documents.encode(request)), UTF_8));
  }

  /**
   * Money, document in, document out.
   *
   * @param request UTF-8 (docs/schema/cost-request.schema.json)
   * @return UTF-8 (docs/schema/cost-answer.schema.json)
   */
  public static byte[] costJson(byte[] request) {
    return answer(request, dsk_native::dsk_plan_cost);
  }

  /**
   * One step taken apart: every operator with its work, time, interval, binding resource and origin.
   *
   * @param request the deployment with a batch
   * @param format what to write
   * @return the text
   */
  public static String explain(StepRequest request, ExplainFormat format) {
    byte[] document = Documents.encode(request);
    NativeLibrary.ensure();
    return Text.from(out -> dsk_native.dsk_plan_explain(document, format.ordinal(), out));
  }

  /**
   * Makes a calibration from measurements of a device. The text goes into a request's catalog; {@link #calibration} reads it.
   *
   * @param request {"device", "as_of", "measurements": [...], "name", "check": [...]}
   * @return the document (docs/schema/calibration.schema.json)
   */
  public static String calibrateJson(String request) {
    return new String(answer(Text.bytes(request), dsk_native::dsk_plan_calibrate), UTF_8);
  }

  /**
   * Reads a calibration.
   *
   * @param document what {@link #calibrateJson} gave
   * @return the calibration, typed
   */
  public static Calibration calibration(String document) {
    return Documents.decode(Calibration.class, document);
  }

  /**
   * Predictions compared with measurements.
   *
   * @param report the scores, JSON
   * @param predictions CSV, one line for each row of the table
   */
  public record Validation(String report, String predictions) {}

  /**
   * Predicts every kernel of a table of measurements.
   *
   * @param request {"device", "hold_out": "none" | "shape" | "gpu" | "frontier", "catalog"}
   * @param csv the table
   * @return the comparison
   */
  public static Validation validateKernels(String request, String csv) {
    NativeLibrary.ensure();
    byte[][] report = new byte[1][];
    byte[][] predictions = new byte[1][];
    dsk_native.dsk_plan_validate_kernels(Text.bytes(request), Text.bytes(csv), report, predictions);
    return new Validation(new String(report[0], UTF_8), new String(predictions[0], UTF_8));
  }

  /**
   * Predicts every row of a table of published end-to-end measurements.
   *
   * @param request {"jobs": N, "catalog": [...]}
   * @param csv the table
   * @param cancel stops it; may be null
   * @return the comparison
   */
  public static Validation validateE2e(String request, String csv, Cancel cancel) {
    return Cancel.with(cancel, token -> {
      byte[][] report = new byte[1][];
      byte[][] predictions = new byte[1][];
      dsk_native.dsk_plan_validate_e2e(Text.bytes(request), Text.bytes(csv), token, report, predictions);
      return new Validation(new String(report[0], UTF_8), new String(predictions[0], UTF_8));
    });
  }

  /* --------------------------------------------------------------- catalogue */

  /**
   * Names of the built-in records of one kind.
   *
   * @param kind the kind
   * @return the names
   */
  public static List<String> catalogNames(CatalogKind kind) {
    NativeLibrary.ensure();
    return JsonValue.parse(Text.from(out -> dsk_native.dsk_catalog_to_json(kind.ordinal(), out))).items().stream().map(JsonValue::text).toList();
  }

  /**
   * One built-in record with its source and date.
   *
   * @param kind its kind
   * @param name its name or alias, whatever case and separators
   * @return the record
   * @throws DskException NOT_FOUND with the nearest names
   */
  public static JsonValue catalogRecord(CatalogKind kind, String name) {
    NativeLibrary.ensure();
    byte[] utf8 = Text.bytes(name);
    return JsonValue.parse(Text.from(out -> dsk_native.dsk_catalog_get(kind.ordinal(), utf8, out)));
  }

  /* -------------------------------------------------------------- simulation */

  /**
   * What became of one simulated request, in milliseconds of the simulated clock.
   *
   * @param index of the request in the workload
   * @param sentMs the client sent it
   * @param admittedMs the scheduler took it out of the queue
   * @param firstMs its first token reached the client
   * @param lastMs its last token did
   * @param inputTokens input tokens
   * @param outputTokens output tokens
   * @param cachedTokens input tokens found in the prefix cache or loaded from a colder tier
   * @param preemptions how often it was preempted
   */
  public record RequestTimes(long index, double sentMs, double admittedMs, double firstMs, double lastMs, int inputTokens, int outputTokens,
      int cachedTokens, int preemptions) {}

  /**
   * A simulated run.
   *
   * @param answer TTFT, TPOT, ITL, E2E and queueing at every percentile; "stopped": "cancelled" when the token ended it early
   * @param series the first requests to complete, in order of completion
   * @param completed how many completed; 0 when no series was asked for
   */
  public record Simulation(JsonValue answer, List<RequestTimes> series, long completed) {
    /**
     * The answer as a record.
     *
     * @return what {@link #answer} says
     */
    public SimulateAnswer typed() {
      return Documents.decode(SimulateAnswer.class, answer.toString());
    }
  }

  static final int ROW_SIZE = 56;

  /**
   * Simulates a deployment under a workload, request by request.
   *
   * @param request the deployment and the workload
   * @param series how many requests' times to keep
   * @param cancel ends the run early, which then gives what it has; may be null
   * @return the run
   */
  public static Simulation simulate(SimulateRequest request, int series, Cancel cancel) {
    return simulateJson(Documents.encode(request), series, cancel);
  }

  /**
   * Simulates a deployment under a workload.
   *
   * @param request UTF-8 (docs/schema/simulate-request.schema.json)
   * @param series how many requests' times to keep
   * @param cancel ends the run early, which then gives what it has; may be null
   * @return the run
   */
  public static Simulation simulateJson(byte[] request, int series, Cancel cancel) {
    ByteBuffer rows = series == 0 ? null : ByteBuffer.allocateDirect(Math.multiplyExact(series, ROW_SIZE)).order(ByteOrder.nativeOrder());
    long[] count = new long[1];
    String answer = Cancel.with(cancel,
        token -> Text.from(out -> dsk_native.dsk_plan_simulate(request, token, Struct.addressOf(rows), series, ROW_SIZE, count, out)));
    List<RequestTimes> times = new ArrayList<>();
    for (int i = 0; i < Math.min(series, count[0]); i++) {
      times.add(new RequestTimes(rows.getLong(), rows.getDouble(), rows.getDouble(), rows.getDouble(), rows.getDouble(), rows.getInt(), rows.getInt(),
          rows.getInt(), rows.getInt()));
    }
    Reference.reachabilityFence(rows);
    return new Simulation(JsonValue.parse(answer), List.copyOf(times), count[0]);
  }

  /**
   * Simulates on an executor. However the future ends before the run does, the run is stopped.
   *
   * @param request the deployment and the workload
   * @param series how many requests' times to keep
   * @param executor where it runs
   * @return the run to come
   */
  public static CompletableFuture<Simulation> simulateAsync(SimulateRequest request, int series, Executor executor) {
    return Cancel.async(executor, cancel -> simulate(request, series, cancel));
  }

  /**
   * Tries policies of a small grid: each with the fewest replicas that keep the bounds of "slo", cheapest first.
   *
   * @param request a simulation request with "slo" and "tune"
   * @param cancel stops it; may be null
   * @return the policies
   */
  public static JsonValue tuneBatching(String request, Cancel cancel) {
    return JsonValue.parse(Cancel.with(cancel, token -> Text.from(out -> dsk_native.dsk_plan_tune_batching(Text.bytes(request), token, out))));
  }

  /**
   * Replays the arrivals of a request log under the settings of a simulation request without its workload, and compares.
   *
   * @param request the settings
   * @param log JSON lines
   * @param cancel stops it; may be null
   * @return the comparison
   */
  public static JsonValue validateRequests(String request, String log, Cancel cancel) {
    return JsonValue.parse(
        Cancel.with(cancel, token -> Text.from(out -> dsk_native.dsk_plan_validate_requests(Text.bytes(request), Text.bytes(log), token, out))));
  }
}
