#include "bench/monitor.hpp"

#include <optional>
#include <string_view>

#include "capi/guard.hpp"
#include "dsk/bench.h"

struct dsk_bench_monitor : dsk::capi::Counted {
  explicit dsk_bench_monitor(dsk::bench::MonitorOptions options) : monitor(std::move(options)) {}
  dsk::bench::Monitor monitor;
  std::optional<dsk::bench::MonitorSample> before;
};

using dsk::capi::give_text;
using dsk::capi::guard;
using dsk::capi::require;

extern "C" {

dsk_status dsk_bench_monitor_create(const char* json, size_t json_len, dsk_bench_monitor** out,
                                    dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    require(json, "json");
    *out = new dsk_bench_monitor(dsk::bench::read_monitor_options(
        dsk::json::parse(std::string_view(json, json_len), "request")));
  });
}

dsk_status dsk_bench_monitor_run(dsk_bench_monitor* monitor, dsk_bench_monitor_format format,
                                 char** out, size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(monitor, "monitor");
    require(out, "out");
    *out = nullptr;
    const dsk::bench::MonitorSample sample = monitor->monitor.sample();
    const dsk::bench::MonitorSample* before = monitor->before ? &*monitor->before : nullptr;
    std::string text;
    switch (format) {
    case DSK_BENCH_MONITOR_JSON:
      text = dsk::json::dump_compact(dsk::bench::document_of(sample, before)) + "\n";
      break;
    case DSK_BENCH_MONITOR_PROMETHEUS:
      text = dsk::bench::prometheus_text(sample);
      break;
    case DSK_BENCH_MONITOR_TABLE:
      text = dsk::bench::monitor_table(sample, before);
      break;
    case DSK_BENCH_MONITOR_FORCE_32BIT:
      throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT,
                       "format must be a value of dsk_bench_monitor_format");
    }
    monitor->before = sample;
    give_text(text, out, out_len);
  });
}

void dsk_bench_monitor_destroy(dsk_bench_monitor* monitor) {
  delete monitor;
}

} // extern "C"
