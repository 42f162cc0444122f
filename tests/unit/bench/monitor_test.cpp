#include "bench/monitor.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "bench/nvml.hpp"
#include "bench/report.hpp"

using namespace dsk::bench;

namespace {

double value_of(const std::vector<Figure>& figures, const std::string& name) {
  for (const Figure& f : figures)
    if (f.name == name) return f.value;
  return -1;
}

} // namespace

TEST_CASE("monitor: an engine's metrics come under our names") {
  const std::string text = "# HELP vllm:num_requests_running Number of requests\n"
                           "# TYPE vllm:num_requests_running gauge\n"
                           "vllm:num_requests_running{engine=\"0\",model_name=\"m x\"} 12\n"
                           "vllm:num_requests_running{engine=\"1\",model_name=\"m x\"} 8\n"
                           "vllm:num_requests_waiting{engine=\"0\"} 3.0\n"
                           "vllm:kv_cache_usage_perc{engine=\"0\"} 0.5\n"
                           "vllm:num_preemptions_total{engine=\"0\"} 7\n"
                           "vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"1000\"} 1\n"
                           "process_cpu_seconds_total 99\n";
  const auto figures = engine_figures(text);
  CHECK(value_of(figures, "dsk_engine_requests_running") == 20);
  CHECK(value_of(figures, "dsk_engine_requests_waiting") == 3);
  CHECK(value_of(figures, "dsk_engine_kv_cache_usage_ratio") == 0.5);
  CHECK(value_of(figures, "dsk_engine_preemptions_total") == 7);
  CHECK(value_of(figures, "dsk_engine_kv_blocks") == 1000);
  // Twenty sequences leave 7.5 of 16 places of their last block empty, out of 8,000 allocated.
  CHECK(value_of(figures, "dsk_engine_kv_fragmentation_ratio") == doctest::Approx(20 * 7.5 / 8000));
  CHECK(engine_figures("nothing known 1\n").empty());
  CHECK(engine_figures("vllm:num_requests_running").empty());
}

TEST_CASE("monitor: Prometheus text groups a name and escapes its labels") {
  MonitorSample sample;
  sample.figures = {{"a_total", {{"d", "x\"y\\z\n"}}, 3, true},
                    {"b", {}, 0.5, false},
                    {"a_total", {{"d", "w"}}, 4, true}};
  CHECK(prometheus_text(sample) ==
        "# TYPE a_total counter\na_total{d=\"x\\\"y\\\\z\\n\"} 3\na_total{d=\"w\"} 4\n"
        "# TYPE b gauge\nb 0.5\n");
}

TEST_CASE("monitor: rates are those since the sample before, and none after a restart") {
  MonitorSample before;
  before.figures = {{"n_total", {}, 100, true}};
  MonitorSample now = before;
  now.elapsed_s = 2;
  now.figures[0].value = 150;
  CHECK(document_of(now, &before)["figures"][0]["per_s"] == 25);
  CHECK(document_of(now, nullptr)["figures"][0]["per_s"].is_null());
  now.figures[0].value = 5;
  CHECK(document_of(now, &before)["figures"][0]["per_s"].is_null());
}

TEST_CASE("monitor: throttle reasons in words") {
  CHECK(throttle_reasons(0).empty());
  CHECK(throttle_reasons(0x1).empty()); // idle
  CHECK(throttle_reasons(0x44) == std::vector<std::string>{"power cap", "heat (hardware)"});
  CHECK(!throttle_spoils(0x5));
  CHECK(throttle_spoils(0x8));
  CHECK(throttle_spoils(0x20));
}

TEST_CASE("report: a page holds what it shows, and two runs stand side by side") {
  const std::string machine = "{\"kind\":\"machine\",\"note\":\"<b>&</b>\"}\n";
  const auto line = [](double ns) {
    return "{\"kind\":\"measurement\",\"name\":\"m\",\"median_ns\":" + std::to_string(ns) +
           ",\"interval_ns\":[1,2],\"noise\":0.01,\"note\":\"</script>\"}\n";
  };
  const std::string page = report_page(machine + line(1000) + machine + line(1500));
  CHECK(page.find("<b>&</b>") == std::string::npos);
  CHECK(page.find("&lt;b&gt;&amp;") != std::string::npos);
  CHECK(page.find("1.5000") != std::string::npos);
  // The data must not end its element: one closing tag, at the end.
  CHECK(page.find("</script>") == page.rfind("</script>"));
  try {
    report_page("{\"kind\":\"machine\"}\n{\"a\":\n");
    FAIL("took half a line");
  } catch (const dsk::Error& e) {
    CHECK(e.path().rfind("/1", 0) == 0);
  }
}
