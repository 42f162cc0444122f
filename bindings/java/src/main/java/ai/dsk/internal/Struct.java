package ai.dsk.internal;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One C struct in memory of Java's: members are written or read in order, each at its natural alignment, as C lays them out on
 * every 64-bit machine. Sizes are held against C's by the tests.
 */
public final class Struct {
  private final ByteBuffer memory;
  private final long address;

  /** Memory for a struct, zeroed. */
  public Struct(int size) {
    memory = ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    address = dsk_native.buffer_address(memory);
  }

  private Struct(ByteBuffer memory) {
    this.memory = memory.order(ByteOrder.nativeOrder());
    this.address = 0;
  }

  /** A struct that C made. */
  public static Struct over(ByteBuffer memory) {
    return new Struct(memory);
  }

  /** Address of a direct buffer's first byte, whatever its position; 0 for null. */
  public static long addressOf(ByteBuffer buffer) {
    return buffer == null ? 0 : dsk_native.buffer_address(buffer);
  }

  /** For C. The struct must stay reachable until the call returns. */
  public long address() {
    return address;
  }

  /** Goes back to the first member. */
  public Struct begin() {
    memory.position(0);
    return this;
  }

  /** Goes to a byte. */
  public Struct at(int offset) {
    memory.position(offset);
    return this;
  }

  private void align(int size) {
    memory.position((memory.position() + size - 1) / size * size);
  }

  /** Writes a 32-bit member. */
  public Struct i32(int value) {
    align(4);
    memory.putInt(value);
    return this;
  }

  /** Writes struct_size. */
  public Struct size() {
    return i32(memory.capacity());
  }

  /** Writes a 64-bit member, or a pointer. */
  public Struct i64(long value) {
    align(8);
    memory.putLong(value);
    return this;
  }

  /** Writes a float member. */
  public Struct f32(float value) {
    align(4);
    memory.putFloat(value);
    return this;
  }

  /** Writes a double member. */
  public Struct f64(double value) {
    align(8);
    memory.putDouble(value);
    return this;
  }

  /** Reads a 32-bit member. */
  public int i32() {
    align(4);
    return memory.getInt();
  }

  /** Reads a 64-bit member. */
  public long i64() {
    align(8);
    return memory.getLong();
  }

  /** Reads a double member. */
  public double f64() {
    align(8);
    return memory.getDouble();
  }

  /** Reads a NUL-terminated text in an array of `size` bytes. */
  public String text(int size) {
    byte[] bytes = new byte[size];
    memory.get(bytes);
    int length = 0;
    while (length < size && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, UTF_8);
  }

  /** Reads raw bytes. */
  public byte[] raw(int size) {
    byte[] bytes = new byte[size];
    memory.get(bytes);
    return bytes;
  }

  /** Writes raw bytes. */
  public Struct raw(byte[] bytes) {
    memory.put(bytes);
    return this;
  }
}
