package ai.dsk;

import static java.nio.charset.StandardCharsets.UTF_8;

import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.Work;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;

/** Measurement: any code or command, the machine's own limits, and an inference server under load. */
public final class Bench {
  private Bench() {}

  /** One sample: the work runs {@link #iterations} times and may set the other members, totals over those iterations. */
  public static final class Sample {
    private final long iterations;
    private double deviceNs;
    private double enqueueNs;
    private double promptTokens;
    private double outputTokens;

    private Sample(long iterations) {
      this.iterations = iterations;
    }

    /**
     * How often to run the work.
     *
     * @return how often
     */
    public long iterations() {
      return iterations;
    }

    /**
     * Time that a device clock measured; otherwise the harness's own clock counts.
     *
     * @param ns nanoseconds
     */
    public void deviceNs(double ns) {
      deviceNs = ns;
    }

    /**
     * Time until the host was free again.
     *
     * @param ns nanoseconds
     */
    public void enqueueNs(double ns) {
      enqueueNs = ns;
    }

    /**
     * Tokens read and written.
     *
     * @param prompt tokens read
     * @param output tokens written
     */
    public void tokens(double prompt, double output) {
      promptTokens = prompt;
      outputTokens = output;
    }
  }

  /** Work to measure; what it throws ends the measurement and leaves the call that measures. */
  @FunctionalInterface
  public interface Measured {
    /**
     * Does the work.
     *
     * @param sample how often, and what it was
     * @throws Exception what ends the measurement
     */
    void run(Sample sample) throws Exception;
  }

  static final int SAMPLE_SIZE = 48;
  static final int OPTIONS_SIZE = 128;

  /** The callback as C calls it. What it throws is kept here, for the exception that crosses C must be unchecked. */
  private static final class Callback implements Work {
    private final Measured work;
    private final AtomicReference<Exception> thrown;

    Callback(Measured work, AtomicReference<Exception> thrown) {
      this.work = work;
      this.thrown = thrown;
    }

    @Override
    public void run(java.nio.ByteBuffer memory) {
      Struct c = Struct.over(memory);
      Sample sample = new Sample(c.at(8).i64());
      try {
        work.run(sample);
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        thrown.set(e);
        throw new IllegalStateException(e);
      }
      c.f64(sample.deviceNs).f64(sample.enqueueNs).f64(sample.promptTokens).f64(sample.outputTokens);
    }
  }

  private static long ns(Duration duration) {
    return duration == null ? 0 : duration.toNanos();
  }

  private interface Run {
    void with(long options, byte[][] out);
  }

  private static String run(BenchOptions o, Cancel cancel, Run run) {
    return Cancel.with(cancel, token -> {
      byte[] name = Text.bytes((o.name() == null ? "" : o.name()) + "\0");
      java.nio.ByteBuffer label = java.nio.ByteBuffer.allocateDirect(name.length).put(name);
      Struct c = new Struct(OPTIONS_SIZE).size();
      c.i32((o.fixedCount() ? 1 : 0) | (o.keepSamples() ? 2 : 0) | (o.noWarmup() ? 4 : 0)).i64(Struct.addressOf(label));
      c.f64(o.maxInterval()).f64(o.maxNoise()).f64(o.confidence()).i64(ns(o.warmup())).i64(ns(o.minTime())).i64(ns(o.maxTime()));
      c.i64(o.minSamples()).i64(o.maxSamples()).i64(o.seed()).f64(o.bytes()).f64(o.flops());
      c.i64(Struct.addressOf(o.data())).i64(o.data() == null ? 0 : o.data().capacity()).i64(token);
      try {
        return Text.from(out -> run.with(c.address(), out));
      } finally {
        Reference.reachabilityFence(label);
        Reference.reachabilityFence(c);
        Reference.reachabilityFence(o);
      }
    });
  }

  private static <T> T rethrow(AtomicReference<Exception> thrown, java.util.function.Supplier<T> call) throws Exception {
    try {
      return call.get();
    } catch (IllegalStateException e) {
      if (thrown.get() != null && e.getCause() == thrown.get()) {
        throw thrown.get();
      }
      throw e;
    }
  }

  /**
   * Measures a piece of code: warm-up, batches of short work, samples until interval and noise are within bounds, and checks for
   * what makes timings lie.
   *
   * @param options how
   * @param cancel stops it; may be null
   * @param work the work
   * @return one line (docs/schema/bench-measurement.schema.json); {@link #measurement} reads it
   * @throws Exception what the work threw
   */
  public static String run(BenchOptions options, Cancel cancel, Measured work) throws Exception {
    AtomicReference<Exception> thrown = new AtomicReference<>();
    return rethrow(thrown, () -> run(options, cancel, (o, out) -> dsk_native.bench_run(o, new Callback(work, thrown), out)));
  }

  /**
   * Measures two pieces of code in turn, A B B A.
   *
   * @param options how
   * @param cancel stops it; may be null
   * @param a the one
   * @param b the other
   * @return three lines: A, B, and the ratio B / A of the medians with its interval
   * @throws Exception what the work threw
   */
  public static String compare(BenchOptions options, Cancel cancel, Measured a, Measured b) throws Exception {
    AtomicReference<Exception> thrown = new AtomicReference<>();
    return rethrow(thrown,
        () -> run(options, cancel, (o, out) -> dsk_native.bench_compare_run(o, new Callback(a, thrown), new Callback(b, thrown), out)));
  }

  /**
   * Measures a command: wall time, user and system time and peak memory of each run. No shell is involved.
   *
   * @param options how
   * @param cancel stops it; may be null
   * @param argv program and arguments
   * @return one line
   * @throws DskException NOT_FOUND when there is no such program; BACKEND with the exit code when a run fails
   */
  public static String command(BenchOptions options, Cancel cancel, String... argv) {
    byte[][] arguments = texts(List.of(argv));
    return run(options, cancel, (o, out) -> dsk_native.dsk_bench_command_run(o, arguments, out));
  }

  private static byte[][] texts(List<String> texts) {
    return texts.stream().map(Text::bytes).toArray(byte[][]::new);
  }

  /**
   * Reads one line of a measurement.
   *
   * @param line the line
   * @return the measurement, typed
   */
  public static Measurement measurement(String line) {
    return Documents.decode(Measurement.class, line);
  }

  /**
   * Measures what this machine's memory, devices and links reach.
   *
   * @param request which probes
   * @param cancel stops it; may be null
   * @return JSON lines: the machine, then each measurement
   */
  public static String probe(BenchProbeRequest request, Cancel cancel) {
    byte[] document = Documents.encode(request);
    return Cancel.with(cancel, token -> Text.from(out -> dsk_native.dsk_bench_probe(document, token, out)));
  }

  /**
   * What this machine is.
   *
   * @return processor, memory, kernel, devices, driver, clocks, links, libraries
   */
  public static JsonValue machine() {
    NativeLibrary.ensure();
    return JsonValue.parse(Text.from(dsk_native::dsk_bench_machine_to_json));
  }

  /**
   * A report for a vendor's support.
   *
   * @param lines JSON lines of the machine and of measurements
   * @return one HTML page without outside parts
   */
  public static String machineReport(String lines) {
    NativeLibrary.ensure();
    byte[] utf8 = Text.bytes(lines);
    return Text.from(out -> dsk_native.dsk_bench_machine_emit(utf8, out));
  }

  /**
   * Sends requests to an OpenAI-compatible server and measures. A run that is cancelled gives what it has, with "ended":
   * "cancelled".
   *
   * @param request endpoint and workload
   * @param cancel ends it early; may be null
   * @return the report
   * @throws DskException UNAVAILABLE when libcurl is not on this machine
   */
  public static LoadReport load(LoadRequest request, Cancel cancel) {
    return Documents.decode(LoadReport.class, loadJson(new String(Documents.encode(request), UTF_8), cancel));
  }

  /**
   * Sends requests to a server on an executor. However the future ends before the run does, the run is stopped.
   *
   * @param request endpoint and workload
   * @param executor where it runs
   * @return the report to come
   */
  public static CompletableFuture<LoadReport> loadAsync(LoadRequest request, Executor executor) {
    return Cancel.async(executor, cancel -> load(request, cancel));
  }

  /**
   * Sends requests to a server, document in, document out.
   *
   * @param request docs/schema/load-request.schema.json
   * @param cancel ends it early; may be null
   * @return docs/schema/load-report.schema.json
   */
  public static String loadJson(String request, Cancel cancel) {
    byte[] document = Text.bytes(request);
    return Cancel.with(cancel, token -> Text.from(out -> dsk_native.dsk_bench_load_run(document, token, out)));
  }

  /** How a load report is written. */
  public enum LoadFormat {
    /** The product's report. */
    JSON,
    /** The result format of `vllm bench serve`. */
    VLLM,
    /** A table for people. */
    TABLE
  }

  /**
   * One report from several, merged by histogram.
   *
   * @param reports each a report, or "journal:FILE"
   * @param format how it is written
   * @return the text
   */
  public static String loadEmit(List<String> reports, LoadFormat format) {
    NativeLibrary.ensure();
    byte[][] all = texts(reports);
    return Text.from(out -> dsk_native.dsk_bench_load_emit(all, format.ordinal(), out));
  }
}
