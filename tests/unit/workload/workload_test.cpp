#include "workload/workload.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.hpp"

using namespace dsk;
using namespace dsk::workload;

namespace {

std::vector<double> times(ArrivalSpec spec, int count) {
  Arrivals arrivals(spec, 3);
  std::vector<double> out;
  for (int i = 0; i < count; ++i)
    out.push_back(arrivals.next());
  return out;
}

std::string message(std::string_view text, TraceFormat format) {
  try {
    read_trace(text, format, "/trace");
  } catch (const Error& e) {
    CHECK(e.status() == DSK_STATUS_INVALID_REQUEST);
    CHECK(e.path() == "/trace");
    return e.what();
  }
  return "";
}

} // namespace

TEST_CASE("every arrival process keeps its mean rate and never goes back in time") {
  using P = ArrivalSpec::Process;
  for (const P process : {P::constant, P::poisson, P::gamma, P::on_off, P::daily}) {
    ArrivalSpec spec;
    spec.process = process;
    spec.rate_per_s = 5;
    spec.cv = 3;
    spec.day_s = 400;
    const auto t = times(spec, 40000);
    for (std::size_t i = 1; i < t.size(); ++i)
      REQUIRE(t[i] >= t[i - 1]);
    CHECK(40000 / t.back() == doctest::Approx(5).epsilon(0.04));
  }
}

TEST_CASE("the daily curve is high in its half and low in the other") {
  ArrivalSpec spec;
  spec.process = ArrivalSpec::Process::daily;
  spec.rate_per_s = 100;
  spec.day_s = 1000;
  spec.peak = 1.8;
  int near_peak = 0;
  int far = 0;
  for (const double t : times(spec, 100000)) { // one day: the rate is lowest at 0, highest at 500
    near_peak += t > 400 && t < 600;
    far += t < 100 || t > 900;
  }
  CHECK(near_peak > 5 * far);
}

TEST_CASE("length distributions have the mean that they say") {
  const auto mean = [](const Lengths& l) {
    double sum = 0;
    for (int i = 0; i < 10000; ++i)
      sum += l.at((i + 0.5) / 10000);
    return sum / 10000;
  };
  CHECK(mean(Lengths::fixed(700)) == 700);
  CHECK(mean(Lengths::uniform(819.2, 1024)) == doctest::Approx(922).epsilon(0.001));
  CHECK(mean(Lengths::lognormal(200, 100, 1, 0)) == doctest::Approx(200).epsilon(0.01));
  CHECK(mean(Lengths::empirical({1, 2, 3})) == doctest::Approx(2).epsilon(0.001));
  CHECK(mean(Lengths::quantiles({{0, 10}, {0.5, 20}, {1, 100}})) ==
        doctest::Approx(37.5).epsilon(0.01));
}

TEST_CASE("a request is a function of the seed and its number alone") {
  WorkloadSpec spec;
  spec.input = Lengths::uniform(10, 1000);
  spec.output = Lengths::uniform(10, 1000);
  const Workload a(spec);
  const Workload b(spec);
  CHECK(a.request(77).input == b.request(77).input);
  spec.seed = 2;
  int same = 0;
  const Workload c(spec);
  for (int i = 0; i < 100; ++i)
    same += a.request(i).input == c.request(i).input;
  CHECK(same < 10);
}

TEST_CASE("turns of a session repeat all that was said before") {
  WorkloadSpec spec;
  spec.input = Lengths::uniform(100, 300);
  spec.output = Lengths::uniform(50, 150);
  spec.sessions = {2, 64, 3, 4};
  const Workload w(spec);
  const Request first = w.request(1);  // turn 0 of session 1
  const Request second = w.request(5); // turn 1 of session 1
  CHECK(second.input > first.input + first.output);
  for (std::int32_t i = 0; i < first.blocks.size; ++i)
    CHECK(first.blocks[i] == second.blocks[i]);
  // Sessions 1 and 3 are of one group: the same system prompt, then their own tokens.
  const Request other = w.request(3);
  CHECK(other.blocks[3] == first.blocks[3]);
  CHECK(other.blocks[4] != first.blocks[4]);
}

TEST_CASE("traces are read, and faults name their line") {
  const Trace azure = read_trace("TIMESTAMP,ContextTokens,GeneratedTokens\n"
                                 "2023-11-16 23:59:59.5,4808,10\n2023-11-17 00:00:01.25,3180,8\n",
                                 TraceFormat::azure, "");
  CHECK(azure.rows[1].at_s == doctest::Approx(1.75));
  CHECK(azure.rows[1].input == 3180);
  const Trace mooncake = read_trace(
      "{\"timestamp\": 3000, \"input_length\": 600, \"output_length\": 6, \"hash_ids\": [0, 7]}\n",
      TraceFormat::mooncake, "");
  CHECK(mooncake.rows[0].at_s == 3);
  CHECK(mooncake.blocks == std::vector<std::uint64_t>{0, 7});

  const std::string head = "arrival_s,input_tokens,output_tokens\n";
  CHECK(message(head + "0,1,1\n1,0,1\n", TraceFormat::plain).find("line 3: input_tokens is 0") ==
        0);
  CHECK(message(head + "0,10000001,1\n", TraceFormat::plain).find("line 2") == 0);
  CHECK(message(head + "0,1\n", TraceFormat::plain).find("line 2: has 2 fields") == 0);
  CHECK(message(head + "2,1,1\n1,1,1\n", TraceFormat::plain).find("in order of time") !=
        std::string::npos);
  CHECK(message(head + "-1,1,1\n", TraceFormat::plain).find("must not be negative") !=
        std::string::npos);
  CHECK(message(head + "nan,1,1\n", TraceFormat::plain).find("must be a number") !=
        std::string::npos);
  CHECK(message(head, TraceFormat::plain) == "the trace holds no request");
  CHECK(message("{\"timestamp\": 1, \"input_len", TraceFormat::mooncake).find("line 1") == 0);
}
