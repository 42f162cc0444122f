package ai.dsk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PlanTest {
  @Test
  void versionsAgree() throws Exception {
    assertEquals(Files.readString(Path.of(System.getProperty("dsk.root"), "VERSION")).strip(), Dsk.version());
    assertTrue(Dsk.libraryFile().endsWith("libdsk_java.so"), Dsk.libraryFile());
  }

  @Test
  void typedAnswerAndSummaryAgree() {
    try (Plan plan = Dsk.plan(Fixtures.request())) {
      PlanAnswer answer = plan.answer();
      Plan.Summary summary = plan.summary();
      assertTrue(answer.feasible() && summary.feasible() && plan.feasible());
      assertEquals(answer.best().replicas(), summary.replicas());
      assertEquals(answer.best().gpus(), summary.gpus());
      assertEquals(answer.best().parallel().tp(), (long) summary.tp());
      assertEquals(answer.best().performance().tpotMs(), summary.tpotMs(), 1e-3 * summary.tpotMs());
      assertEquals(answer.best().performance().utilisation(), summary.utilisation(), 1e-3);
      assertTrue(summary.tpotMs() <= 50 && summary.outputTokensPerS() > 0.99 * 10 * 256);
    }
  }

  /** Every member of the answer is in its record, or the record would be shorter when it is written again. */
  @Test
  void typedAnswerLosesNothing() {
    try (Plan plan = Dsk.plan(Fixtures.request())) {
      JsonValue whole = JsonValue.parse(plan.toJson());
      JsonValue again = JsonValue.parse(new String(Documents.encode(plan.answer()), StandardCharsets.UTF_8));
      assertEquals("", firstLost(whole, again, ""));
    }
  }

  private static String firstLost(JsonValue whole, JsonValue again, String path) {
    if (whole.kind() == JsonValue.Kind.OBJECT) {
      for (String name : whole.names()) {
        JsonValue part = again.kind() == JsonValue.Kind.OBJECT ? again.get(name) : JsonValue.NULL;
        String lost = whole.get(name).isNull() ? "" : part.isNull() ? path + "/" + name : firstLost(whole.get(name), part, path + "/" + name);
        if (!lost.isEmpty()) {
          return lost;
        }
      }
    } else if (whole.kind() == JsonValue.Kind.LIST) {
      for (int i = 0; i < whole.items().size(); i++) {
        String lost = firstLost(whole.items().get(i), again.items().get(i), path + "/" + i);
        if (!lost.isEmpty()) {
          return lost;
        }
      }
    }
    return "";
  }

  @Test
  void requestSaysWhatItMeans() {
    assertEquals("{\"schema\":1,\"model\":\"llama-3.1-8b\",\"devices\":[\"h200-sxm\"],\"engines\":[\"vllm\"],\"workload\":{\"input_tokens\":1024.0,"
        + "\"output_tokens\":256.0,\"rate_per_s\":10.0},\"slo\":{\"tpot_ms\":50.0},\"search\":{\"tp\":[1,2]}}",
        new String(Documents.encode(Fixtures.request()), StandardCharsets.UTF_8));
    assertEquals("{\"params_b\":70.0}", new String(Documents.encode(Model.builder().paramsB(70).build()), StandardCharsets.UTF_8));
    assertEquals(Fixtures.request(), Fixtures.request().toBuilder().build());
  }

  @Test
  void whatJsonCannotSayIsRefusedWithItsPlace() {
    PlanRequest request = Fixtures.request().toBuilder().workload(Workload.builder().inputTokens(Double.NaN)).build();
    DskException e = assertThrows(DskException.class, () -> Dsk.plan(request));
    assertEquals("/workload/input_tokens", e.path());
    assertEquals(Status.INVALID_REQUEST, e.status());
    assertThrows(DskException.class, () -> Dsk.planJson("\ud83d"));
  }

  @Test
  void errorsOfTypedRequestsHaveTheirPlace() {
    DskException e = assertThrows(DskException.class, () -> Dsk.plan(Fixtures.request().toBuilder().model("深度求索🚀").build()));
    assertEquals(Status.NOT_FOUND, e.status());
    assertEquals("/model", e.path());
    assertTrue(e.getMessage().contains("深度求索🚀"), e.getMessage());
    assertFalse(e.where().isEmpty());
  }

  @Test
  void emit() {
    try (Plan plan = Dsk.plan(Fixtures.request())) {
      assertTrue(plan.emit(Plan.Format.TABLE).contains("h200"));
      assertTrue(plan.emit(Plan.Format.KUBERNETES).contains("kind: \"Deployment\""));
      assertTrue(plan.emit(Plan.Format.COMMAND).contains("vllm serve"));
    }
  }

  @Test
  void fit() {
    try (Plan plan = Dsk.plan(Fixtures.request())) {
      FitAnswer answer = plan.fit(FitRequest.builder()
          .nodes(List.of(FitRequest.Node.builder().name("full").device("NVIDIA-H200").gpus(8).freeGpus(List.of()).build(),
              FitRequest.Node.builder().name("größe-🚀").device("NVIDIA-H200").gpus(8).build()))
          .build());
      assertTrue(answer.fits());
      assertEquals("free_gpus", answer.nodes().get(0).reasons().get(0).code());
      assertEquals("größe-🚀", answer.replicas().get(0).pods().get(0).node());
    }
  }

  @Test
  void cancelStopsAPlan() {
    try (Cancel cancel = new Cancel()) {
      try (Plan plan = Dsk.plan(Fixtures.request(), cancel)) {
        assertTrue(cancel.progress().total() > 0 && cancel.progress().done() > 0);
      }
      assertFalse(cancel.isSet());
      cancel.set();
      DskException e = assertThrows(DskException.class, () -> Dsk.plan(Fixtures.request(), cancel));
      assertEquals(Status.CANCELLED, e.status());
    }
  }

  @Test
  void futures() throws Exception {
    try (Plan plan = Dsk.planAsync(Fixtures.request()).get(60, TimeUnit.SECONDS)) {
      assertTrue(plan.feasible());
    }
    ExecutionException failed = assertThrows(ExecutionException.class, () -> Dsk.planAsync(Fixtures.request().toBuilder().model("none").build()).get());
    assertTrue(failed.getCause() instanceof DskException);

    CompletableFuture<Plan> cancelled = Dsk.planAsync(Fixtures.longRequest());
    Thread.sleep(5);
    assertTrue(cancelled.cancel(true));
    assertThrows(CancellationException.class, cancelled::get);
    CompletableFuture<Plan> late = Dsk.planAsync(Fixtures.longRequest()).orTimeout(2, TimeUnit.MILLISECONDS);
    ExecutionException out = assertThrows(ExecutionException.class, late::get);
    assertTrue(out.getCause() instanceof TimeoutException);
    Fixtures.settle();
  }

  @Test
  void steps() {
    try (StepModel model = Fixtures.stepModel()) {
      StepModel.Time t = model.step(new StepModel.Batch(32, 65536, 4096));
      assertEquals(t.totalUs(), t.computeUs() + t.memoryUs() + t.scaleUpUs() + t.scaleOutUs() + t.launchUs() + t.hostUs(), 1e-6 * t.totalUs());
      assertTrue(t.lowUs() <= t.totalUs() && t.totalUs() <= t.highUs());
      assertNotNull(t.binding());
      StepModel.Chunk chunk = new StepModel.Chunk(2048, 0);
      assertTrue(model.step(new StepModel.Batch(32, 65536, 4096, List.of(chunk))).totalUs() > t.totalUs());
      DskException e = assertThrows(DskException.class, () -> model.step(new StepModel.Batch(1, 1, 1, List.of(chunk, chunk, chunk, chunk, chunk))));
      assertEquals(Status.INVALID_REQUEST, e.status());
    }
  }

  @Test
  void documents() {
    MemoryAnswer memory = Dsk.memory(MemoryRequest.builder().model("deepseek-r1").device("h200-sxm").parallel(Parallel.builder().tp(8)).build());
    assertTrue(memory.fits() && memory.weightsBytes() > 50_000_000_000L);
    CostAnswer cost = Dsk.cost(CostRequest.builder().device("h200-sxm").devices(8)
        .ownership(CostRequest.Ownership.builder().usdPerKwh(0.1).hardwareUsd(400_000).years(3).powerKw(8)).build());
    assertTrue(cost.ownership().totalUsd() > 400_000);
    StepRequest step = StepRequest.builder().model("deepseek-r1").device("h200-sxm").parallel(Parallel.builder().tp(8))
        .batch(StepRequest.Batch.builder().decodeSequences(8).kvSum(8192).kvMax(1024)).build();
    assertTrue(Dsk.explain(step, Dsk.ExplainFormat.SVG).contains("<svg"));
    for (Dsk.CatalogKind kind : Dsk.CatalogKind.values()) {
      List<String> names = Dsk.catalogNames(kind);
      assertFalse(names.isEmpty());
      assertEquals(JsonValue.Kind.OBJECT, Dsk.catalogRecord(kind, names.get(0)).kind());
    }
    for (Runnable wrong : new Runnable[] {() -> Dsk.calibrateJson("{\"device\":\"h200-sxm\",\"as_of\":\"2026-11-24\",\"measurements\":[]}"),
        () -> Dsk.validateKernels("{\"device\":\"h200-sxm\"}", "nothing"), () -> Dsk.validateE2e("{}", "nothing", null),
        () -> Dsk.tuneBatching("{}", null), () -> Dsk.validateRequests("{}", "", null)}) {
      assertThrows(DskException.class, wrong::run);
    }
  }

  private static SimulateRequest simulation(long requests) {
    return SimulateRequest.builder().model("llama-3.1-8b").device("h200-sxm").workload(SimulateRequest.Workload.builder().requests(requests)
        .input(JsonValue.of(512)).output(JsonValue.of(32)).concurrency(16)).build();
  }

  @Test
  void simulation() throws Exception {
    Dsk.Simulation run = Dsk.simulate(simulation(200), 50, null);
    assertEquals(200, run.completed());
    assertEquals(50, run.series().size());
    assertEquals(200, run.typed().requests().completed());
    for (Dsk.RequestTimes r : run.series()) {
      assertTrue(r.sentMs() <= r.admittedMs() && r.admittedMs() <= r.firstMs() && r.firstMs() <= r.lastMs() && r.inputTokens() == 512);
    }
    try (Cancel cancel = new Cancel()) {
      Thread stopper = new Thread(() -> {
        try {
          Thread.sleep(30);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
        cancel.set();
      });
      stopper.start();
      assertEquals("cancelled", Dsk.simulate(simulation(100_000_000), 0, cancel).answer().get("stopped").text());
      stopper.join();
    }
    CompletableFuture<Dsk.Simulation> future = Dsk.simulateAsync(simulation(100_000_000), 0, java.util.concurrent.ForkJoinPool.commonPool());
    assertThrows(ExecutionException.class, () -> future.orTimeout(20, TimeUnit.MILLISECONDS).get());
  }

  @Test
  void logReceiver() {
    AtomicInteger messages = new AtomicInteger();
    Dsk.setLog(Dsk.LogLevel.DEBUG, (level, module, message) -> messages.incrementAndGet());
    Dsk.plan(Fixtures.request()).close();
    Dsk.setLog(Dsk.LogLevel.OFF, null);
    int before = messages.get();
    Dsk.plan(Fixtures.request()).close();
    assertEquals(before, messages.get());
  }

  @Test
  void jsonValues() {
    String text = "{\"a\":[1,2.50,-3e2,true,false,null,\"\\u00e9\\ud83d\\ude80\\n\"],\"ü\":{}}";
    JsonValue v = JsonValue.parse(text);
    assertEquals("é🚀\n", v.at("/a/6").text());
    assertEquals(-300, v.at("/a/2").integer());
    assertEquals("2.50", v.at("/a/1").toString());
    assertEquals(v, JsonValue.parse(v.toString()));
    assertTrue(v.at("/a/7").isNull() && v.at("/b/c").isNull());
    for (String wrong : new String[] {"", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.", "\"\\x\"", "tru", "1 2", "\"\n\"", "[".repeat(300)}) {
      assertThrows(DskException.class, () -> JsonValue.parse(wrong), wrong);
    }
    assertThrows(IllegalStateException.class, () -> v.text());
    assertEquals("{\"a\":1.5}", JsonValue.of(Map.of("a", JsonValue.of(1.5))).toString());
  }
}
