package ai.dsk;

/** What a program branches on when a call fails. The library's docs/errors.md says what each means. */
public enum Status {
  /** Answered. */
  OK(0),
  /** The caller broke the contract of the call. */
  INVALID_ARGUMENT(1),
  /** The document is malformed or contradicts itself; see the path. */
  INVALID_REQUEST(2),
  /** Unknown model, device, link, engine or price. */
  NOT_FOUND(3),
  /** Understood, but this library cannot do it. */
  UNSUPPORTED(5),
  /** Not on this machine, or not now. */
  UNAVAILABLE(6),
  /** A token, a future or a callback stopped the work. */
  CANCELLED(7),
  /** A time limit has passed. */
  DEADLINE(8),
  /** No host memory. */
  OUT_OF_MEMORY(9),
  /** A driver or a device library failed. */
  BACKEND(10),
  /** A file or a socket could not be read or written. */
  IO(11),
  /** A bug in the library. */
  INTERNAL(100),
  /** A status that this version of the package does not know. */
  UNKNOWN(-1);

  private final int value;

  Status(int value) {
    this.value = value;
  }

  /**
   * The number in the C library.
   *
   * @return the number
   */
  public int value() {
    return value;
  }

  static Status of(int value) {
    for (Status status : values()) {
      if (status.value == value) {
        return status;
      }
    }
    return UNKNOWN;
  }
}
