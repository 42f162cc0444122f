package ai.dsk.tp;

import ai.dsk.internal.Struct;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/** Options of layers, and what layers share. */
public final class Layers {
  private Layers() {}

  /** Column split: join y by an all-gather. */
  public static final int GATHER_OUTPUT = 0x1;
  /** Row split: the partial sums travel as F32. */
  public static final int REDUCE_F32 = 0x2;
  /** F32 products may use TF32. */
  public static final int ALLOW_TF32 = 0x4;
  /** A row of y has the same bits at every m; slower. */
  public static final int BATCH_INVARIANT = 0x8;
  /** CPU: accumulate in double precision; slow. */
  public static final int REFERENCE = 0x10;
  /** Add the residual after the all-reduce, and write it. */
  public static final int RESIDUAL = 0x20;
  /** Do not measure at creation. */
  public static final int NO_MEASURE = 0x40;

  /** Which dimension of a weight the ranks share. */
  public enum Split {
    /** Every rank has all of W. */
    REPLICATED,
    /** Rows of W (outputs) are split. */
    COLUMN,
    /** Columns of W (inputs) are split; all-reduce. */
    ROW
  }

  /** The function between the products of an MLP. */
  public enum Activation {
    /** SiLU. */
    SILU,
    /** GELU by the error function. */
    GELU,
    /** GELU by tanh. */
    GELU_TANH
  }

  /**
   * What a layer is on its rank.
   *
   * @param measured products whose choice was measured at creation
   * @param n of the rank's product (an MLP: of the down product)
   * @param k of the rank's product
   * @param nOffset of the shard in the whole weight
   * @param kOffset of the shard in the whole weight
   * @param inputColumns columns of x on this rank
   * @param outputColumns columns of y on this rank
   * @param weightBytes device memory that the layer holds
   * @param workspaceBytes for m up to the largest
   * @param createMs time that creation took
   * @param measureMs time that measuring took
   */
  public record Info(int measured, long n, long k, long nOffset, long kOffset, long inputColumns, long outputColumns, long weightBytes,
      long workspaceBytes, double createMs, double measureMs) {
    static final int SIZE = 88;

    static Info of(Struct s) {
      s.at(4);
      return new Info(s.i32(), s.i64(), s.i64(), s.i64(), s.i64(), s.i64(), s.i64(), s.i64(), s.i64(), s.f64(), s.f64());
    }
  }

  /**
   * What one run of a layer reads and writes; null for what is not used. Activations are row-major and dense.
   *
   * @param m rows; 0 does nothing
   * @param x input
   * @param y output
   * @param residual added, with the flag
   * @param residualOut written, with the flag
   * @param workspace of the size that {@link Info} says
   * @param workspaceBytes its size
   */
  public record Args(long m, Address x, Address y, Address residual, Address residualOut, Address workspace, long workspaceBytes) {
    static final int SIZE = 64;
    private static final long MAX_M = 65536;
    private static final String[] NAMES = {"x", "y", "residual", "residualOut", "workspace"};

    /**
     * Arguments without a residual.
     *
     * @param m rows
     * @param x input
     * @param y output
     * @param workspace of the size that {@link Info} says
     * @param workspaceBytes its size
     */
    public Args(long m, Address x, Address y, Address workspace, long workspaceBytes) {
      this(m, x, y, null, null, workspace, workspaceBytes);
    }

    /**
     * Runs a call with the arguments in C's form, holding the device memory that they point into. What would go beyond such
     * memory is refused; an address of the caller's own has no known end.
     */
    <T> T inside(Shape shape, java.util.function.LongFunction<T> call) {
      Address[] parts = {x, y, residual, residualOut, workspace};
      long[] bytes = {m * shape.input, m * shape.output, m * shape.output, m * shape.output, workspaceBytes};
      for (int i = 0; i < parts.length; i++) {
        if (parts[i] != null && m >= 0 && m <= MAX_M) {
          parts[i].check(NAMES[i], bytes[i]);
        }
      }
      Struct s = new Struct(SIZE).size().i32(0).i64(m);
      int entered = 0;
      try {
        for (; entered < parts.length; entered++) {
          s.i64(parts[entered] == null ? 0 : parts[entered].enter());
        }
        s.i64(workspaceBytes);
        return call.apply(s.address());
      } finally {
        while (entered > 0) {
          if (parts[--entered] != null) {
            parts[entered].leave();
          }
        }
        Reference.reachabilityFence(s);
      }
    }
  }

  /** How many bytes a row of a layer's activations has on its rank. */
  record Shape(long input, long output) {
    static Shape of(Info info, DType activation) {
      long size = activation == DType.F32 ? 4 : 2;
      return new Shape(info.inputColumns() * size, info.outputColumns() * size);
    }
  }

  /** Refuses host memory that is too short for what C would read. */
  static void fits(String what, ByteBuffer memory, long n, DType activation) {
    long size = n * (activation == DType.F32 ? 4 : 2);
    if (memory != null && (!memory.isDirect() || memory.capacity() != size)) {
      throw new IllegalArgumentException(what + " must be a direct buffer of " + size + " bytes: n elements of the activation type");
    }
  }
}
