package ai.dsk;

import ai.dsk.internal.Handle;
import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;

/** Samples GPUs, the host, its network and an engine's metrics. Not for several threads at once. */
public final class Monitor implements AutoCloseable {
  /** How a sample is written. */
  public enum Format {
    /** One line of JSON. */
    JSON,
    /** Text exposition format 0.0.4. */
    PROMETHEUS,
    /** A table for people. */
    TABLE
  }

  private final Handle handle;

  /**
   * Opens what the request names; an empty request samples this machine alone.
   *
   * @param request what to sample
   */
  public Monitor(MonitorRequest request) {
    NativeLibrary.ensure();
    byte[] document = Documents.encode(request);
    handle = Handle.own(this, Text.made(out -> dsk_native.dsk_bench_monitor_create(document, out)), "Monitor", dsk_native::dsk_bench_monitor_destroy);
  }

  /**
   * Takes one sample; rates are those since the sample before.
   *
   * @param format how it is written
   * @return the sample
   */
  public String sample(Format format) {
    return handle.inside(p -> Text.from(out -> dsk_native.dsk_bench_monitor_run(p, format.ordinal(), out)));
  }

  @Override
  public void close() {
    handle.close();
  }
}
