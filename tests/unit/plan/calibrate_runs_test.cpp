#include "plan/calibrate_runs.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "plan/simulate_request.hpp"
#include "plan/step_answer.hpp"

using namespace dsk;

namespace {

// Its kernels are in the tables: prepared fast.
constexpr const char* device = "h100-sxm";

Json deployment() {
  return {{"model", "llama-3.1-8b"}, {"engine", "vllm@0.19"}};
}

Json empty_calibration() {
  return {{"kind", "calibration"}, {"name", "own"},         {"device", device},
          {"source", "test"},      {"as_of", "2026-11-24"}, {"products", Json::array()}};
}

Json with_factors(double compute, double memory, double step_host, double prefill_host) {
  Json out = empty_calibration();
  const auto factor = [](double value) { return Json{{"value", value}, {"error", 0.1}}; };
  out["engine_runs"] = {{"engine", "vllm"},
                        {"error", 0.05},
                        {"models", {"llama-3.1-8b"}},
                        {"factors",
                         {{"compute", factor(compute)},
                          {"memory", factor(memory)},
                          {"step_host", factor(step_host)},
                          {"prefill_host", factor(prefill_host)}}}};
  return out;
}

// What `vllm bench serve` would have written about an engine that is `truth`.
Json bench(const Json& truth, int concurrency, int input, int output) {
  Json request = deployment();
  request["device"] = device;
  request["catalog"] = Json::array({truth});
  request["workload"] = {{"concurrency", concurrency},
                         {"requests", 2 * concurrency},
                         {"input", input},
                         {"output", output}};
  const Json answer = plan::simulate_document(request, Catalog(), {}, nullptr);
  const double requests = 2 * concurrency;
  Json out = {{"completed", requests},
              {"num_prompts", 2 * concurrency},
              {"request_rate", "inf"},
              {"max_concurrency", concurrency},
              {"total_input_tokens", requests * input},
              {"total_output_tokens", requests * output},
              {"output_throughput", answer["output_tokens_per_s"]}};
  for (const auto& [ours, theirs] :
       {std::pair{"ttft_ms", "ttft_ms"}, {"tpot_ms", "tpot_ms"}, {"e2e_ms", "e2el_ms"}}) {
    out[std::string("mean_") + theirs] = answer[ours]["mean"];
    out[std::string("median_") + theirs] = answer[ours]["p50"];
    out[std::string("p99_") + theirs] = answer[ours]["p99"];
  }
  return out;
}

Json run(const char* name, Json result) {
  return {{"name", name}, {"deployment", deployment()}, {"vllm_bench", std::move(result)}};
}

Json fitted(const Json& runs, const Json& check = nullptr) {
  Json out = empty_calibration();
  plan::add_engine_runs(out, runs, check, Json::array(), Catalog(), {});
  return out;
}

double value(const Json& calibration, const char* factor) {
  return calibration["engine_runs"]["factors"][factor]["value"].get<double>();
}

} // namespace

TEST_CASE("calibrate runs: factors are found again, and unseen runs follow them") {
  const Json truth = with_factors(1.15, 0.85, 1, 1);
  const Json found = fitted(Json::array({run("decode", bench(truth, 32, 64, 160)),
                                         run("prefill", bench(truth, 8, 2000, 8))}),
                            Json::array({run("unseen", bench(truth, 6, 1000, 24))}));
  CHECK(value(found, "compute") == doctest::Approx(1.15).epsilon(0.06));
  CHECK(value(found, "memory") == doctest::Approx(0.85).epsilon(0.06));
  const Json& runs = found["engine_runs"];
  CHECK(runs["before"]["median_error_percent"].get<double>() > 4);
  CHECK(runs["after"]["median_error_percent"].get<double>() < 2);
  CHECK(runs["interval_narrowed_by"].get<double>() > 0.5);
  CHECK(runs["outliers"].empty());
  CHECK(runs["factors"]["memory"]["error"].get<double>() < 0.15);
  for (const Json& metric : runs["check"][0]["metrics"])
    CHECK(std::abs(metric["error_after_percent"].get<double>()) < 4);
  CHECK(runs["valid_range"]["mean_running"][0].get<double>() > 1);
  CHECK(found["source"] == "test, 2 runs of vllm");
}

TEST_CASE("calibrate runs: what the runs do not say stays 1, and a spoilt metric bends nothing") {
  const Json truth = with_factors(1, 0.8, 1, 1);
  Json spoilt = bench(truth, 8, 16, 80); // hardly a prompt: nothing about compute
  spoilt["p99_ttft_ms"] = 5 * spoilt["p99_ttft_ms"].get<double>();
  const Json found = fitted(Json::array({run("decode", spoilt)}));
  CHECK(value(found, "compute") == doctest::Approx(1).epsilon(0.05));
  CHECK(value(found, "prefill_host") == doctest::Approx(1).epsilon(0.1));
  CHECK(value(found, "memory") == doctest::Approx(0.8).epsilon(0.06));
  const Json& factors = found["engine_runs"]["factors"];
  CHECK(factors["compute"]["said_by_runs"].get<double>() < 0.5);
  CHECK(factors["compute"]["error"].get<double>() > factors["memory"]["error"].get<double>());
  REQUIRE(found["engine_runs"]["outliers"].size() == 1);
  CHECK(found["engine_runs"]["outliers"][0]["metric"] == "ttft_ms p99");
}

TEST_CASE("calibrate runs: the planner uses every factor where it holds, and says so") {
  Json request = deployment();
  request["device"] = device;
  request["batch"] = {{"decode_sequences", 16},
                      {"kv_sum", 16000},
                      {"prefill", Json::array({{{"new_tokens", 1000}}})}};
  const auto answer = [&](const Json& catalog) {
    Json whole = request;
    whole["catalog"] = catalog;
    return plan::explain_step(whole, Catalog());
  };
  const Json plain = answer(Json::array());
  const auto part = [](const Json& a, const char* name) {
    return a["step"]["parts_us"][name].get<double>();
  };
  const Json compute = answer(Json::array({with_factors(1.5, 1, 1, 1)}));
  CHECK(part(compute, "compute") / part(plain, "compute") == doctest::Approx(1.5).epsilon(0.05));
  const Json memory = answer(Json::array({with_factors(1, 0.7, 1, 1)}));
  CHECK(part(memory, "memory") / part(plain, "memory") == doctest::Approx(0.7).epsilon(0.05));
  const Json host = answer(Json::array({with_factors(1, 1, 2, 1)}));
  CHECK(part(host, "host") / part(plain, "host") == doctest::Approx(2).epsilon(1e-3));
  CHECK(part(host, "launch") > part(plain, "launch"));
  CHECK(host["calibration"]["factors"]["step_host"] == 2);
  CHECK(host["calibration"]["interval_narrowed_by"].get<double>() > 0.5);
  CHECK(host["calibration"]["step"]["high_us"].get<double>() /
            host["calibration"]["step"]["total_us"].get<double>() ==
        doctest::Approx(1.05).epsilon(0.01));
  // A simulation: the host's time of steps with prefill.
  Json serve = deployment();
  serve["device"] = device;
  serve["workload"] = {{"concurrency", 4}, {"requests", 12}, {"input", 100}, {"output", 2}};
  const auto mean = [&](double factor) {
    serve["catalog"] = Json::array({with_factors(1, 1, 1, factor)});
    return plan::simulate_document(serve, Catalog(), {}, nullptr)["e2e_ms"]["mean"].get<double>();
  };
  CHECK(mean(3) > mean(1) + 3); // 32 layers x 50 us, twice more
  // On another device only what is the engine's.
  request["device"] = "a10";
  const Json other = answer(Json::array()),
             moved = answer(Json::array({with_factors(1.5, 0.7, 2, 1)}));
  CHECK(part(moved, "compute") == part(other, "compute"));
  CHECK(part(moved, "memory") == part(other, "memory"));
  CHECK(part(moved, "host") / part(other, "host") == doctest::Approx(2).epsilon(1e-3));
  CHECK_FALSE(moved["calibration"]["factors"].contains("compute"));
  // Of that only as much as the runs could tell from the kernels.
  Json vague = with_factors(1, 1, 2, 1);
  vague["engine_runs"]["factors"]["step_host"]["said_by_runs"] = 0.5;
  CHECK(part(answer(Json::array({vague})), "host") / part(other, "host") ==
        doctest::Approx(std::sqrt(2)).epsilon(1e-3));
  // And under another engine nothing.
  request["engine"] = "sglang";
  CHECK_FALSE(answer(Json::array({with_factors(1.5, 0.7, 2, 1)})).contains("calibration"));
}

TEST_CASE("calibrate runs: this product's own report is read, bad input is named") {
  const Json truth = with_factors(1, 0.8, 1, 1);
  const Json vllm = bench(truth, 4, 64, 32);
  const auto times = [&](const char* theirs) {
    return Json{{"mean", vllm[std::string("mean_") + theirs]},
                {"p50", vllm[std::string("median_") + theirs]},
                {"p99", vllm[std::string("p99_") + theirs]}};
  };
  Json report = {
      {"request",
       {{"workload", {{"concurrency", 4}, {"input_tokens", 64}, {"output_tokens", 32}}}}},
      {"requests", {{"sent", 8}, {"completed", 8}}},
      {"tokens", {{"input", 8 * 64}, {"output", 8 * 32}}},
      {"latency",
       {{"ttft_ms", times("ttft_ms")},
        {"tpot_ms", times("tpot_ms")},
        {"e2e_ms", times("e2el_ms")}}},
      {"rates", {{"output_tokens_per_s", vllm["output_throughput"]}}}};
  Json own = {{"name", "own"}, {"deployment", deployment()}, {"load_report", report}};
  const Json a = fitted(Json::array({own})), b = fitted(Json::array({run("theirs", vllm)}));
  CHECK(value(a, "memory") == value(b, "memory"));
  const auto place = [&](const Json& runs) -> std::string {
    try {
      fitted(runs);
    } catch (const Error& e) {
      return e.path();
    }
    return "accepted";
  };
  CHECK(place(Json::array()) == "/runs");
  own["deployment"]["device"] = "h200-sxm";
  CHECK(place(Json::array({own})) == "/runs/0/deployment/device");
  own["deployment"] = deployment();
  own.erase("load_report");
  CHECK(place(Json::array({own})) == "/runs/0/request_log");
  Json other = run("other engine", vllm);
  other["deployment"]["engine"] = "sglang";
  CHECK(place(Json::array({run("one", vllm), other})) == "/runs/1/deployment/engine");
  own = run("trace", vllm);
  own["vllm_bench"]["completed"] = 0;
  CHECK(place(Json::array({own})) == "/runs/0/vllm_bench/completed");
  // Two calibrations must not differ about one engine.
  Json second = with_factors(1, 1, 1, 1);
  second["device"] = "a10";
  Catalog catalog;
  CHECK_THROWS_AS(catalog.add(Json::array({truth, second}), "/catalog"), Error);
}
