/**
 * @file dsk.hpp
 * libdsk for C++17: RAII handles, exceptions, and typed requests and answers (dsk/schema) over the
 * C ABI. Header only; link the C library.
 *
 *     dsk::PlanRequest request;
 *     request.model.name = "deepseek-r1";
 *     request.devices = {"h200-sxm"};
 *     request.workload = dsk::open_loop(10, 2048, 512);
 *     request.slo.tpot_ms = 50;
 *     dsk::Plan plan(request);
 *     if (plan.answer().best) std::cout << plan.answer().best->gpus << "\n";
 *
 * Threads: as base.h says; a const object may be shared.
 */
#ifndef DSK_DSK_HPP
#define DSK_DSK_HPP

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsk/dsk.h"
#include "dsk/json.hpp"
#include "dsk/schema/cost_answer.hpp"
#include "dsk/schema/cost_request.hpp"
#include "dsk/schema/fit_answer.hpp"
#include "dsk/schema/fit_request.hpp"
#include "dsk/schema/memory_answer.hpp"
#include "dsk/schema/memory_request.hpp"
#include "dsk/schema/plan_answer.hpp"
#include "dsk/schema/plan_request.hpp"
#include "dsk/schema/simulate_answer.hpp"
#include "dsk/schema/simulate_request.hpp"
#include "dsk/schema/step_answer.hpp"
#include "dsk/schema/step_request.hpp"
#include "dsk/schema/tune_batching_answer.hpp"

namespace dsk {
inline namespace api {

/// What a failed call throws.
class Error : public std::runtime_error {
public:
  Error(dsk_status status, const std::string& message, std::string path = {},
        std::string where = {})
      : std::runtime_error(message), status_(status), path_(std::move(path)),
        where_(std::move(where)) {}

  dsk_status status() const noexcept { return status_; }
  /// JSON pointer into the request, or empty.
  const std::string& path() const noexcept { return path_; }
  /// The C function that failed.
  const std::string& where() const noexcept { return where_; }

private:
  dsk_status status_;
  std::string path_;
  std::string where_;
};

namespace detail {

/// Receives the error of one C call and turns it into an exception.
class ErrorSlot {
public:
  ErrorSlot() = default;
  ErrorSlot(const ErrorSlot&) = delete;
  ErrorSlot& operator=(const ErrorSlot&) = delete;
  ~ErrorSlot() { dsk_error_destroy(error_); }

  operator dsk_error**() { return &error_; }
  void check(dsk_status status) const {
    if (status == DSK_STATUS_OK) return;
    throw Error(status, dsk_error_message(error_), dsk_error_path(error_), dsk_error_where(error_));
  }

private:
  dsk_error* error_ = nullptr;
};

/// Calls a C function that gives a text, as f(char** out, size_t* len, dsk_error** error).
template <class Call> std::string text_from(Call&& call) {
  char* text = nullptr;
  std::size_t length = 0;
  ErrorSlot error;
  error.check(call(&text, &length, error));
  const std::unique_ptr<char, void (*)(void*)> owner(text, dsk_free);
  return std::string(text, length);
}

} // namespace detail

/// Throws when the loaded library is not the one that this program was compiled for.
inline void check_abi() {
  detail::ErrorSlot error;
  error.check(DSK_ABI_CHECK(error));
}

/// A token that stops long calls; copies are the same token. Thread-safe.
class Cancel {
public:
  Cancel() {
    dsk_cancel* raw = nullptr;
    detail::ErrorSlot error;
    error.check(dsk_cancel_create(&raw, error));
    handle_.reset(raw, dsk_cancel_destroy);
  }
  void set() const { dsk_cancel_set(handle_.get()); }
  bool is_set() const { return dsk_cancel_is_set(handle_.get()); }
  /// Steps done and steps in all; both 0 before the work has begun.
  std::pair<std::uint64_t, std::uint64_t> progress() const {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    dsk_cancel_progress(handle_.get(), &done, &total);
    return {done, total};
  }
  dsk_cancel* get() const { return handle_.get(); }

private:
  std::shared_ptr<dsk_cancel> handle_;
};

/* ----------------------------------------------------------------- requests */

/// A model by the text of its unmodified config.json (and hf_quant_config.json, if there is one).
/// Throws Error(INVALID_REQUEST) when one is not JSON.
inline Model model_from_config(std::string label, const std::string& config,
                               const std::string& hf_quant_config = {}) {
  const auto document = [](const std::string& text, const char* path) {
    try {
      return JsonValue::parse(text);
    } catch (const std::invalid_argument& e) {
      throw Error(DSK_STATUS_INVALID_REQUEST, e.what(), path);
    }
  };
  Model model;
  if (!label.empty()) model.name = std::move(label);
  model.config = document(config, "/model/config");
  if (!hf_quant_config.empty())
    model.hf_quant_config = document(hf_quant_config, "/model/hf_quant_config");
  return model;
}

/// Requests that arrive by themselves, `rate_per_s` over all replicas; lengths are means.
inline Workload open_loop(double rate_per_s, double input_tokens, double output_tokens) {
  Workload load;
  load.input_tokens = input_tokens;
  load.output_tokens = output_tokens;
  load.rate_per_s = rate_per_s;
  return load;
}

/// `concurrency` requests in flight over all replicas; lengths are means.
inline Workload closed_loop(double concurrency, double input_tokens, double output_tokens) {
  Workload load;
  load.input_tokens = input_tokens;
  load.output_tokens = output_tokens;
  load.concurrency = concurrency;
  return load;
}

/* ------------------------------------------------------------------- plans */

/// A finished plan.
class Plan {
public:
  explicit Plan(const PlanRequest& request) : Plan(request.to_json()) {}
  Plan(const PlanRequest& request, const Cancel& cancel) : Plan(request.to_json(), cancel.get()) {}
  /// For a request that is JSON text already.
  static Plan from_json(const std::string& request) { return Plan(request); }
  static Plan from_json(const std::string& request, const Cancel& cancel) {
    return Plan(request, cancel.get());
  }

  std::string to_json() const {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_plan_to_json(handle_.get(), out, length, error);
    });
  }
  PlanAnswer answer() const { return PlanAnswer::from_json(to_json()); }
  dsk_plan_info info() const {
    dsk_plan_info info = DSK_PLAN_INFO_INIT;
    detail::ErrorSlot error;
    error.check(dsk_plan_summary(handle_.get(), &info, error));
    return info;
  }
  std::string emit(dsk_emit_format format) const {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_plan_emit(handle_.get(), format, out, length, error);
    });
  }
  /// Where its replicas fit; see dsk_plan_fit().
  FitAnswer fit(const FitRequest& request) const {
    return FitAnswer::from_json(fit_json(request.to_json()));
  }
  /// The same over JSON text.
  std::string fit_json(const std::string& inventory) const {
    return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
      return dsk_plan_fit(handle_.get(), inventory.data(), inventory.size(), out, length, error);
    });
  }
  const dsk_plan* get() const { return handle_.get(); }

private:
  explicit Plan(const std::string& request, dsk_cancel* cancel = nullptr) {
    dsk_plan* raw = nullptr;
    detail::ErrorSlot error;
    error.check(dsk_plan_create(request.data(), request.size(), cancel, &raw, error));
    handle_.reset(raw, dsk_plan_destroy);
  }

  std::shared_ptr<const dsk_plan> handle_;
};

/* ---------------------------------------------------------- time per step */

/// A deployment prepared for questions about single steps. const: any number of threads may ask.
class StepModel {
public:
  explicit StepModel(const StepRequest& request) : StepModel(request.to_json()) {}
  /// `request`: JSON text; see dsk_plan_step_create().
  explicit StepModel(const std::string& request) {
    dsk_plan_step_model* raw = nullptr;
    detail::ErrorSlot error;
    error.check(dsk_plan_step_create(request.data(), request.size(), &raw, error));
    handle_.reset(raw, dsk_plan_step_destroy);
  }
  dsk_plan_step_time step(const dsk_plan_batch& batch) const {
    dsk_plan_step_time time = DSK_PLAN_STEP_TIME_INIT;
    detail::ErrorSlot error;
    error.check(dsk_plan_step(handle_.get(), &batch, &time, error));
    return time;
  }
  const dsk_plan_step_model* get() const { return handle_.get(); }

private:
  std::shared_ptr<const dsk_plan_step_model> handle_;
};

/// One step taken apart; see dsk_plan_explain().
inline std::string explain_step(const std::string& request, dsk_explain_format format) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_plan_explain(request.data(), request.size(), format, out, length, error);
  });
}

/// The same, typed.
inline StepAnswer explain_step(const StepRequest& request) {
  return StepAnswer::from_json(explain_step(request.to_json(), DSK_EXPLAIN_JSON));
}

/* --------------------------------------------------------------- simulation */

/// A simulated run with what became of its first requests, in order of completion.
struct Simulation {
  SimulateAnswer answer;
  std::vector<dsk_request_times> series;
};

/// Simulates, JSON text in and out; see dsk_plan_simulate(). `series`, when given, has room for the
/// rows that are wanted and is cut to those that were written.
inline std::string simulate_json(const std::string& request, const Cancel* cancel = nullptr,
                                 std::vector<dsk_request_times>* series = nullptr) {
  std::size_t count = 0;
  std::string answer = detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_plan_simulate(request.data(), request.size(), cancel ? cancel->get() : nullptr,
                             series ? series->data() : nullptr, series ? series->size() : 0,
                             sizeof(dsk_request_times), &count, out, length, error);
  });
  if (series && count < series->size()) series->resize(count);
  return answer;
}

/// Simulates; a run that `cancel` ends gives what was done by then, `stopped` being "cancelled".
inline Simulation simulate(const SimulateRequest& request, const Cancel* cancel = nullptr,
                           std::size_t rows = 0) {
  Simulation out;
  out.series.resize(rows);
  out.answer = SimulateAnswer::from_json(
      simulate_json(request.to_json(), cancel, rows > 0 ? &out.series : nullptr));
  return out;
}

/// Policies by cost; `request` is a simulation request with "slo" and "tune". See
/// dsk_plan_tune_batching().
inline TuneBatchingAnswer tune_batching(const std::string& request,
                                        const Cancel* cancel = nullptr) {
  return TuneBatchingAnswer::from_json(
      detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
        return dsk_plan_tune_batching(request.data(), request.size(),
                                      cancel ? cancel->get() : nullptr, out, length, error);
      }));
}

/// Scores as JSON text, and the predictions as CSV; see dsk_plan_validate_kernels().
inline std::pair<std::string, std::string> validate_kernels(const std::string& request,
                                                            std::string_view csv) {
  char* predictions = nullptr;
  std::string report = detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    const dsk_status status = dsk_plan_validate_kernels(request.data(), request.size(), csv.data(),
                                                        csv.size(), out, &predictions, error);
    *length = status == DSK_STATUS_OK ? std::char_traits<char>::length(*out) : 0;
    return status;
  });
  const std::unique_ptr<char, void (*)(void*)> owner(predictions, dsk_free);
  return {std::move(report), std::string(predictions)};
}

/* --------------------------------------------------- memory and catalogue */

/// Memory of one deployment, JSON text in and out; see dsk_plan_memory().
inline std::string memory_json(const std::string& request) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_plan_memory(request.data(), request.size(), out, length, error);
  });
}

/// Memory of one deployment.
inline MemoryAnswer memory(const MemoryRequest& request) {
  return MemoryAnswer::from_json(memory_json(request.to_json()));
}

/// Money, JSON text in and out; see dsk_plan_cost().
inline std::string cost_json(const std::string& request) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_plan_cost(request.data(), request.size(), out, length, error);
  });
}

/// Money.
inline CostAnswer cost(const CostRequest& request) {
  return CostAnswer::from_json(cost_json(request.to_json()));
}

/// Names of the built-in records of one kind.
inline std::vector<std::string> catalog_names(dsk_catalog_kind kind) {
  std::vector<std::string> names;
  detail::read(
      JsonValue::parse(detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
        return dsk_catalog_to_json(kind, out, length, error);
      })),
      names);
  return names;
}

/// One built-in record as JSON text.
inline std::string catalog_record(dsk_catalog_kind kind, std::string_view name) {
  return detail::text_from([&](char** out, std::size_t* length, dsk_error** error) {
    return dsk_catalog_get(kind, name.data(), name.size(), out, length, error);
  });
}

} // namespace api
} // namespace dsk

#endif // DSK_DSK_HPP
