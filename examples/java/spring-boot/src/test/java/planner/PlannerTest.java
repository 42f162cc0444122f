package planner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.dsk.Dsk;
import ai.dsk.JsonValue;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.autoconfigure.actuate.observability.AutoConfigureObservability;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

/** The service over HTTP. Its bounds are small, so that a test reaches them. */
@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
    properties = {"planner.threads=2", "planner.queue=2", "planner.timeout=20s"})
@AutoConfigureObservability
class PlannerTest {
  private static final String SMALL = """
      {"schema": 1, "model": "llama-3.1-8b", "devices": ["h200-sxm"], "engines": ["vllm"], "search": {"tp": [1]},
       "workload": {"input_tokens": 1024, "output_tokens": 256, "rate_per_s": 10}, "slo": {"tpot_ms": 50}}""";

  /** A search over everything takes some hundred milliseconds. */
  private static final String LARGE = """
      {"schema": 1, "model": "deepseek-r1", "devices": ["h200-sxm", "h100-sxm", "h20", "b200-sxm"],
       "workload": {"input_tokens": 1024, "output_tokens": 256, "rate_per_s": 10}, "slo": {"tpot_ms": 50}}""";

  @LocalServerPort private int port;
  private final HttpClient client = HttpClient.newHttpClient();

  private HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).timeout(Duration.ofSeconds(60));
  }

  private HttpRequest post(String path, String body) {
    return to(path).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body)).build();
  }

  private HttpResponse<String> send(HttpRequest request) throws Exception {
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void plansAsTheLibraryDoes() throws Exception {
    HttpResponse<String> got = send(post("/v1/plan", SMALL));
    assertThat(got.statusCode()).isEqualTo(200);
    try (var plan = Dsk.planJson(SMALL)) {
      assertThat(got.body()).isEqualTo(plan.toJson());
    }
    assertThat(send(post("/v1/plan?form=command", SMALL)).body()).contains("vllm serve");
    HttpResponse<String> yaml = send(post("/v1/plan?form=kubernetes", SMALL));
    assertThat(yaml.headers().firstValue("Content-Type")).contains("application/yaml");
    assertThat(send(post("/v1/plan?form=poem", SMALL)).statusCode()).isEqualTo(400);
    assertThat(JsonValue.parse(send(post("/v1/memory", "{\"model\": \"deepseek-r1\", \"device\": \"h200-sxm\", \"parallel\": {\"tp\": 8}}")).body())
        .get("fits").truth()).isTrue();
  }

  @Test
  void failuresAreProblemsWithTheirPlace() throws Exception {
    HttpResponse<String> got = send(post("/v1/plan", SMALL.replace("llama-3.1-8b", "größe-🚀")));
    JsonValue problem = JsonValue.parse(got.body());
    assertThat(got.statusCode()).isEqualTo(404);
    assertThat(problem.get("path").text()).isEqualTo("/model");
    assertThat(problem.get("detail").text()).contains("größe-🚀");
    HttpResponse<String> wrong = send(post("/v1/plan", SMALL.replace("1024", "-1")));
    assertThat(wrong.statusCode()).isEqualTo(400);
    assertThat(JsonValue.parse(wrong.body()).get("path").text()).isEqualTo("/workload/input_tokens");
    assertThat(send(post("/v1/memory", "{")).statusCode()).isEqualTo(400);
  }

  /** Many at once: each is answered or refused at once; and the service answers afterwards. */
  @Test
  void concurrencyIsBounded() throws Exception {
    List<CompletableFuture<Integer>> answers = IntStream.range(0, 40)
        .mapToObj(i -> client.sendAsync(post("/v1/plan", LARGE), HttpResponse.BodyHandlers.ofString()).thenApply(HttpResponse::statusCode)).toList();
    List<Integer> statuses = answers.stream().map(CompletableFuture::join).toList();
    assertThat(statuses).isSubsetOf(200, 503).contains(200, 503);
    for (int i = 0; send(post("/v1/plan", SMALL)).statusCode() != 200; i++) {
      assertThat(i).isLessThan(50);
      Thread.sleep(100);
    }
    // What was stopped is given back.
    for (int i = 0; Dsk.liveObjects() != 0 && i < 200; i++) {
      System.gc();
      Thread.sleep(20);
    }
    assertThat(Dsk.liveObjects()).isZero();
  }

  @Test
  void aSearchThatTakesTooLongIsStopped() {
    Planner hasty = new Planner(new PlannerProperties(1, 1, Duration.ofMillis(1)), new SimpleMeterRegistry());
    assertThatThrownBy(() -> hasty.plan(LARGE.getBytes(StandardCharsets.UTF_8), plan -> "").join()).hasRootCauseInstanceOf(TimeoutException.class);
    assertThat(new Problems().late(new TimeoutException()).getStatus()).isEqualTo(504);
    hasty.stop();
  }

  @Test
  void healthAndMetrics() throws Exception {
    send(post("/v1/plan", SMALL));
    JsonValue health = JsonValue.parse(send(to("/actuator/health").build()).body());
    assertThat(health.at("/components/dsk/status").text()).isEqualTo("UP");
    assertThat(health.at("/components/dsk/details/version").text()).isEqualTo(Dsk.version());
    String metrics = send(to("/actuator/prometheus").build()).body();
    assertThat(metrics).contains("dsk_plan_seconds_count{outcome=\"answered\"", "dsk_live_objects", "executor_pool_size_threads{name=\"planner\"");
  }
}
