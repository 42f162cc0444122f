package ai.dsk;

import ai.dsk.internal.Handle;
import ai.dsk.internal.NativeLibrary;
import ai.dsk.internal.Text;
import ai.dsk.internal.dsk_native;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;

/** A token that stops the calls that hold it, with their progress in it. Any thread may use it at any time. */
public final class Cancel implements AutoCloseable {
  /**
   * How far a call is.
   *
   * @param done steps done
   * @param total steps in all; both 0 before the work has begun
   */
  public record Progress(long done, long total) {}

  private final Handle handle;

  /** A token that is not set. */
  public Cancel() {
    NativeLibrary.ensure();
    handle = Handle.own(this, Text.made(dsk_native::dsk_cancel_create), "Cancel", dsk_native::dsk_cancel_destroy);
  }

  /** Asks every call that holds this token to return soon. A token that is set stays set. */
  public void set() {
    handle.inside(p -> {
      dsk_native.dsk_cancel_set(p);
      return null;
    });
  }

  /**
   * Whether it is set.
   *
   * @return whether it is
   */
  public boolean isSet() {
    return handle.inside(dsk_native::dsk_cancel_is_set);
  }

  /**
   * How far the call is that holds this token.
   *
   * @return the progress
   */
  public Progress progress() {
    return handle.inside(p -> {
      long[] done = new long[1];
      long[] total = new long[1];
      dsk_native.dsk_cancel_progress(p, done, total);
      return new Progress(done[0], total[0]);
    });
  }

  /** Runs a call with the token's pointer; null stands for no token. */
  static <T> T with(Cancel cancel, Handle.Inside<T> call) {
    NativeLibrary.ensure();
    return cancel == null ? call.apply(0) : cancel.handle.inside(call);
  }

  /**
   * Runs work on an executor. However the future ends before the work does (cancel, a timeout, the caller's own completion), the
   * work is stopped, and what it makes after all is thrown away.
   */
  static <T> CompletableFuture<T> async(Executor executor, Function<Cancel, T> work) {
    Cancel cancel = new Cancel();
    CompletableFuture<T> future = new CompletableFuture<>();
    future.whenComplete((value, failure) -> cancel.set());
    Runnable run = () -> {
      try (cancel) {
        if (future.isDone()) {
          return;
        }
        T value = work.apply(cancel);
        if (!future.complete(value) && value instanceof Plan plan) {
          plan.close();
        }
      } catch (Throwable t) {
        future.completeExceptionally(t);
      }
    };
    try {
      executor.execute(run);
    } catch (RuntimeException rejected) {
      cancel.close();
      throw rejected;
    }
    return future;
  }

  @Override
  public void close() {
    handle.close();
  }
}
