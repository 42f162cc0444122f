package ai.dsk;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Requests that plan in milliseconds, and waiting for the collector. */
final class Fixtures {
  private Fixtures() {}

  static PlanRequest request() {
    return PlanRequest.builder().model("llama-3.1-8b").devices("h200-sxm").engines("vllm")
        .workload(Workload.builder().ratePerS(10).inputTokens(1024).outputTokens(256)).slo(Slo.builder().tpotMs(50))
        .search(PlanRequest.Search.builder().tp(1, 2)).build();
  }

  /** A search over everything, which takes far longer than a few milliseconds. */
  static PlanRequest longRequest() {
    return PlanRequest.builder().model("deepseek-r1").devices("h200-sxm", "h100-sxm", "h20", "b200-sxm")
        .workload(Workload.builder().ratePerS(10).inputTokens(1024).outputTokens(256)).slo(Slo.builder().tpotMs(50)).build();
  }

  static StepModel stepModel() {
    return new StepModel(StepRequest.builder().model("deepseek-r1").device("h200-sxm").parallel(Parallel.builder().tp(8)).build());
  }

  /** Waits for the cleaner to close what nobody holds; then no object of the library may be alive. */
  static void settle() throws InterruptedException {
    for (int i = 0; i < 200 && Dsk.liveObjects() != 0; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertEquals(0, Dsk.liveObjects(), "objects of the library that are alive");
  }
}
