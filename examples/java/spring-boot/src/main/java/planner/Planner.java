package planner;

import ai.dsk.Dsk;
import ai.dsk.Plan;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.ExecutorServiceMetrics;
import jakarta.annotation.PreDestroy;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.springframework.stereotype.Service;

/**
 * Plans on a pool of its own. Planning is arithmetic: more searches at once than processors only make each slower, so the pool is
 * small, its queue is bounded, and what does not fit is refused at once (RejectedExecutionException).
 */
@Service
class Planner {
  private final PlannerProperties bounds;
  private final ThreadPoolExecutor pool;
  private final ExecutorService measured;
  private final MeterRegistry meters;

  Planner(PlannerProperties bounds, MeterRegistry meters) {
    this.bounds = bounds;
    this.meters = meters;
    int threads = bounds.threads() > 0 ? bounds.threads() : Runtime.getRuntime().availableProcessors();
    BlockingQueue<Runnable> queue = bounds.queue() > 0 ? new ArrayBlockingQueue<>(bounds.queue()) : new SynchronousQueue<>();
    pool = new ThreadPoolExecutor(threads, threads, 0, TimeUnit.SECONDS, queue);
    measured = ExecutorServiceMetrics.monitor(meters, pool, "planner");
    Gauge.builder("dsk.live.objects", Dsk::liveObjects).description("Handles and errors of libdsk that are alive").register(meters);
  }

  /**
   * Plans and reads the plan, which is closed before the answer leaves. A search that takes too long is stopped.
   *
   * @param request a plan request document, UTF-8
   * @param read what to make of the plan
   */
  <T> CompletableFuture<T> plan(byte[] request, Function<Plan, T> read) {
    Timer.Sample began = Timer.start(meters);
    CompletableFuture<Plan> search = Dsk.planJsonAsync(request, measured).orTimeout(bounds.timeout().toMillis(), TimeUnit.MILLISECONDS);
    return search.thenApply(plan -> {
      try (plan) {
        return read.apply(plan);
      }
    }).whenComplete((answer, failure) -> began.stop(Timer.builder("dsk.plan").description("Planning, waiting included")
        .tag("outcome", failure == null ? "answered" : Problems.cause(failure).getClass().getSimpleName()).publishPercentileHistogram().register(meters)));
  }

  int waiting() {
    return pool.getQueue().size();
  }

  @PreDestroy
  void stop() {
    measured.shutdown();
  }
}
