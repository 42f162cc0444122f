package ai.dsk.internal;

import static java.nio.charset.StandardCharsets.UTF_8;

import ai.dsk.DskException;
import ai.dsk.Status;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;

/** Text between Java and C, always as UTF-8 bytes: JNI's own strings are not UTF-8. */
public final class Text {
  private Text() {}

  /** UTF-8 of a text; half a surrogate pair is refused rather than changed. */
  public static byte[] bytes(String text) {
    try {
      ByteBuffer out = UTF_8.newEncoder().onUnmappableCharacter(CodingErrorAction.REPORT).onMalformedInput(CodingErrorAction.REPORT).encode(CharBuffer.wrap(text));
      byte[] bytes = new byte[out.remaining()];
      out.get(bytes);
      return bytes;
    } catch (CharacterCodingException e) {
      throw new DskException(Status.INVALID_REQUEST, "the text holds half a surrogate pair, which is no character", "", "ai.dsk");
    }
  }

  /** A C call that gives a text. */
  public interface Call {
    /** Makes it. */
    void into(byte[][] out);
  }

  /** Bytes of the text that a call gives. */
  public static byte[] bytesFrom(Call call) {
    byte[][] out = new byte[1][];
    call.into(out);
    return out[0];
  }

  /** The text that a call gives. */
  public static String from(Call call) {
    return new String(bytesFrom(call), UTF_8);
  }

  /** A C call that makes a handle. */
  public interface Make {
    /** Makes it. */
    void into(long[] out);
  }

  /** The handle that a call makes. */
  public static long made(Make call) {
    long[] out = new long[1];
    call.into(out);
    return out[0];
  }
}
