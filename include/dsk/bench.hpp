/**
 * @file bench.hpp
 * libdsk's measurements for C++17: the calls of bench.h with text and callables. Header only.
 *
 *     const std::string line = dsk::bench_run(options, [&](dsk_bench_sample& s) { step(s); });
 *
 * Threads: as bench.h says.
 */
#ifndef DSK_BENCH_HPP
#define DSK_BENCH_HPP

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/bench.h"
#include "dsk/dsk.hpp"

namespace dsk {
inline namespace api {

/// Work to measure; an exception ends the measurement and leaves the call that measures.
using BenchFn = std::function<void(dsk_bench_sample&)>;

namespace detail {

struct BenchCall {
  const BenchFn& fn;
  std::exception_ptr thrown;

  static dsk_status run(void* user, dsk_bench_sample* sample) {
    auto& self = *static_cast<BenchCall*>(user);
    try {
      self.fn(*sample);
      return DSK_STATUS_OK;
    } catch (...) {
      self.thrown = std::current_exception();
      return DSK_STATUS_CANCELLED;
    }
  }
};

} // namespace detail

/// One JSON line; see dsk_bench_run().
inline std::string bench_run(const dsk_bench_options& options, const BenchFn& fn) {
  detail::BenchCall call{fn, nullptr};
  try {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_bench_run(&options, detail::BenchCall::run, &call, out, length, error);
    });
  } catch (const Error&) {
    if (call.thrown) std::rethrow_exception(call.thrown);
    throw;
  }
}

/// Three JSON lines; see dsk_bench_compare_run().
inline std::string bench_compare(const dsk_bench_options& options, const BenchFn& a,
                                 const BenchFn& b) {
  detail::BenchCall call_a{a, nullptr};
  detail::BenchCall call_b{b, nullptr};
  try {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_bench_compare_run(&options, detail::BenchCall::run, &call_a,
                                   detail::BenchCall::run, &call_b, out, length, error);
    });
  } catch (const Error&) {
    if (call_a.thrown) std::rethrow_exception(call_a.thrown);
    if (call_b.thrown) std::rethrow_exception(call_b.thrown);
    throw;
  }
}

/// One JSON line; see dsk_bench_command_run().
inline std::string bench_command(const dsk_bench_options& options,
                                 const std::vector<std::string>& argv) {
  std::vector<const char*> pointers;
  for (const std::string& argument : argv)
    pointers.push_back(argument.c_str());
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_bench_command_run(&options, pointers.data(), pointers.size(), out, length, error);
  });
}

/// JSON lines; see dsk_bench_probe().
inline std::string bench_probe(const std::string& request, const Cancel& cancel) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_bench_probe(request.data(), request.size(), cancel.get(), out, length, error);
  });
}

/// One JSON line that says what this machine is.
inline std::string machine_json() {
  return detail::text_from([](char** out, std::size_t* length, dsk_error** error) {
    return dsk_bench_machine_to_json(out, length, error);
  });
}

/// The HTML page of JSON lines; see dsk_bench_machine_emit().
inline std::string machine_page(const std::string& lines) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_bench_machine_emit(lines.data(), lines.size(), out, length, error);
  });
}

/// A calibration document; see dsk_plan_calibrate().
inline std::string calibrate_json(const std::string& request) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_plan_calibrate(request.data(), request.size(), out, length, error);
  });
}

/// The report of a load run; see dsk_bench_load_run().
inline std::string load_run(const std::string& request, const Cancel& cancel) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_bench_load_run(request.data(), request.size(), cancel.get(), out, length, error);
  });
}

/// Reports, or "journal:FILE", merged and written; see dsk_bench_load_emit().
inline std::string load_emit(const std::vector<std::string>& reports,
                             dsk_bench_load_format format) {
  std::vector<const char*> pointers;
  for (const std::string& report : reports)
    pointers.push_back(report.c_str());
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_bench_load_emit(pointers.data(), pointers.size(), format, out, length, error);
  });
}

/// Samples a machine and an engine. Not for several threads at once.
class Monitor {
public:
  explicit Monitor(const std::string& request) {
    dsk_bench_monitor* raw = nullptr;
    detail::ErrorSlot error;
    error.check(dsk_bench_monitor_create(request.data(), request.size(), &raw, error));
    handle_.reset(raw, dsk_bench_monitor_destroy);
  }
  std::string sample(dsk_bench_monitor_format format) {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_bench_monitor_run(handle_.get(), format, out, length, error);
    });
  }

private:
  std::shared_ptr<dsk_bench_monitor> handle_;
};

} // namespace api
} // namespace dsk

#endif // DSK_BENCH_HPP
