package ai.dsk.tp;

/** Element type of a tensor in memory. */
public enum DType {
  /** No tensor. */
  NONE,
  /** 32-bit floating point. */
  F32,
  /** bfloat16. */
  BF16,
  /** 16-bit floating point. */
  F16,
  /** OCP E4M3. */
  F8E4M3,
  /** Two's complement, -127..127 used. */
  I8,
  /** Two per byte along the last dimension, low nibble first, stored as value + 8. */
  I4,
  /** 32-bit whole numbers. */
  I32;

  static DType of(int value) {
    return values()[value];
  }
}
