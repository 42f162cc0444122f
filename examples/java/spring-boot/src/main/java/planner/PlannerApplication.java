package planner;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;

/** A planning service: POST a request document to /v1/plan. */
@SpringBootApplication
@EnableConfigurationProperties(PlannerProperties.class)
public class PlannerApplication {
  public static void main(String[] arguments) {
    SpringApplication.run(PlannerApplication.class, arguments);
  }
}
