package ai.dsk;

import ai.dsk.tp.Tuning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Many calls from 64 threads: every error must be the caller's own, closing twice and use after closing must be answered, every
 * sixteenth handle is left to the collector. At the end no object of the library may be alive, and the memory of the process must
 * not have grown. The first argument is the number of calls.
 */
final class Stress {
  private static final int THREADS = 64;
  private static final AtomicLong WRONG = new AtomicLong();

  private Stress() {}

  private static void complain(String what) {
    if (WRONG.incrementAndGet() <= 10) {
      System.out.println(what);
    }
  }

  /** Four calls. */
  private static void round(StepModel model, int thread, int i) {
    String mine = Long.toString(1_000_000_000L * thread + i + 1);
    try {
      Dsk.planJson("{\"schema\":1,\"model\":\"deepseek-r1\",\"devices\":[\"h200-sxm\"],\"workload\":{\"input_tokens\":-" + mine
          + ",\"output_tokens\":1,\"rate_per_s\":1}}").close();
      complain("a wrong request is taken");
    } catch (DskException e) {
      if (!e.path().equals("/workload/input_tokens") || !e.getMessage().contains(mine)) {
        complain("thread " + thread + ": a crossed error: " + e);
      }
    }
    try {
      model.step(new StepModel.Batch(-(thread + 1), 0, 0));
      complain("a wrong batch is taken");
    } catch (DskException e) {
      if (e.status() != Status.INVALID_REQUEST || !e.getMessage().contains(Integer.toString(-(thread + 1)))) {
        complain("thread " + thread + ": a crossed error: " + e);
      }
    }
    if (!(model.step(new StepModel.Batch(1, 1, 1)).totalUs() > 0)) {
      complain("a lost answer");
    }
    Tuning tuning = new Tuning();
    if (i % 16 != 0) { // the rest is the collector's
      tuning.close();
      tuning.close();
      try {
        tuning.toJson();
        complain("use after close");
      } catch (IllegalStateException closed) {
        // right
      }
    }
  }

  private static void run(int calls) throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    try (StepModel model = Fixtures.stepModel()) {
      for (int t = 0; t < THREADS; t++) {
        int thread = t;
        Thread worker = new Thread(() -> {
          for (int i = 0; i < calls / THREADS / 4; i++) {
            round(model, thread, i);
          }
        });
        worker.setUncaughtExceptionHandler((w, e) -> complain(e.toString()));
        threads.add(worker);
        worker.start();
      }
      for (Thread worker : threads) {
        worker.join();
      }
    }
  }

  private static double residentMib() throws IOException {
    return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * 4096.0 / (1 << 20);
  }

  public static void main(String[] arguments) throws Exception {
    int calls = Integer.parseInt(arguments[0]);
    run(calls / 2); // warm: the heap, the compiler, the threads
    Fixtures.settle();
    double before = residentMib();
    long began = System.nanoTime();
    run(calls);
    double seconds = (System.nanoTime() - began) / 1e9;
    Fixtures.settle();
    double after = residentMib();
    System.out.printf("%d calls from %d threads in %.1f s: %d wrong, %d objects alive, resident %.1f MiB before and %.1f MiB after%n", calls, THREADS,
        seconds, WRONG.get(), Dsk.liveObjects(), before, after);
    if (WRONG.get() != 0 || after > before + 32) {
      System.exit(1);
    }
  }
}
