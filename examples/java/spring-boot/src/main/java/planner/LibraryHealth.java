package planner;

import ai.dsk.Dsk;
import ai.dsk.DskException;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.stereotype.Component;

/** Up when the native library is loaded; down with the sentence that says which paths were tried. */
@Component("dsk")
class LibraryHealth implements HealthIndicator {
  private final Planner planner;

  LibraryHealth(Planner planner) {
    this.planner = planner;
  }

  @Override
  public Health health() {
    try {
      return Health.up().withDetail("version", Dsk.version()).withDetail("abi", Dsk.abiVersion()).withDetail("file", Dsk.libraryFile())
          .withDetail("waiting", planner.waiting()).build();
    } catch (DskException e) {
      return Health.down(e).build();
    }
  }
}
