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

  /** Refuses what goes beyond the memory. */
  void check(String what, long bytes) {
    if (memory != null && (offset < 0 || bytes < 0 || offset > memory.size() || bytes > memory.size() - offset)) {
      throw new IndexOutOfBoundsException(what + " needs " + bytes + " bytes at " + offset + ", its device memory has " + memory.size());
    }
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
