package ai.dsk;

import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * How to measure; 0, null and false mean default.
 *
 * @param name label of the measurement
 * @param maxInterval stop once the interval of the median is at most this share of it on each side (0.005) ...
 * @param maxNoise ... and the noise, 1.4826 MAD / median, is at most this (0.05)
 * @param confidence of the interval (0.95)
 * @param warmup at least this long before the first sample (100 ms)
 * @param minTime sample at least this long (500 ms)
 * @param maxTime sample at most this long (15 s)
 * @param minSamples (20)
 * @param maxSamples (100,000)
 * @param seed of the bootstrap (1)
 * @param bytes moved by one iteration, for bytes/s
 * @param flops done by one iteration, for flop/s
 * @param data the input that is measured, a direct buffer: checked for zeros and constants, which run faster than real data
 * @param fixedCount take exactly minSamples samples after the warm-up
 * @param keepSamples keep the samples themselves in the result
 * @param noWarmup the first sample counts
 */
public record BenchOptions(String name, double maxInterval, double maxNoise, double confidence, Duration warmup, Duration minTime, Duration maxTime,
    long minSamples, long maxSamples, long seed, double bytes, double flops, ByteBuffer data, boolean fixedCount, boolean keepSamples,
    boolean noWarmup) {
  /**
   * Checks that C can read the data.
   *
   * @param name as in the record
   * @param maxInterval as in the record
   * @param maxNoise as in the record
   * @param confidence as in the record
   * @param warmup as in the record
   * @param minTime as in the record
   * @param maxTime as in the record
   * @param minSamples as in the record
   * @param maxSamples as in the record
   * @param seed as in the record
   * @param bytes as in the record
   * @param flops as in the record
   * @param data as in the record
   * @param fixedCount as in the record
   * @param keepSamples as in the record
   * @param noWarmup as in the record
   */
  public BenchOptions {
    if (data != null && !data.isDirect()) {
      throw new IllegalArgumentException("data must be a direct buffer");
    }
  }

  /**
   * Options with a name and defaults.
   *
   * @param name label of the measurement
   * @return the options
   */
  public static BenchOptions named(String name) {
    return new BenchOptions(name, 0, 0, 0, null, null, null, 0, 0, 0, 0, 0, null, false, false, false);
  }

  /**
   * The same options for a fixed number of samples.
   *
   * @param samples how many
   * @return the options
   */
  public BenchOptions samples(long samples) {
    return new BenchOptions(name, maxInterval, maxNoise, confidence, warmup, minTime, maxTime, samples, samples, seed, bytes, flops, data, true,
        keepSamples, noWarmup);
  }

  /**
   * The same options with bounds of time.
   *
   * @param warm before the first sample
   * @param most sample at most this long
   * @return the options
   */
  public BenchOptions within(Duration warm, Duration most) {
    return new BenchOptions(name, maxInterval, maxNoise, confidence, warm, minTime, most, minSamples, maxSamples, seed, bytes, flops, data, fixedCount,
        keepSamples, noWarmup);
  }
}
