package ai.dsk.tp;

import ai.dsk.internal.Handle;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.List;

/** A linear layer: weights sharded, every choice made. */
public final class Linear implements AutoCloseable {
  /**
   * A layer, unsharded. With query heads it is a fused QKV: one weight [q | k | v], or three.
   *
   * @param flags of {@link Layers}
   * @param split which dimension the ranks share
   * @param activation F32, BF16 or F16
   * @param maxM largest number of rows
   * @param qHeads query heads, or 0
   * @param kvHeads key and value heads
   * @param headDim size of a head
   * @param normEps with gamma; 0 = 1e-6
   * @param gamma [n] in the activation type, a direct buffer; null: no norm
   * @param weights one, or three for QKV
   * @param tuning read and added to; null: none
   */
  public record Options(int flags, Layers.Split split, DType activation, long maxM, int qHeads, int kvHeads, int headDim, float normEps,
      ByteBuffer gamma, List<Weight> weights, Tuning tuning) {
    /**
     * A layer without heads, norm and tuning.
     *
     * @param split which dimension the ranks share
     * @param activation F32, BF16 or F16
     * @param maxM largest number of rows
     * @param weight the weight
     */
    public Options(Layers.Split split, DType activation, long maxM, Weight weight) {
      this(0, split, activation, maxM, 0, 0, 0, 0, null, List.of(weight), null);
    }
  }

  static final int DESC_SIZE = 72;
  final Handle handle;
  final Layers.Shape shape;

  /**
   * Shards and loads the weights and makes every choice.
   *
   * @param comm the rank
   * @param o the layer
   */
  public Linear(Comm comm, Options o) {
    Layers.fits("gamma", o.gamma(), o.weights().stream().mapToLong(Weight::n).sum(), o.activation());
    o.weights().forEach(w -> Layers.fits("bias", w.bias(), w.n(), o.activation()));
    long pointer = Weights.mapped(o.weights(), () -> {
      Struct weights = new Struct(Math.max(1, o.weights().size()) * Weight.SIZE);
      o.weights().forEach(w -> w.write(weights));
      return comm.handle.inside(c -> Tuning.with(o.tuning(), tuning -> {
        Struct s = new Struct(DESC_SIZE).size().i32(o.flags()).i32(o.split().ordinal()).i32(o.activation().ordinal()).i64(o.maxM());
        s.i32(o.qHeads()).i32(o.kvHeads()).i32(o.headDim()).f32(o.normEps()).i64(Struct.addressOf(o.gamma()));
        s.i64(weights.address()).i32(o.weights().size()).i32(0).i64(tuning);
        try {
          return Text.made(out -> dsk_native.dsk_tp_linear_create(c, s.address(), out));
        } finally {
          Reference.reachabilityFence(s);
          Reference.reachabilityFence(weights);
          Reference.reachabilityFence(o);
        }
      }));
    });
    handle = Handle.own(this, pointer, "Linear", dsk_native::dsk_tp_linear_destroy);
    shape = Layers.Shape.of(info(), o.activation());
  }

  /**
   * What the layer is on its rank.
   *
   * @return it
   */
  public Layers.Info info() {
    Struct s = new Struct(Layers.Info.SIZE).size();
    handle.inside(p -> dsk_native.dsk_tp_linear_get_info(p, s.address()));
    Reference.reachabilityFence(s);
    return Layers.Info.of(s);
  }

  /**
   * Runs the layer; on the CPU the work is done when it returns.
   *
   * @param args what it reads and writes
   * @param stream the stream; 0 on the CPU
   */
  public void enqueue(Layers.Args args, long stream) {
    handle.inside(p -> args.inside(shape, a -> dsk_native.dsk_tp_linear_enqueue(p, a, stream)));
  }

  @Override
  public void close() {
    handle.close();
  }
}
