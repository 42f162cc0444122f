#include "dsk/bench.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>

#include "bench/command.hpp"
#include "bench/harness.hpp"
#include "bench/host_watch.hpp"
#include "bench/machine.hpp"
#include "bench/probes.hpp"
#include "bench/report.hpp"
#include "capi/cancel.hpp"
#include "capi/catalog.hpp"
#include "capi/guard.hpp"

namespace dsk::capi {
namespace {

/// What a callback returned; crosses the harness and becomes the status of the call.
[[noreturn]] void callback_failed(dsk_status status) {
  throw Error(status, std::string("the callback returned ") + dsk_status_name(status));
}

/// Copies what the caller knows of the struct; a tail that this library does not know must be 0.
dsk_bench_options copied(const dsk_bench_options* given) {
  dsk_bench_options out = DSK_BENCH_OPTIONS_INIT;
  if (!given) return out;
  const std::size_t size = given->struct_size;
  if (size < offsetof(dsk_bench_options, name))
    throw Error(DSK_STATUS_INVALID_ARGUMENT, "options->struct_size is " + std::to_string(size) +
                                                 ", must be set by DSK_BENCH_OPTIONS_INIT");
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (size > sizeof out &&
      std::any_of(bytes + sizeof out, bytes + size, [](unsigned char b) { return b != 0; }))
    throw Error(DSK_STATUS_UNSUPPORTED,
                "options has members that this version of the library does not know");
  std::memcpy(&out, given, std::min(size, sizeof out));
  return out;
}

double within(double value, double low, double high, double fallback, const char* name) {
  if (value == 0) return fallback;
  if (!(value >= low && value <= high))
    throw Error(DSK_STATUS_INVALID_ARGUMENT,
                std::string("options->") + name + " is " + std::to_string(value) +
                    ", must be from " + std::to_string(low) + " to " + std::to_string(high));
  return value;
}

bench::Options options_of(const dsk_bench_options& o) {
  constexpr std::uint32_t known =
      DSK_BENCH_FIXED_COUNT | DSK_BENCH_KEEP_SAMPLES | DSK_BENCH_NO_WARMUP;
  if (o.flags & ~known)
    throw Error(DSK_STATUS_INVALID_ARGUMENT,
                "options->flags is " + std::to_string(o.flags) + ", has unknown bits");
  const auto seconds = [](std::uint64_t ns, double fallback) {
    return ns ? 1e-9 * static_cast<double>(ns) : fallback;
  };
  bench::Options out;
  if (o.name) out.name = o.name;
  out.fixed_count = (o.flags & DSK_BENCH_FIXED_COUNT) != 0;
  out.keep_samples = (o.flags & DSK_BENCH_KEEP_SAMPLES) != 0;
  out.warmup = (o.flags & DSK_BENCH_NO_WARMUP) == 0;
  out.max_interval = within(o.max_interval, 1e-6, 10, out.max_interval, "max_interval");
  out.max_noise = within(o.max_noise, 1e-6, 100, out.max_noise, "max_noise");
  out.confidence = within(o.confidence, 0.5, 0.9999, out.confidence, "confidence");
  out.warmup_s = seconds(o.warmup_ns, out.warmup_s);
  out.min_time_s = seconds(o.min_time_ns, out.min_time_s);
  out.max_time_s = seconds(o.max_time_ns, std::max(out.max_time_s, out.min_time_s));
  if (out.fixed_count) out.max_time_s = std::numeric_limits<double>::infinity();
  if (o.min_samples) out.min_samples = o.min_samples;
  if (o.max_samples) out.max_samples = o.max_samples;
  if (out.max_samples < out.min_samples || out.max_samples > 100000000)
    throw Error(DSK_STATUS_INVALID_ARGUMENT,
                "options->max_samples is " + std::to_string(out.max_samples) +
                    ", must be from min_samples (" + std::to_string(out.min_samples) +
                    ") to 100000000");
  if (o.seed) out.seed = o.seed;
  constexpr double most = 1e18;
  out.bytes = within(o.bytes, 0, most, 0, "bytes");
  out.flops = within(o.flops, 0, most, 0, "flops");
  out.cancel = cancel_of(o.cancel);
  return out;
}

bench::Subject subject_of(dsk_bench_fn fn, void* user) {
  return [fn, user](std::uint64_t iterations) {
    dsk_bench_sample s{};
    s.struct_size = sizeof s;
    s.iterations = iterations;
    if (const dsk_status status = fn(user, &s); status != DSK_STATUS_OK) callback_failed(status);
    bench::Sample sample;
    if (s.device_ns > 0) sample.device_s = 1e-9 * s.device_ns;
    if (s.enqueue_ns > 0) sample.enqueue_s = 1e-9 * s.enqueue_ns;
    sample.prompt_tokens = s.prompt_tokens;
    sample.output_tokens = s.output_tokens;
    return sample;
  };
}

std::string line_of(const Json& document) {
  return json::dump_compact(document) + "\n";
}

} // namespace
} // namespace dsk::capi

using dsk::capi::give_text;
using dsk::capi::guard;
using dsk::capi::line_of;
using dsk::capi::require;

extern "C" {

dsk_status dsk_bench_run(const dsk_bench_options* options, dsk_bench_fn fn, void* user, char** out,
                         size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    if (!fn) throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT, "fn is NULL");
    const dsk_bench_options given = dsk::capi::copied(options);
    const dsk::bench::Options o = dsk::capi::options_of(given);
    dsk::bench::HostWatch watch;
    dsk::bench::Measurement m = dsk::bench::measure(o, dsk::capi::subject_of(fn, user), &watch);
    dsk::bench::check_data(given.data, given.data_len, m.doubts);
    give_text(line_of(dsk::bench::document_of(m, o)), out, out_len);
  });
}

dsk_status dsk_bench_compare_run(const dsk_bench_options* options, dsk_bench_fn a, void* user_a,
                                 dsk_bench_fn b, void* user_b, char** out, size_t* out_len,
                                 dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    if (!a || !b) throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT, a ? "b is NULL" : "a is NULL");
    const dsk_bench_options given = dsk::capi::copied(options);
    const dsk::bench::Options o = dsk::capi::options_of(given);
    dsk::bench::HostWatch watch;
    dsk::bench::Comparison c = dsk::bench::compare(o, dsk::capi::subject_of(a, user_a),
                                                   dsk::capi::subject_of(b, user_b), &watch);
    dsk::bench::check_data(given.data, given.data_len, c.a.doubts);
    c.a.name = o.name + "/a";
    c.b.name = o.name + "/b";
    give_text(line_of(dsk::bench::document_of(c.a, o)) + line_of(dsk::bench::document_of(c.b, o)) +
                  line_of(dsk::bench::document_of(c, o)),
              out, out_len);
  });
}

dsk_status dsk_bench_command_run(const dsk_bench_options* options, const char* const* argv,
                                 size_t argc, char** out, size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    if (!argv || argc == 0) throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT, "argv is empty");
    std::vector<std::string> arguments;
    for (std::size_t i = 0; i < argc; ++i) {
      require(argv[i], "argv[i]");
      arguments.emplace_back(argv[i]);
    }
    dsk::bench::Options o = dsk::capi::options_of(dsk::capi::copied(options));
    if (o.name.empty()) o.name = arguments[0];
    o.max_batch = 1;
    dsk::bench::ChildrenWatch watch;
    const dsk::bench::Measurement m =
        dsk::bench::measure(o, dsk::bench::command_subject(std::move(arguments)), &watch);
    give_text(line_of(dsk::bench::document_of(m, o)), out, out_len);
  });
}

dsk_status dsk_bench_probe(const char* json, size_t json_len, dsk_cancel* cancel, char** out,
                           size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    require(json, "json");
    const dsk::Json request = dsk::json::parse(std::string_view(json, json_len), "request");
    std::string lines;
    dsk::bench::run_probes(request, dsk::capi::builtin_catalog(), dsk::capi::cancel_of(cancel),
                           [&](const dsk::Json& line) { lines += line_of(line); });
    give_text(lines, out, out_len);
  });
}

dsk_status dsk_bench_machine_to_json(char** out, size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    give_text(line_of(dsk::bench::machine_record()), out, out_len);
  });
}

dsk_status dsk_bench_machine_emit(const char* lines, size_t lines_len, char** out, size_t* out_len,
                                  dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    require(lines, "lines");
    give_text(dsk::bench::report_page(std::string_view(lines, lines_len)), out, out_len);
  });
}

} // extern "C"
