package ai.dsk.tp;

import ai.dsk.internal.Handle;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/** Memory of a device. It must stay open while work that uses it is under way. */
public final class DeviceMemory implements AutoCloseable {
  final Handle handle;
  private final Device device;
  private final long bytes;

  DeviceMemory(Device device, long bytes) {
    this.device = device;
    this.bytes = bytes;
    // Freeing needs the device, so the memory counts as a call inside it until it is freed.
    Handle parent = device.handle;
    long p = parent.enter();
    try {
      long memory = Text.made(out -> dsk_native.dsk_tp_device_memory_create(p, bytes, out));
      handle = Handle.own(this, memory, "DeviceMemory", m -> {
        dsk_native.dsk_tp_device_memory_destroy(p, m);
        parent.leave();
      });
    } catch (RuntimeException e) {
      parent.leave();
      throw e;
    }
  }

  /**
   * Its size.
   *
   * @return bytes
   */
  public long size() {
    return bytes;
  }

  /**
   * A place inside it.
   *
   * @param offset bytes from its begin
   * @return the place
   */
  public Address at(long offset) {
    return new Address(this, offset);
  }

  /**
   * Copies host memory to the device, after all work before it; complete when it returns.
   *
   * @param offset bytes from the begin of this memory
   * @param from a direct buffer, of which all is copied
   */
  public void write(long offset, ByteBuffer from) {
    copy(offset, from, true);
  }

  /**
   * Copies device memory to the host, after all work before it; complete when it returns.
   *
   * @param offset bytes from the begin of this memory
   * @param to a direct buffer, all of which is filled
   */
  public void read(long offset, ByteBuffer to) {
    copy(offset, to, false);
  }

  private void copy(long offset, ByteBuffer host, boolean write) {
    if (!host.isDirect() || !write && host.isReadOnly()) {
      throw new IllegalArgumentException("host memory must be a direct buffer that may be written");
    }
    if (offset < 0 || host.capacity() > bytes - offset) {
      throw new IndexOutOfBoundsException("the copy goes beyond the device memory of " + bytes + " bytes");
    }
    handle.inside(m -> device.handle.insideHeld(d -> {
      long there = m + offset;
      long here = Struct.addressOf(host);
      return dsk_native.dsk_tp_device_memory_set(d, write ? there : here, write ? here : there, host.capacity());
    }));
    Reference.reachabilityFence(host);
  }

  @Override
  public void close() {
    handle.close();
  }
}
