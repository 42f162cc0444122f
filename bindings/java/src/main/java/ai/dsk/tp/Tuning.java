package ai.dsk.tp;

import ai.dsk.internal.Handle;
import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;

/** Measured choices, kept in a small text. */
public final class Tuning implements AutoCloseable {
  private final Handle handle;

  /** An empty table. */
  public Tuning() {
    this(null);
  }

  /**
   * A table.
   *
   * @param json what {@link #toJson} gave; null for an empty table
   */
  public Tuning(String json) {
    NativeLibrary.ensure();
    byte[] text = json == null ? null : Text.bytes(json);
    handle = Handle.own(this, Text.made(out -> dsk_native.dsk_tp_tuning_create(text, out)), "Tuning", dsk_native::dsk_tp_tuning_destroy);
  }

  /**
   * The table as text to keep.
   *
   * @return the text
   */
  public String toJson() {
    return handle.inside(p -> Text.from(out -> dsk_native.dsk_tp_tuning_to_json(p, out)));
  }

  /**
   * Number of entries.
   *
   * @return how many
   */
  public long count() {
    return handle.inside(dsk_native::dsk_tp_tuning_count);
  }

  /** Runs a call with the table's pointer; null stands for no table. */
  static <T> T with(Tuning tuning, Handle.Inside<T> call) {
    return tuning == null ? call.apply(0) : tuning.handle.inside(call);
  }

  @Override
  public void close() {
    handle.close();
  }
}
