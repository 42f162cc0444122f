// Subjects here report a device time of their own, so that the outcome does not hang on this
// machine's speed.
#include "bench/harness.hpp"

#include <random>

#include <doctest/doctest.h>

#include "base/error.hpp"

using namespace dsk::bench;

namespace {

Options quick() {
  Options o;
  o.name = "subject";
  o.warmup_s = 0;
  o.min_time_s = 0;
  o.min_sample_s = 0;
  o.max_batch = 1;
  return o;
}

// Times that are given, as a device's clock would.
Subject timed(std::function<double(std::uint64_t call)> seconds, double enqueue_share = 0) {
  auto calls = std::make_shared<std::uint64_t>(0);
  return [=](std::uint64_t iterations) {
    Sample s;
    s.device_s = seconds((*calls)++) * static_cast<double>(iterations);
    if (enqueue_share > 0) s.enqueue_s = enqueue_share * s.device_s;
    return s;
  };
}

bool has(const Measurement& m, const std::string& doubt) {
  for (const Doubt& d : m.doubts)
    if (d.name == doubt) return true;
  return false;
}

} // namespace

TEST_CASE("harness: steady work converges and is trusted") {
  std::mt19937_64 random(1);
  std::normal_distribution<double> draw(1e-3, 1e-6);
  const Measurement m = measure(quick(), timed([&](std::uint64_t) { return draw(random); }));
  CHECK(m.stopped == "converged");
  CHECK(m.doubts.empty());
  const dsk::Json line = document_of(m, quick());
  CHECK(line["median_ns"].get<double>() == doctest::Approx(1e6).epsilon(0.002));
  CHECK(line["interval_ns"][0].get<double>() <= line["median_ns"].get<double>());
  CHECK(line["interval_ns"][1].get<double>() >= line["median_ns"].get<double>());
  CHECK(line["trusted"] == true);
  CHECK(line["clock"] == "device");
}

TEST_CASE("harness: noisy work takes more samples than steady work") {
  std::mt19937_64 random(1);
  std::normal_distribution<double> narrow(1e-3, 3e-6);
  std::normal_distribution<double> wide(1e-3, 3e-5);
  const Measurement a = measure(quick(), timed([&](std::uint64_t) { return narrow(random); }));
  const Measurement b = measure(quick(), timed([&](std::uint64_t) { return wide(random); }));
  CHECK(a.stopped == "converged");
  CHECK(b.stopped == "converged");
  CHECK(b.samples_s.size() > 2 * a.samples_s.size());
}

TEST_CASE("harness: a clock that falls to half in mid-run is called drift") {
  Options o = quick();
  o.fixed_count = true;
  o.min_samples = 200;
  const Measurement m = measure(o, timed([](std::uint64_t i) { return i < 100 ? 1e-3 : 2e-3; }));
  CHECK(has(m, "drift"));
  CHECK(document_of(m, o)["trusted"] == false);
}

TEST_CASE("harness: spread beyond the bound is called noise and stops at the sample limit") {
  Options o = quick();
  o.max_samples = 300;
  const Measurement m = measure(o, timed([](std::uint64_t i) { return i % 2 ? 1e-3 : 1.4e-3; }));
  CHECK(m.stopped == "max_samples");
  CHECK(has(m, "noise"));
}

TEST_CASE("harness: work whose time is the host's is called host-bound") {
  Options o = quick();
  o.fixed_count = true;
  CHECK(has(measure(o, timed([](std::uint64_t) { return 1e-3; }, 0.99)), "host_bound"));
  CHECK(!has(measure(o, timed([](std::uint64_t) { return 1e-3; }, 0.2)), "host_bound"));
}

TEST_CASE("harness: rare slow samples are called outliers") {
  Options o = quick();
  o.fixed_count = true;
  o.min_samples = 400;
  CHECK(has(measure(o, timed([](std::uint64_t i) { return i % 25 ? 1e-3 : 9e-3; })), "outliers"));
}

TEST_CASE("harness: throttled samples are discarded, and named when they are many") {
  class Throttle : public Watch {
  public:
    void begin() override {}
    bool accept() override { return ++calls_ % 2 == 0; }
    void end(dsk::Json& out, std::vector<Doubt>&) override { out["clock_mhz"] = 990; }

  private:
    int calls_ = 0;
  };
  Throttle throttle;
  Options o = quick();
  o.fixed_count = true;
  o.min_samples = 100;
  const Measurement m = measure(o, timed([](std::uint64_t) { return 1e-3; }), &throttle);
  CHECK(m.samples_s.size() == 50);
  CHECK(m.discarded == 50);
  CHECK(has(m, "throttled"));
  CHECK(document_of(m, o)["clock_mhz"] == 990);
}

TEST_CASE("harness: a comparison runs A B B A and tells a difference from none") {
  std::string order;
  std::mt19937_64 random(5);
  std::normal_distribution<double> draw(1, 0.003);
  const auto subject = [&](char name, double seconds) {
    return [&, name, seconds](std::uint64_t) {
      order += name;
      Sample s;
      s.device_s = seconds * draw(random);
      return s;
    };
  };
  Options o = quick();
  const Comparison faster = compare(o, subject('a', 1e-3), subject('b', 0.9e-3));
  CHECK(order.substr(order.size() - 4) == "abba");
  CHECK(faster.ratio == doctest::Approx(0.9).epsilon(0.005));
  CHECK(faster.different);
  CHECK(faster.interval.low <= 0.9);
  CHECK(faster.interval.high >= 0.9);
  const Comparison same = compare(o, subject('a', 1e-3), subject('b', 1e-3));
  CHECK(same.ratio == doctest::Approx(1).epsilon(0.005));
}

TEST_CASE("harness: short work is repeated inside a sample") {
  Options o;
  o.warmup_s = 0;
  o.min_time_s = 0;
  o.max_interval = 10;
  o.max_noise = 10;
  std::uint64_t most = 0;
  volatile double sink = 0;
  const Measurement m = measure(o, [&](std::uint64_t iterations) {
    most = std::max(most, iterations);
    for (std::uint64_t i = 0; i < iterations; ++i)
      sink = sink + 1;
    return Sample{};
  });
  CHECK(m.batch > 1);
  CHECK(most == m.batch);
  CHECK(!has(m, "clock_step"));
}

TEST_CASE("harness: tokens read and written are counted apart") {
  Options o = quick();
  o.fixed_count = true;
  o.min_samples = 100;
  const Measurement m = measure(o, [](std::uint64_t) {
    Sample s;
    s.device_s = 2;
    s.prompt_tokens = 32 * 512;
    s.output_tokens = 32 * 128;
    return s;
  });
  CHECK(m.stopped == "count");
  CHECK(m.samples_s.size() == 100);
  const dsk::Json line = document_of(m, o);
  CHECK(line["prompt_tokens_per_s"]["median"] == 32 * 512 / 2);
  CHECK(line["output_tokens_per_s"]["median"] == 32 * 128 / 2);
  CHECK(line["total_tokens_per_s"]["median"] == 32 * 640 / 2);
}

TEST_CASE("harness: constant data is named") {
  std::vector<float> data(1000, 0.0f);
  std::vector<Doubt> doubts;
  check_data(data.data(), data.size() * 4, doubts);
  REQUIRE(doubts.size() == 1);
  CHECK(doubts[0].name == "zeros_as_data");
  doubts.clear();
  data.assign(1000, 1.5f);
  check_data(data.data(), data.size() * 4, doubts);
  REQUIRE(doubts.size() == 1);
  CHECK(doubts[0].name == "constant_data");
  doubts.clear();
  data[7] = 2;
  check_data(data.data(), data.size() * 4, doubts);
  CHECK(doubts.empty());
}

TEST_CASE("harness: a set token stops the measurement") {
  auto state = std::make_shared<dsk::CancelState>();
  Options o = quick();
  o.cancel = dsk::Cancel(state);
  const Subject subject = [&](std::uint64_t) {
    state->set = true;
    return Sample{};
  };
  CHECK_THROWS_AS(measure(o, subject), dsk::Error);
}
