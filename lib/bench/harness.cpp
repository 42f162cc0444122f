#include "bench/harness.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.hpp"
#include "bench/clock.hpp"

namespace dsk::bench {
namespace {

// A sample is long beside the clock's step, or the clock is what is measured.
constexpr double steps_in_sample = 500;

class Runner {
public:
  Runner(const Options& options, const Subject& subject, Watch* watch)
      : options_(options), subject_(subject), watch_(watch) {
    out_.name = options.name;
  }

  void warm_up() {
    const double least = std::max(options_.min_sample_s, steps_in_sample * clock_step_s());
    const double begin = now_s();
    std::uint64_t batch = 1;
    for (;;) {
      options_.cancel.check();
      const double took = run(batch).wall_s;
      if (took < least && batch < options_.max_batch) {
        const double grow = std::clamp(1.2 * least / std::max(took, 1e-9), 1.5, 100.0);
        batch = std::min(options_.max_batch,
                         static_cast<std::uint64_t>(std::ceil(static_cast<double>(batch) * grow)));
        continue;
      }
      if (!options_.warmup || now_s() - begin >= options_.warmup_s) break;
    }
    out_.batch = batch;
  }

  void begin() {
    begin_s_ = now_s();
    if (watch_) watch_->begin();
  }

  void sample() {
    options_.cancel.check();
    const Timed timed = run(out_.batch);
    sampled_s_ += timed.wall_s;
    if (watch_ && !watch_->accept()) {
      ++out_.discarded;
      return;
    }
    const double iterations = static_cast<double>(out_.batch);
    const bool device = timed.sample.device_s > 0;
    out_.device_clock = out_.device_clock || device;
    out_.samples_s.push_back((device ? timed.sample.device_s : timed.wall_s) / iterations);
    if (timed.sample.enqueue_s >= 0) enqueue_s_.push_back(timed.sample.enqueue_s / iterations);
    prompt_tokens_ += timed.sample.prompt_tokens / iterations;
    output_tokens_ += timed.sample.output_tokens / iterations;
  }

  /// Whether to stop; says why in the measurement.
  bool finished() {
    const std::size_t n = out_.samples_s.size();
    const std::uint64_t tried = n + out_.discarded;
    if (options_.fixed_count) return tried >= options_.min_samples && stop("count");
    if (tried >= options_.max_samples) return stop("max_samples");
    if (sampled_s_ >= options_.max_time_s) return stop("max_time");
    if (n < options_.min_samples || sampled_s_ < options_.min_time_s || n < next_look_)
      return false;
    next_look_ = n + std::max<std::size_t>(1, n / 10);
    std::vector<double> sorted = out_.samples_s;
    std::sort(sorted.begin(), sorted.end());
    const double middle = quantile(sorted, 0.5);
    const Interval interval = median_interval(sorted, options_.confidence);
    const double half = std::max(interval.high - middle, middle - interval.low);
    return half <= options_.max_interval * middle && noise(sorted) <= options_.max_noise &&
           stop("converged");
  }

  Measurement finish() {
    if (watch_) watch_->end(out_.watched, out_.doubts);
    out_.sampled_s = sampled_s_;
    const double n = std::max(1.0, static_cast<double>(out_.samples_s.size()));
    out_.prompt_tokens = prompt_tokens_ / n;
    out_.output_tokens = output_tokens_ / n;
    if (!enqueue_s_.empty()) {
      std::sort(enqueue_s_.begin(), enqueue_s_.end());
      out_.enqueue_s = quantile(enqueue_s_, 0.5);
    }
    examine();
    return std::move(out_);
  }

private:
  struct Timed {
    Sample sample;
    double wall_s;
  };

  Timed run(std::uint64_t iterations) {
    const double from = now_s();
    const Sample sample = subject_(iterations);
    return {sample, now_s() - from};
  }

  bool stop(const char* why) {
    out_.stopped = why;
    return true;
  }

  void doubt(const char* name, std::string sentence) {
    out_.doubts.push_back({name, std::move(sentence)});
  }

  void examine() {
    if (out_.samples_s.empty()) {
      doubt("no_samples", "every sample was discarded");
      return;
    }
    std::vector<double> sorted = out_.samples_s;
    std::sort(sorted.begin(), sorted.end());
    const double middle = quantile(sorted, 0.5);
    if (!out_.device_clock && middle * static_cast<double>(out_.batch) < 100 * clock_step_s())
      doubt("clock_step",
            "a sample takes " + fixed_text(1e9 * middle * static_cast<double>(out_.batch), 0) +
                " ns and the clock steps by " + fixed_text(1e9 * clock_step_s(), 0) + " ns");
    if (const double n = noise(sorted); n > options_.max_noise)
      doubt("noise", "the samples spread by " + fixed_text(100 * n, 1) + " % of their median; " +
                         fixed_text(100 * options_.max_noise, 1) + " % were allowed");
    const Interval interval = median_interval(sorted, options_.confidence);
    const double half = std::max(interval.high - middle, middle - interval.low);
    if (half > options_.max_interval * middle)
      doubt("interval", "the median is known to " + fixed_text(100 * half / middle, 2) + " %; " +
                            fixed_text(100 * options_.max_interval, 2) + " % were wanted");
    examine_drift(middle);
    const double limit = middle + 10 * 1.4826 * median_deviation(sorted);
    const auto far = sorted.end() -
                     std::upper_bound(sorted.begin(), sorted.end(), std::max(limit, 1.5 * middle));
    if (static_cast<double>(far) > 0.02 * static_cast<double>(sorted.size()))
      doubt("outliers", std::to_string(far) + " of " + std::to_string(sorted.size()) +
                            " samples are far above the median: see the percentiles");
    if (out_.device_clock && out_.enqueue_s > 0.9 * middle)
      doubt("host_bound", "the host took " + fixed_text(1e6 * out_.enqueue_s, 2) +
                              " us to enqueue what the device did in " +
                              fixed_text(1e6 * middle, 2) + " us: this is the host's time");
    if (const std::uint64_t all = sorted.size() + out_.discarded; out_.discarded * 4 > all)
      doubt("throttled", std::to_string(out_.discarded) + " of " + std::to_string(all) +
                             " samples were discarded because the clock was low");
  }

  void examine_drift(double middle) {
    const Trend t = trend(out_.samples_s);
    const std::size_t third = out_.samples_s.size() / 3;
    if (!t.significant || third == 0) return;
    const auto part = [&](std::size_t from, std::size_t to) {
      std::vector<double> values(out_.samples_s.begin() + static_cast<std::ptrdiff_t>(from),
                                 out_.samples_s.begin() + static_cast<std::ptrdiff_t>(to));
      std::sort(values.begin(), values.end());
      return quantile(values, 0.5);
    };
    const double shift =
        part(out_.samples_s.size() - third, out_.samples_s.size()) - part(0, third);
    if (std::abs(shift) > 2 * options_.max_interval * middle)
      doubt("drift", "the last third took " + fixed_text(100 * shift / middle, 1) +
                         " % more than the first: warm-up, a falling clock or heat");
  }

  const Options& options_;
  const Subject& subject_;
  Watch* watch_;
  Measurement out_;
  std::vector<double> enqueue_s_;
  double prompt_tokens_ = 0;
  double output_tokens_ = 0;
  double sampled_s_ = 0;
  double begin_s_ = 0;
  std::size_t next_look_ = 0;
};

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(json::significant(value, 9)) : Json(nullptr);
}

} // namespace

Measurement measure(const Options& options, const Subject& subject, Watch* watch) {
  Runner runner(options, subject, watch);
  runner.warm_up();
  runner.begin();
  while (!runner.finished())
    runner.sample();
  return runner.finish();
}

Comparison compare(const Options& options, const Subject& a, const Subject& b, Watch* watch_a,
                   Watch* watch_b) {
  Runner runner_a(options, a, watch_a);
  Runner runner_b(options, b, watch_b);
  runner_a.warm_up();
  runner_b.warm_up();
  runner_a.begin();
  runner_b.begin();
  for (bool done_a = false, done_b = false; !done_a || !done_b;) {
    for (Runner* runner : {&runner_a, &runner_b, &runner_b, &runner_a})
      runner->sample();
    done_a = runner_a.finished();
    done_b = runner_b.finished();
  }
  Comparison out;
  out.a = runner_a.finish();
  out.b = runner_b.finish();
  if (out.a.samples_s.empty() || out.b.samples_s.empty()) return out;
  std::vector<double> sorted_a = out.a.samples_s;
  std::vector<double> sorted_b = out.b.samples_s;
  std::sort(sorted_a.begin(), sorted_a.end());
  std::sort(sorted_b.begin(), sorted_b.end());
  const double below = quantile(sorted_a, 0.5);
  out.ratio = below > 0 ? quantile(sorted_b, 0.5) / below : 0;
  out.interval =
      bootstrap_ratio(out.a.samples_s, out.b.samples_s, options.confidence, options.seed);
  out.different = out.interval.low > 1 || out.interval.high < 1;
  return out;
}

Json document_of(const Measurement& m, const Options& options) {
  std::vector<double> sorted = m.samples_s;
  std::sort(sorted.begin(), sorted.end());
  const auto at_ns = [&](double q) { return number_or_null(1e9 * quantile(sorted, q)); };
  Json out;
  out["kind"] = "measurement";
  out["schema"] = 1;
  out["name"] = m.name;
  out["samples"] = m.samples_s.size();
  out["batch"] = m.batch;
  out["clock"] = m.device_clock ? "device" : "host";
  const double median = quantile(sorted, 0.5);
  if (!sorted.empty()) {
    const Interval interval = bootstrap_median(m.samples_s, options.confidence, options.seed);
    double mean = 0;
    for (double s : sorted)
      mean += s / static_cast<double>(sorted.size());
    out["median_ns"] = at_ns(0.5);
    out["interval_ns"] = {number_or_null(1e9 * interval.low), number_or_null(1e9 * interval.high)};
    out["confidence"] = options.confidence;
    out["mad_ns"] = number_or_null(1e9 * median_deviation(sorted));
    out["noise"] = json::significant(noise(sorted), 4);
    out["mean_ns"] = number_or_null(1e9 * mean);
    out["percentiles_ns"] = {{"p0", at_ns(0)},     {"p1", at_ns(0.01)},  {"p5", at_ns(0.05)},
                             {"p25", at_ns(0.25)}, {"p75", at_ns(0.75)}, {"p90", at_ns(0.9)},
                             {"p95", at_ns(0.95)}, {"p99", at_ns(0.99)}, {"p100", at_ns(1)}};
    if (m.enqueue_s >= 0) out["enqueue_ns"] = number_or_null(1e9 * m.enqueue_s);
    if (options.bytes > 0) {
      out["bytes"] = options.bytes;
      out["gb_per_s"] = number_or_null(options.bytes / median * 1e-9);
    }
    if (options.flops > 0) {
      out["flops"] = options.flops;
      out["tflop_per_s"] = number_or_null(options.flops / median * 1e-12);
    }
    if (m.prompt_tokens > 0 || m.output_tokens > 0) {
      const auto rate = [&](double tokens) { return number_or_null(tokens / median); };
      const auto rates = [&](double tokens) {
        // A slow sample is a low rate, so the percentiles change places.
        return Json{
            {"median", rate(tokens)},
            {"interval",
             {number_or_null(tokens / interval.high), number_or_null(tokens / interval.low)}},
            {"p1", number_or_null(tokens / quantile(sorted, 0.99))},
            {"p5", number_or_null(tokens / quantile(sorted, 0.95))},
            {"p95", number_or_null(tokens / quantile(sorted, 0.05))},
            {"p99", number_or_null(tokens / quantile(sorted, 0.01))}};
      };
      out["prompt_tokens"] = m.prompt_tokens;
      out["output_tokens"] = m.output_tokens;
      out["prompt_tokens_per_s"] = rates(m.prompt_tokens);
      out["output_tokens_per_s"] = rates(m.output_tokens);
      out["total_tokens_per_s"] = rates(m.prompt_tokens + m.output_tokens);
    }
  }
  out["stopped"] = m.stopped;
  out["discarded"] = m.discarded;
  out["sampled_s"] = json::significant(m.sampled_s, 6);
  for (const auto& [name, value] : m.watched.items())
    out[name] = value;
  Json doubts = Json::array();
  for (const Doubt& doubt : m.doubts)
    doubts.push_back({{"name", doubt.name}, {"sentence", doubt.sentence}});
  out["trusted"] = m.doubts.empty();
  out["doubts"] = std::move(doubts);
  if (options.keep_samples) {
    Json samples = Json::array();
    for (double s : m.samples_s) {
      if (samples.size() == 100000) break;
      samples.push_back(number_or_null(1e9 * s));
    }
    out["samples_ns"] = std::move(samples);
  }
  return out;
}

Json document_of(const Comparison& c, const Options& options) {
  Json out;
  out["kind"] = "comparison";
  out["schema"] = 1;
  out["name"] = options.name;
  out["a"] = c.a.name;
  out["b"] = c.b.name;
  out["order"] = "ABBA";
  out["ratio"] = number_or_null(c.ratio);
  out["interval"] = {number_or_null(c.interval.low), number_or_null(c.interval.high)};
  out["confidence"] = options.confidence;
  out["different"] = c.different;
  out["trusted"] = c.a.doubts.empty() && c.b.doubts.empty();
  return out;
}

void check_data(const void* data, std::size_t size, std::vector<Doubt>& doubts) {
  if (!data || size < 2) return;
  const auto* bytes = static_cast<const unsigned char*>(data);
  // All elements of up to eight bytes are equal when the data equals itself eight bytes on.
  const std::size_t step = size > 8 ? 8 : 1;
  if (std::memcmp(bytes, bytes + step, size - step) != 0) return;
  const bool zero = std::all_of(bytes, bytes + step, [](unsigned char b) { return b == 0; });
  doubts.push_back({zero ? "zeros_as_data" : "constant_data",
                    zero ? "the input is all zeros, which draws less power and can run faster than "
                           "real data does"
                         : "the input repeats one value, which draws less power and can run faster "
                           "than real data does"});
}

} // namespace dsk::bench
