package ai.dsk;

import static java.nio.charset.StandardCharsets.UTF_8;

/** A failure of the library. The message is one sentence that names the field, its value and what is allowed. */
public final class DskException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final Status status;
  private final String path;
  private final String where;

  /**
   * A failure.
   *
   * @param status what a program branches on
   * @param message one sentence
   * @param path JSON pointer into the request, or ""
   * @param where the function that failed
   */
  public DskException(Status status, String message, String path, String where) {
    super(message);
    this.status = status;
    this.path = path;
    this.where = where;
  }

  /** Called by the native layer, with UTF-8. */
  DskException(int status, byte[] message, byte[] path, byte[] where) {
    this(Status.of(status), new String(message, UTF_8), new String(path, UTF_8), new String(where, UTF_8));
  }

  /**
   * What a program branches on.
   *
   * @return the status
   */
  public Status status() {
    return status;
  }

  /**
   * Where in the request the failure lies.
   *
   * @return a JSON pointer such as "/workload/input_tokens"; "" is the whole document, or none
   */
  public String path() {
    return path;
  }

  /**
   * The function that failed, for bug reports.
   *
   * @return its name
   */
  public String where() {
    return where;
  }
}
