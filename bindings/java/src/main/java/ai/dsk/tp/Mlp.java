package ai.dsk.tp;

import ai.dsk.internal.Handle;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.List;

/** The block h = f(x gate^T) * (x up^T), y = h down^T, with the inner dimension split: one all-reduce. */
public final class Mlp implements AutoCloseable {
  /**
   * A block, unsharded.
   *
   * @param flags of {@link Layers}
   * @param function between the products
   * @param activation F32, BF16 or F16
   * @param maxM largest number of rows
   * @param normEps with gamma; 0 = 1e-6
   * @param gamma [hidden] in the activation type, a direct buffer; null: no norm
   * @param gate [inner, hidden]
   * @param up [inner, hidden]
   * @param down [hidden, inner]
   * @param tuning read and added to; null: none
   */
  public record Options(int flags, Layers.Activation function, DType activation, long maxM, float normEps, ByteBuffer gamma, Weight gate, Weight up,
      Weight down, Tuning tuning) {}

  static final int DESC_SIZE = 72;
  final Handle handle;
  final Layers.Shape shape;

  /**
   * Shards and loads the weights and makes every choice.
   *
   * @param comm the rank
   * @param o the block
   */
  public Mlp(Comm comm, Options o) {
    List<Weight> all = List.of(o.gate(), o.up(), o.down());
    Layers.fits("gamma", o.gamma(), o.down().n(), o.activation());
    all.forEach(w -> Layers.fits("bias", w.bias(), w.n(), o.activation()));
    long pointer = Weights.mapped(all, () -> {
      Struct weights = new Struct(3 * Weight.SIZE);
      all.forEach(w -> w.write(weights));
      return comm.handle.inside(c -> Tuning.with(o.tuning(), tuning -> {
        Struct s = new Struct(DESC_SIZE).size().i32(o.flags()).i32(o.function().ordinal()).i32(o.activation().ordinal()).i64(o.maxM());
        s.f32(o.normEps()).i32(0).i64(Struct.addressOf(o.gamma()));
        for (int i = 0; i < 3; i++) {
          s.i64(weights.address() + (long) i * Weight.SIZE);
        }
        s.i64(tuning);
        try {
          return Text.made(out -> dsk_native.dsk_tp_mlp_create(c, s.address(), out));
        } finally {
          Reference.reachabilityFence(s);
          Reference.reachabilityFence(weights);
          Reference.reachabilityFence(o);
        }
      }));
    });
    handle = Handle.own(this, pointer, "Mlp", dsk_native::dsk_tp_mlp_destroy);
    shape = Layers.Shape.of(info(), o.activation());
  }

  /**
   * What the block is on its rank.
   *
   * @return it
   */
  public Layers.Info info() {
    Struct s = new Struct(Layers.Info.SIZE).size();
    handle.inside(p -> dsk_native.dsk_tp_mlp_get_info(p, s.address()));
    Reference.reachabilityFence(s);
    return Layers.Info.of(s);
  }

  /**
   * Runs the block; on the CPU the work is done when it returns.
   *
   * @param args what it reads and writes
   * @param stream the stream; 0 on the CPU
   */
  public void enqueue(Layers.Args args, long stream) {
    handle.inside(p -> args.inside(shape, a -> dsk_native.dsk_tp_mlp_enqueue(p, a, stream)));
  }

  @Override
  public void close() {
    handle.close();
  }
}
