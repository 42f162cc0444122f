package ai.dsk.tp;

import ai.dsk.internal.Handle;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A chain of layers, captured once and replayed. */
public final class Graph implements AutoCloseable {
  /**
   * What a graph is.
   *
   * @param captured whether it is captured
   * @param steps layers in the chain, over all ranks
   * @param nodes device nodes; 0 before capture
   * @param memoryBytes device memory that the captured graph takes, an upper bound
   * @param captureMs time of capture; 0 before
   */
  public record Info(boolean captured, long steps, long nodes, long memoryBytes, double captureMs) {
    static final int SIZE = 40;
  }

  private final Handle handle;
  // Device memory that the chain points into: it stays until the chain goes, even when it is closed before.
  private final Set<Handle> memory = Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));

  private final Map<Long, Layers.Shape> shapes = new ConcurrentHashMap<>(); // of each step

  /**
   * An empty chain.
   *
   * @param comms one rank with its own thread, or several ranks of a local communicator
   */
  public Graph(List<Comm> comms) {
    long pointer = Handle.insideAll(Comm.handles(comms), c -> Text.made(out -> dsk_native.dsk_tp_graph_create(c, out)));
    handle = Handle.own(this, pointer, "Graph", release(memory));
  }

  private static java.util.function.LongConsumer release(Set<Handle> memory) {
    return p -> {
      dsk_native.dsk_tp_graph_destroy(p);
      memory.forEach(Handle::leave);
      memory.clear();
    };
  }

  private void keep(Layers.Args args) {
    for (Address a : new Address[] {args.x(), args.y(), args.residual(), args.residualOut(), args.workspace()}) {
      if (a != null && a.memory() != null && memory.add(a.memory().handle)) {
        a.memory().handle.enter();
      }
    }
  }

  private interface Add {
    void into(long graph, long layer, long args, long[] step);
  }

  private long add(Handle layer, Layers.Shape shape, Layers.Args args, Add add) {
    return handle.inside(g -> layer.inside(l -> args.inside(shape, a -> {
      long[] step = new long[1];
      add.into(g, l, a, step);
      keep(args);
      shapes.put(step[0], shape);
      return step[0];
    })));
  }

  /**
   * Appends a layer to its rank's chain.
   *
   * @param layer the layer
   * @param args what it reads and writes
   * @return the step's number for {@link #set}
   */
  public long add(Linear layer, Layers.Args args) {
    return add(layer.handle, layer.shape, args, dsk_native::dsk_tp_graph_add_linear);
  }

  /**
   * Appends a block to its rank's chain.
   *
   * @param block the block
   * @param args what it reads and writes
   * @return the step's number for {@link #set}
   */
  public long add(Mlp block, Layers.Args args) {
    return add(block.handle, block.shape, args, dsk_native::dsk_tp_graph_add_mlp);
  }

  /** Captures the chain, or captures it again after {@link #set}. */
  public void capture() {
    handle.inside(dsk_native::dsk_tp_graph_capture);
  }

  /**
   * Changes pointers or m of one step; it counts from the next {@link #capture}.
   *
   * @param step its number
   * @param args what it reads and writes
   */
  public void set(long step, Layers.Args args) {
    handle.inside(g -> args.inside(shapes.getOrDefault(step, new Layers.Shape(0, 0)), a -> {
      int status = dsk_native.dsk_tp_graph_set(g, step, a);
      keep(args);
      return status;
    }));
  }

  /**
   * Runs the chain; on the CPU the work is done when it returns.
   *
   * @param stream the stream; 0 on the CPU
   */
  public void replay(long stream) {
    handle.inside(g -> dsk_native.dsk_tp_graph_replay(g, stream));
  }

  /**
   * What the graph is.
   *
   * @return it
   */
  public Info info() {
    Struct s = new Struct(Info.SIZE).size();
    handle.inside(g -> dsk_native.dsk_tp_graph_get_info(g, s.address()));
    Reference.reachabilityFence(s);
    s.at(4);
    return new Info(s.i32() != 0, s.i64(), s.i64(), s.i64(), s.f64());
  }

  @Override
  public void close() {
    handle.close();
  }
}
