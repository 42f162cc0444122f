package ai.dsk;

import java.util.Arrays;

/**
 * What the package adds to the C library's step query. The time of a C loop over the same question comes from
 * tests/bindings/step_loop.c and is the first argument, in nanoseconds.
 */
final class BorderBenchmark {
  private static final int CALLS = 200_000;
  private static final int ROUNDS = 40;

  private BorderBenchmark() {}

  public static void main(String[] arguments) {
    double c = Double.parseDouble(arguments[0]);
    StepModel.Batch batch = new StepModel.Batch(32, 65536, 4096);
    double[] rounds = new double[ROUNDS];
    double sum = 0;
    try (StepModel model = Fixtures.stepModel()) {
      for (int r = 0; r < ROUNDS; r++) {
        long began = System.nanoTime();
        for (int i = 0; i < CALLS; i++) {
          sum += model.step(batch).totalUs();
        }
        rounds[r] = (System.nanoTime() - began) / (double) CALLS;
      }
    }
    // The best round: the first ones are compiled while they run, and what the machine does besides only adds.
    double java = Arrays.stream(rounds).min().orElseThrow();
    System.out.printf("step query, ns a call, best of %d rounds of %d (checksum %.0f)%n", ROUNDS, CALLS, sum);
    System.out.printf("  C in a loop      %7.1f%n  StepModel.step   %7.1f%nborder of the package: %.1f ns above C%n", c, java, java - c);
  }
}
