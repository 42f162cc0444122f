package ai.dsk.internal;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * One object of the C library. Calls count themselves in and out, so that the object is destroyed when it is closed and no call
 * is inside, whichever comes last: neither close() in another thread nor the collector can pull it away.
 */
public final class Handle {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final long CLOSED = 1L << 62;

  private final long pointer;
  private final String what;
  private final LongConsumer destroy;
  private final AtomicLong state = new AtomicLong();

  private Handle(long pointer, String what, LongConsumer destroy) {
    this.pointer = pointer;
    this.what = what;
    this.destroy = destroy;
  }

  /** Ties a C object to its Java owner: what the owner does not close, the cleaner does. */
  public static Handle own(Object owner, long pointer, String what, LongConsumer destroy) {
    Handle handle = new Handle(pointer, what, destroy);
    CLEANER.register(owner, handle::close);
    return handle;
  }

  /** Goes in and gives the C object; {@link #leave} must follow. */
  public long enter() {
    for (; ; ) {
      long s = state.get();
      if ((s & CLOSED) != 0) {
        throw new IllegalStateException("the " + what + " is closed");
      }
      if (state.compareAndSet(s, s + 1)) {
        return pointer;
      }
    }
  }

  /** Goes out. */
  public void leave() {
    if (state.decrementAndGet() == CLOSED) {
      destroy.accept(pointer);
    }
  }

  /** Destroys the object, now or when the last call has left. */
  public void close() {
    for (; ; ) {
      long s = state.get();
      if ((s & CLOSED) != 0) {
        return;
      }
      if (state.compareAndSet(s, s | CLOSED)) {
        if (s == 0) {
          destroy.accept(pointer);
        }
        return;
      }
    }
  }

  /** Work with the C object. */
  public interface Inside<T> {
    /** Does it. */
    T apply(long pointer);
  }

  /** Runs the work with the C object. */
  public <T> T inside(Inside<T> work) {
    long p = enter();
    try {
      return work.apply(p);
    } finally {
      leave();
    }
  }

  /** Runs the work with the C object that a child of the caller's holds: it is there even when it was closed. */
  public <T> T insideHeld(Inside<T> work) {
    return work.apply(pointer);
  }

  /** Enters all of them, runs the work with the C objects, and leaves them. */
  public static <T> T insideAll(Handle[] handles, java.util.function.Function<long[], T> work) {
    long[] pointers = new long[handles.length];
    int entered = 0;
    try {
      for (; entered < handles.length; entered++) {
        pointers[entered] = handles[entered].enter();
      }
      return work.apply(pointers);
    } finally {
      while (entered > 0) {
        handles[--entered].leave();
      }
    }
  }
}
