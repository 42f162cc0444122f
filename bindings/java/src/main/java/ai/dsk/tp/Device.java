package ai.dsk.tp;

import ai.dsk.internal.Handle;
import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.util.List;

/** An opened accelerator, or the CPU. */
public final class Device implements AutoCloseable {
  /**
   * What was opened; a text is "" when unknown.
   *
   * @param multiprocessors multiprocessors
   * @param computeMajor compute capability
   * @param computeMinor compute capability
   * @param memoryBytes memory
   * @param backend "cpu" or "cuda"
   * @param name name
   * @param uuid identity
   * @param driverVersion driver
   * @param blasVersion library of products
   * @param collectiveVersion library of collectives
   */
  public record Info(int multiprocessors, int computeMajor, int computeMinor, long memoryBytes, String backend, String name, String uuid,
      String driverVersion, String blasVersion, String collectiveVersion) {
    static final int SIZE = 328;
  }

  final Handle handle;

  /**
   * Opens a device.
   *
   * @param backend "cpu" or "cuda"
   * @param ordinal which of the backend's devices
   * @throws ai.dsk.DskException NOT_FOUND, or UNAVAILABLE with a sentence that names what is missing or too old
   */
  public Device(String backend, int ordinal) {
    NativeLibrary.ensure();
    byte[] name = Text.bytes(backend);
    handle = Handle.own(this, Text.made(out -> dsk_native.dsk_tp_device_create(name, ordinal, out)), "Device", dsk_native::dsk_tp_device_destroy);
  }

  /**
   * What was opened.
   *
   * @return the device
   */
  public Info info() {
    Struct s = new Struct(Info.SIZE).size();
    handle.inside(p -> dsk_native.dsk_tp_device_get_info(p, s.address()));
    Reference.reachabilityFence(s);
    s.at(4);
    return new Info(s.i32(), s.i32(), s.i32(), s.i64(), s.text(32), s.text(128), s.text(48), s.text(32), s.text(32), s.text(32));
  }

  /**
   * Allocates memory of the device.
   *
   * @param bytes how much
   * @return the memory, 256-byte aligned
   */
  public DeviceMemory allocate(long bytes) {
    return new DeviceMemory(this, bytes);
  }

  /**
   * A stream of the device, to be given back with {@link #freeStream}.
   *
   * @return a cudaStream_t; 0 on the CPU
   */
  public long newStream() {
    return handle.inside(p -> Text.made(out -> dsk_native.dsk_tp_stream_create(p, out)));
  }

  /**
   * Frees a stream.
   *
   * @param stream of {@link #newStream}
   */
  public void freeStream(long stream) {
    handle.inside(p -> {
      dsk_native.dsk_tp_stream_destroy(p, stream);
      return null;
    });
  }

  /**
   * Makes an id on one rank, which the caller brings to the others.
   *
   * @return 128 bytes
   * @throws ai.dsk.DskException UNSUPPORTED on the CPU
   */
  public byte[] newUniqueId() {
    Struct s = new Struct(Comm.ID_SIZE);
    handle.inside(p -> dsk_native.dsk_tp_unique_id_create(p, s.address()));
    Reference.reachabilityFence(s);
    return s.begin().raw(Comm.ID_SIZE);
  }

  static Handle[] handles(List<Device> devices) {
    return devices.stream().map(d -> d.handle).toArray(Handle[]::new);
  }

  /** Frees the caller's hold; communicators keep theirs. */
  @Override
  public void close() {
    handle.close();
  }
}
