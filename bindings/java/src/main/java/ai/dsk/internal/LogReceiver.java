package ai.dsk.internal;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Where the library's messages arrive, from any thread. The method's name and type are known to the native layer. */
public final class LogReceiver {
  /** A receiver of messages. */
  public interface Receiver {
    /** Takes one. */
    void receive(int level, String module, String message);
  }

  private static volatile Receiver receiver;

  private LogReceiver() {}

  /** Sets the receiver; null turns logging off. */
  public static synchronized void set(int level, Receiver wanted) {
    receiver = wanted;
    dsk_native.log_set(level, wanted == null ? null : LogReceiver.class);
  }

  static void receive(int level, byte[] module, byte[] message) {
    Receiver r = receiver;
    if (r != null) {
      r.receive(level, new String(module, UTF_8), new String(message, UTF_8));
    }
  }
}
