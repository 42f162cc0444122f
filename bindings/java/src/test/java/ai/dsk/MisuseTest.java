package ai.dsk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class MisuseTest {
  @Test
  void closeTwiceAndUseAfterClose() throws Exception {
    Plan plan = Dsk.plan(Fixtures.request());
    StepModel model = Fixtures.stepModel();
    Monitor monitor = new Monitor(MonitorRequest.builder().build());
    Cancel cancel = new Cancel();
    for (int i = 0; i < 3; i++) {
      plan.close();
      model.close();
      monitor.close();
      cancel.close();
    }
    for (Runnable use : new Runnable[] {plan::toJson, plan::summary, () -> plan.emit(Plan.Format.TABLE), () -> model.step(new StepModel.Batch(1, 1, 1)),
        () -> monitor.sample(Monitor.Format.JSON), cancel::set, () -> Dsk.plan(Fixtures.request(), cancel)}) {
      assertThrows(IllegalStateException.class, use::run);
    }
    Fixtures.settle();
  }

  private static List<Throwable> inThreads(int count, java.util.function.IntConsumer work) throws InterruptedException {
    List<Throwable> thrown = java.util.Collections.synchronizedList(new ArrayList<>());
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int mine = i;
      Thread t = new Thread(() -> work.accept(mine));
      t.setUncaughtExceptionHandler((thread, e) -> thrown.add(e));
      threads.add(t);
      t.start();
    }
    for (Thread t : threads) {
      t.join();
    }
    return thrown;
  }

  @Test
  void closeWhileOthersRead() throws Exception {
    for (int round = 0; round < 10; round++) {
      Plan plan = Dsk.plan(Fixtures.request());
      List<Throwable> thrown = inThreads(8, i -> {
        if (i == 0) {
          plan.close();
        }
        try {
          for (int k = 0; k < 20; k++) {
            plan.toJson();
          }
        } catch (IllegalStateException closed) {
          assertEquals("the Plan is closed", closed.getMessage());
        }
      });
      assertEquals(List.of(), thrown);
    }
    Fixtures.settle();
  }

  @Test
  void theCollectorCloses() throws Exception {
    for (int i = 0; i < 50; i++) {
      Dsk.plan(Fixtures.request());
    }
    Fixtures.settle();
  }

  /** Each thread must see its own error, however they are scheduled. */
  @Test
  void errorsDoNotCross() throws Exception {
    AtomicReference<String> crossed = new AtomicReference<>();
    List<Throwable> thrown = inThreads(64, i -> {
      String name = "no-model-" + i + "-🚀";
      PlanRequest request = Fixtures.request().toBuilder().model(name).build();
      for (int k = 0; k < 30; k++) {
        DskException e = assertThrows(DskException.class, () -> Dsk.plan(request));
        if (e.status() != Status.NOT_FOUND || !e.path().equals("/model") || !e.getMessage().contains(name)) {
          crossed.set(name + " got " + e);
        }
      }
    });
    assertNull(crossed.get());
    assertEquals(List.of(), thrown);
    Fixtures.settle();
  }

  @Test
  void nothingLeaks() throws Exception {
    try (StepModel model = Fixtures.stepModel()) {
      for (int i = 0; i < 20_000; i++) {
        assertTrue(model.step(new StepModel.Batch(1, 1, 1)).totalUs() > 0);
        assertThrows(DskException.class, () -> model.step(new StepModel.Batch(-1, 0, 0)));
      }
    }
    Fixtures.settle();
  }
}
