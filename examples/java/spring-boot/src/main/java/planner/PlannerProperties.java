package planner;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;

/**
 * Bounds of the service.
 *
 * @param threads searches that run at once; 0: one for each processor
 * @param queue searches that wait
 * @param timeout how long one may take, waiting included
 */
@ConfigurationProperties("planner")
public record PlannerProperties(int threads, int queue, Duration timeout) {}
