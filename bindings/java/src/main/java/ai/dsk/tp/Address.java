package ai.dsk.tp;

/** A place in device memory. */
public final class Address {
  private final DeviceMemory memory;
  private final long offset;

  Address(DeviceMemory memory, long offset) {
    this.memory = memory;
    this.offset = offset;
  }

  /**
   * A device pointer of the caller's own, such as one from another CUDA library, at the caller's own risk.
   *
   * @param pointer the pointer
   * @return the place
   */
  public static Address raw(long pointer) {
    return new Address(null, pointer);
  }

  DeviceMemory memory() {
    return memory;
  }

  long enter() {
    return memory == null ? offset : memory.handle.enter() + offset;
  }

  void leave() {
    if (memory != null) {
      memory.handle.leave();
    }
  }
}
