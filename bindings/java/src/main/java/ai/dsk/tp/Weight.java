package ai.dsk.tp;

import ai.dsk.internal.Struct;
import java.nio.ByteBuffer;

/**
 * One weight as checkpoints store it, whole, in host memory; the C header tp.h has the layout of each type. It is copied when a
 * layer is made.
 *
 * @param dtype type of the elements
 * @param n rows
 * @param k columns
 * @param data a direct buffer; null for a weight of a file
 * @param scales a direct buffer, or null
 * @param scalesDtype type of the scales
 * @param bias [n] in the layer's activation type, a direct buffer, or null
 * @param file where the weight lies, or null
 * @param prefix its name there, or null
 */
public record Weight(DType dtype, long n, long k, ByteBuffer data, ByteBuffer scales, DType scalesDtype, ByteBuffer bias, Weights file, String prefix) {
  static final int SIZE = 72;

  /**
   * Checks that C can read the buffers.
   *
   * @param dtype as in the record
   * @param n as in the record
   * @param k as in the record
   * @param data as in the record
   * @param scales as in the record
   * @param scalesDtype as in the record
   * @param bias as in the record
   * @param file as in the record
   * @param prefix as in the record
   */
  public Weight {
    for (ByteBuffer b : new ByteBuffer[] {data, scales, bias}) {
      if (b != null && !b.isDirect()) {
        throw new IllegalArgumentException("data, scales and bias must be direct buffers");
      }
    }
  }

  /**
   * A weight without scales and bias.
   *
   * @param dtype type of the elements
   * @param n rows
   * @param k columns
   * @param data a direct buffer
   */
  public Weight(DType dtype, long n, long k, ByteBuffer data) {
    this(dtype, n, k, data, null, DType.NONE, null, null, null);
  }

  /** Writes the weight in C's form. A weight of a file has the pointers that the file gives. */
  void write(Struct s) {
    if (file != null) {
      s.raw(file.raw(prefix));
      return;
    }
    s.i32(SIZE).i32(dtype.ordinal()).i64(n).i64(k).i64(Struct.addressOf(data)).i64(data == null ? 0 : data.capacity());
    s.i64(Struct.addressOf(scales)).i64(scales == null ? 0 : scales.capacity()).i32(scalesDtype.ordinal()).i64(Struct.addressOf(bias));
  }
}
