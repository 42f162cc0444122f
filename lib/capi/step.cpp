#include <algorithm>
#include <cstddef>
#include <string_view>

#include "capi/catalog.hpp"
#include "capi/guard.hpp"
#include "dsk/plan.h"
#include "emit/step_chart.hpp"
#include "plan/kernel_report.hpp"
#include "plan/step_answer.hpp"

struct dsk_plan_step_model : dsk::capi::Counted {
  explicit dsk_plan_step_model(dsk::perf::StepModel m) : model(std::move(m)) {}
  dsk::perf::StepModel model;
};

namespace {

using dsk::capi::builtin_catalog;
using dsk::capi::give_text;
using dsk::capi::guard;
using dsk::capi::require;

dsk::Json parse(const char* json, std::size_t json_len) {
  require(json, "json");
  return dsk::json::parse(std::string_view(json, json_len), "request");
}

dsk::perf::Batch batch_of(const dsk_plan_batch& in) {
  dsk::perf::Batch batch;
  batch.decode_sequences = in.decode_sequences;
  batch.kv_sum = in.kv_sum_tokens;
  batch.kv_max = in.kv_max_tokens;
  batch.chunks = static_cast<int>(std::min<std::uint32_t>(in.chunk_count, 1u << 20));
  for (std::size_t i = 0; i < std::min<std::size_t>(in.chunk_count, 4); ++i)
    batch.prefill[i] = {in.chunks[i].new_tokens, in.chunks[i].context_tokens};
  return batch;
}

dsk_plan_step_time time_of(const dsk::perf::StepTime& t, std::uint32_t size) {
  dsk_plan_step_time out{};
  out.struct_size = size;
  out.binding = static_cast<std::uint32_t>(t.binding);
  out.total_us = t.total_us;
  out.low_us = t.low_us;
  out.high_us = t.high_us;
  out.compute_us = t.compute_us;
  out.memory_us = t.memory_us;
  out.scale_up_us = t.scale_up_us;
  out.scale_out_us = t.scale_out_us;
  out.launch_us = t.launch_us;
  out.host_us = t.host_us;
  out.communication_share = t.communication_share();
  return out;
}

} // namespace

extern "C" {

dsk_status dsk_plan_step_create(const char* json, size_t json_len, dsk_plan_step_model** out,
                                dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    *out =
        new dsk_plan_step_model(dsk::plan::step_model_of(parse(json, json_len), builtin_catalog()));
  });
}

dsk_status dsk_plan_step(const dsk_plan_step_model* model, const dsk_plan_batch* batch,
                         dsk_plan_step_time* out, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(model, "model");
    require(batch, "batch");
    require(out, "out");
    if (batch->struct_size < sizeof(dsk_plan_batch) ||
        out->struct_size < offsetof(dsk_plan_step_time, compute_us))
      throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT,
                       "struct_size must be set by DSK_PLAN_BATCH_INIT and "
                       "DSK_PLAN_STEP_TIME_INIT");
    const dsk::perf::Batch work = batch_of(*batch);
    model->model.check(work, "");
    const dsk_plan_step_time time = time_of(model->model.step(work), out->struct_size);
    std::memcpy(out, &time, std::min<std::size_t>(out->struct_size, sizeof time));
  });
}

void dsk_plan_step_destroy(dsk_plan_step_model* model) {
  delete model;
}

dsk_status dsk_plan_explain(const char* json, size_t json_len, dsk_explain_format format,
                            char** out, size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    const dsk::Json answer = dsk::plan::explain_step(parse(json, json_len), builtin_catalog());
    switch (format) {
    case DSK_EXPLAIN_JSON:
      return give_text(dsk::json::dump(answer), out, out_len);
    case DSK_EXPLAIN_TABLE:
      return give_text(dsk::emit::step_table(answer), out, out_len);
    case DSK_EXPLAIN_SVG:
      return give_text(dsk::emit::step_svg(answer), out, out_len);
    case DSK_EXPLAIN_FORCE_32BIT:
      break;
    }
    throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT, "format is " +
                                                      std::to_string(static_cast<int>(format)) +
                                                      ", must be a value of dsk_explain_format");
  });
}

dsk_status dsk_plan_validate_kernels(const char* json, size_t json_len, const char* csv,
                                     size_t csv_len, char** report, char** predictions,
                                     dsk_error** error) {
  return guard(error, __func__, [&] {
    require(csv, "csv");
    require(report, "report");
    *report = nullptr;
    if (predictions) *predictions = nullptr;
    const dsk::plan::KernelAnswer answer = dsk::plan::validate_kernels(
        parse(json, json_len), std::string_view(csv, csv_len), builtin_catalog());
    give_text(dsk::json::dump(answer.report), report, nullptr);
    if (predictions) give_text(answer.predictions, predictions, nullptr);
  });
}

} // extern "C"
