package ai.dsk.tp;

import static java.nio.charset.StandardCharsets.UTF_8;

import ai.dsk.internal.Handle;
import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Struct;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** A mapped safetensors file. Any number of threads may read it; it must be open when a layer is made of its weights. */
public final class Weights implements AutoCloseable {
  final Handle handle;

  /**
   * Maps a file and checks its header.
   *
   * @param file the file
   * @throws ai.dsk.DskException IO, or INVALID_REQUEST with the tensor's name in the path
   */
  public Weights(Path file) {
    NativeLibrary.ensure();
    byte[] path = Text.bytes(file.toString());
    handle = Handle.own(this, Text.made(out -> dsk_native.dsk_tp_weights_create(path, out)), "Weights", dsk_native::dsk_tp_weights_destroy);
  }

  /**
   * The tensors in file order.
   *
   * @return their names
   */
  public List<String> names() {
    return handle.inside(p -> {
      List<String> names = new ArrayList<>();
      for (long i = 0; i < dsk_native.dsk_tp_weights_count(p); i++) {
        names.add(new String(dsk_native.dsk_tp_weights_get_name(p, i), UTF_8));
      }
      return List.copyOf(names);
    });
  }

  byte[] raw(String prefix) {
    Struct s = new Struct(Weight.SIZE).size();
    handle.inside(p -> dsk_native.dsk_tp_weights_get(p, Text.bytes(prefix), s.address()));
    Reference.reachabilityFence(s);
    return s.begin().raw(Weight.SIZE);
  }

  /**
   * The weight of one layer: the tensors prefix.weight (or .weight_packed), its scales and its bias.
   *
   * @param prefix the layer's name
   * @return the weight
   * @throws ai.dsk.DskException NOT_FOUND, or UNSUPPORTED for a type or shape that no layer takes
   */
  public Weight get(String prefix) {
    Struct s = new Struct(Weight.SIZE).raw(raw(prefix)).at(4);
    DType dtype = DType.of(s.i32());
    long n = s.i64();
    long k = s.i64();
    return new Weight(dtype, n, k, null, null, DType.of(s.at(56).i32()), null, this, prefix);
  }

  /** Runs a call while the files of all weights stay mapped. */
  static <T> T mapped(List<Weight> weights, Supplier<T> call) {
    Handle[] files = weights.stream().filter(w -> w.file() != null).map(w -> w.file().handle).toArray(Handle[]::new);
    return Handle.insideAll(files, pointers -> call.get());
  }

  @Override
  public void close() {
    handle.close();
  }
}
