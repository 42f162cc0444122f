// The measuring loop: warm-up, batching, stopping, summary and self-checks of one subject or two in
// turn. What is measured is a callable; where its time comes from is its own affair.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "bench/statistics.hpp"

namespace dsk::bench {

struct Options {
  std::string name;
  bool fixed_count = false;
  bool keep_samples = false;
  bool warmup = true;
  double max_interval = 0.005;
  double max_noise = 0.05;
  double confidence = 0.95;
  double warmup_s = 0.1;
  double min_time_s = 0.5;
  double max_time_s = 15;
  std::uint64_t min_samples = 20;
  std::uint64_t max_samples = 100000;
  std::uint64_t seed = 1;
  double bytes = 0;
  double flops = 0;
  double min_sample_s = 20e-6;                      // shorter work is repeated inside one sample
  std::uint64_t max_batch = std::uint64_t{1} << 30; // iterations in one sample
  Cancel cancel;
};

/// Totals of one sample over its iterations. Negative: not known.
struct Sample {
  double device_s = -1;
  double enqueue_s = -1;
  double prompt_tokens = 0;
  double output_tokens = 0;
};

/// Runs the work `iterations` times.
using Subject = std::function<Sample(std::uint64_t iterations)>;

/// One doubt about a measurement: a name that programs compare, and a sentence.
struct Doubt {
  std::string name;
  std::string sentence;
};

/// What the machine did while samples were taken; the default watches the host. A device's probe
/// adds its clocks, power and temperature.
class Watch {
public:
  virtual ~Watch() = default;
  virtual void begin() = 0;
  /// Called after each sample; false discards it (a throttled clock, say).
  virtual bool accept() { return true; }
  /// Adds members to the measurement and doubts to the list.
  virtual void end(Json& measurement, std::vector<Doubt>& doubts) = 0;
};

struct Measurement {
  std::string name;
  std::vector<double> samples_s; // of one iteration, in the order taken
  std::uint64_t batch = 1;
  std::uint64_t discarded = 0;
  double sampled_s = 0; // wall time of the samples
  std::string stopped;  // "converged", "count", "max_time", "max_samples"
  double enqueue_s = -1;
  double prompt_tokens = 0; // of one iteration, mean
  double output_tokens = 0;
  bool device_clock = false;
  Json watched = Json::object();
  std::vector<Doubt> doubts;
};

Measurement measure(const Options& options, const Subject& subject, Watch* watch = nullptr);

/// A B B A until both have converged.
struct Comparison {
  Measurement a;
  Measurement b;
  double ratio = 0; // median(b) / median(a)
  Interval interval;
  bool different = false; // the interval does not hold 1
};
Comparison compare(const Options& options, const Subject& a, const Subject& b,
                   Watch* watch_a = nullptr, Watch* watch_b = nullptr);

/// The document of one measurement ("kind": "measurement").
Json document_of(const Measurement& measurement, const Options& options);
Json document_of(const Comparison& comparison, const Options& options);

/// A doubt when the bytes are all equal ("zeros as data"); nothing otherwise.
void check_data(const void* data, std::size_t size, std::vector<Doubt>& doubts);

} // namespace dsk::bench
