package ai.dsk.internal;

import java.nio.ByteBuffer;

/** What a measurement calls back: one sample in C's memory. Its method's name and type are known to the native layer. */
public interface Work {
  /** Does the work of one sample. */
  void run(ByteBuffer sample);
}
