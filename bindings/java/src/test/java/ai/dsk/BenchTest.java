package ai.dsk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BenchTest {
  private static final BenchOptions QUICK = BenchOptions.named("sleep 🌙").samples(4).within(Duration.ofNanos(1), Duration.ofSeconds(1));

  private static void sleep(long ms) throws InterruptedException {
    Thread.sleep(ms);
  }

  @Test
  void measuresCode() throws Exception {
    Measurement m = Bench.measurement(Bench.run(QUICK, null, s -> sleep(s.iterations())));
    assertEquals("sleep 🌙", m.name());
    assertTrue(m.medianNs() > 1e6);
    assertEquals(3, Bench.compare(QUICK, null, s -> sleep(s.iterations()), s -> sleep(2 * s.iterations())).strip().split("\n").length);
  }

  @Test
  void givesTheCodesOwnException() {
    IOException mine = new IOException("mine");
    assertSame(mine, assertThrows(IOException.class, () -> Bench.run(QUICK, null, s -> {
      throw mine;
    })));
    assertThrows(ArithmeticException.class, () -> Bench.run(QUICK, null, s -> {
      throw new ArithmeticException();
    }));
    assertThrows(IllegalArgumentException.class, () -> new BenchOptions("", 0, 0, 0, null, null, null, 0, 0, 0, 0, 0, ByteBuffer.allocate(8), false,
        false, false));
  }

  @Test
  void commands() {
    assertTrue(Bench.command(QUICK, null, "true").contains("sleep"));
    assertEquals(Status.NOT_FOUND, assertThrows(DskException.class, () -> Bench.command(QUICK, null, "no-such-program-here")).status());
    assertEquals(Status.INVALID_ARGUMENT, assertThrows(DskException.class, () -> Bench.command(QUICK, null)).status());
  }

  @Test
  void probesAndMachine() {
    assertTrue(Bench.probe(BenchProbeRequest.builder().suite("host").list(true).build(), null).contains("host/"));
    JsonValue machine = Bench.machine();
    assertEquals("machine", machine.get("kind").text());
    assertTrue(Bench.machineReport(machine.toString()).contains("<html"));
    try (Monitor monitor = new Monitor(MonitorRequest.builder().build())) {
      assertTrue(monitor.sample(Monitor.Format.PROMETHEUS).contains("# TYPE"));
    }
  }

  @Test
  void load() throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.createContext("/", exchange -> {
      exchange.getRequestBody().readAllBytes();
      exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
      exchange.sendResponseHeaders(200, 0);
      try (OutputStream out = exchange.getResponseBody()) {
        for (String event : List.of("{\"choices\":[{\"text\":\"a\"}]}", "{\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":1}}", "[DONE]")) {
          out.write(("data: " + event + "\n\n").getBytes(StandardCharsets.UTF_8));
        }
      }
    });
    server.start();
    try {
      LoadRequest.Workload.Builder workload = LoadRequest.Workload.builder().concurrency(2).inputTokens(8).outputTokens(1);
      LoadRequest request = LoadRequest.builder()
          .endpoint(LoadRequest.Endpoint.builder().url("http://127.0.0.1:" + server.getAddress().getPort()).model("m")).workload(workload.requests(6)).build();
      LoadReport report;
      try {
        report = Bench.load(request, null);
      } catch (DskException e) {
        if (e.status() == Status.UNAVAILABLE) {
          abort(e.getMessage());
        }
        throw e;
      }
      assertEquals(6, report.requests().completed());
      assertTrue(!Bench.loadEmit(List.of(new String(Documents.encode(report), StandardCharsets.UTF_8)), Bench.LoadFormat.TABLE).isEmpty());
      CompletableFuture<LoadReport> endless = Bench.loadAsync(request.toBuilder().workload(workload.requests(1_000_000)).build(), ForkJoinPool.commonPool());
      assertThrows(ExecutionException.class, () -> endless.orTimeout(100, TimeUnit.MILLISECONDS).get());
    } finally {
      server.stop(0);
      ((java.util.concurrent.ExecutorService) server.getExecutor()).shutdown();
    }
  }
}
