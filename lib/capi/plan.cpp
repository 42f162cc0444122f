#include "dsk/plan.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>

#include "capi/cancel.hpp"
#include "capi/catalog.hpp"
#include "capi/guard.hpp"
#include "emit/deploy.hpp"
#include "emit/table.hpp"
#include "plan/fit_request.hpp"
#include "plan/memory_request.hpp"
#include "plan/plan.hpp"

struct dsk_plan : dsk::capi::Counted {
  explicit dsk_plan(dsk::plan::Plan p) : plan(std::move(p)) {}
  dsk::plan::Plan plan;
};

namespace dsk::capi {

namespace {

Json parse_request(const char* json, std::size_t json_len) {
  require(json, "json");
  return json::parse(std::string_view(json, json_len), "request");
}

dsk_plan_info info_of(const plan::Plan& plan) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  dsk_plan_info info{};
  info.feasible = plan.feasible ? 1 : 0;
  if (!plan.chosen) {
    for (double* field :
         {&info.ttft_ms, &info.tpot_ms, &info.e2e_ms, &info.requests_per_s,
          &info.output_tokens_per_s, &info.usd_per_hour, &info.usd_per_mtok, &info.utilisation})
      *field = unknown;
    return info;
  }
  const plan::Chosen& c = *plan.chosen;
  const double requests_per_s = c.point.requests_per_s * static_cast<double>(c.replicas);
  info.replicas = static_cast<std::uint32_t>(c.replicas);
  info.gpus = static_cast<std::uint32_t>(c.gpus());
  info.gpus_per_replica = static_cast<std::uint32_t>(c.parallel.devices());
  info.nodes_per_replica = static_cast<std::uint32_t>(c.nodes_per_replica);
  info.tp = static_cast<std::uint32_t>(c.parallel.tp);
  info.pp = static_cast<std::uint32_t>(c.parallel.pp);
  info.dp = static_cast<std::uint32_t>(c.parallel.dp);
  info.ep = static_cast<std::uint32_t>(c.parallel.ep);
  info.ttft_ms = c.point.ttft_ms;
  info.tpot_ms = c.point.tpot_ms;
  info.e2e_ms = c.point.e2e_ms;
  info.requests_per_s = requests_per_s;
  info.output_tokens_per_s = requests_per_s * c.output_tokens;
  info.usd_per_hour = c.priced ? c.usd_per_hour : unknown;
  info.usd_per_mtok = c.priced ? c.usd_per_hour / (info.output_tokens_per_s * 3600) * 1e6 : unknown;
  info.utilisation = c.point.requests_per_s / c.limit.requests_per_s;
  return info;
}

} // namespace
} // namespace dsk::capi

using dsk::capi::builtin_catalog;
using dsk::capi::give_text;
using dsk::capi::guard;
using dsk::capi::require;

extern "C" {

dsk_status dsk_plan_create(const char* json, size_t json_len, dsk_cancel* cancel, dsk_plan** out,
                           dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    const dsk::Json request = dsk::capi::parse_request(json, json_len);
    *out = new dsk_plan(
        dsk::plan::make_plan(request, builtin_catalog(), dsk::capi::cancel_of(cancel)));
  });
}

dsk_status dsk_plan_to_json(const dsk_plan* plan, char** out, size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(plan, "plan");
    require(out, "out");
    *out = nullptr;
    give_text(dsk::json::dump(plan->plan.answer), out, out_len);
  });
}

dsk_status dsk_plan_summary(const dsk_plan* plan, dsk_plan_info* out, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(plan, "plan");
    require(out, "out");
    if (out->struct_size < offsetof(dsk_plan_info, replicas))
      throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT, "out->struct_size is " +
                                                        std::to_string(out->struct_size) +
                                                        ", must be set by DSK_PLAN_INFO_INIT");
    dsk_plan_info info = dsk::capi::info_of(plan->plan);
    info.struct_size = out->struct_size;
    std::memcpy(out, &info, std::min<std::size_t>(out->struct_size, sizeof info));
  });
}

dsk_status dsk_plan_emit(const dsk_plan* plan, dsk_emit_format format, char** out, size_t* out_len,
                         dsk_error** error) {
  return guard(error, __func__, [&] {
    require(plan, "plan");
    require(out, "out");
    *out = nullptr;
    switch (format) {
    case DSK_EMIT_TABLE:
      return give_text(dsk::emit::plan_table(plan->plan.answer), out, out_len);
    case DSK_EMIT_KUBERNETES:
      return give_text(dsk::emit::plan_manifests(plan->plan), out, out_len);
    case DSK_EMIT_COMMAND:
      return give_text(dsk::emit::plan_command(plan->plan), out, out_len);
    case DSK_EMIT_FORCE_32BIT:
      break;
    }
    throw dsk::Error(DSK_STATUS_INVALID_ARGUMENT, "format is " +
                                                      std::to_string(static_cast<int>(format)) +
                                                      ", must be a value of dsk_emit_format");
  });
}

dsk_status dsk_plan_fit(const dsk_plan* plan, const char* json, size_t json_len, char** out,
                        size_t* out_len, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(plan, "plan");
    require(json, "json");
    require(out, "out");
    *out = nullptr;
    const dsk::Json inventory = dsk::json::parse(std::string_view(json, json_len), "inventory");
    give_text(dsk::json::dump(dsk::plan::fit_document(plan->plan, inventory)), out, out_len);
  });
}

void dsk_plan_destroy(dsk_plan* plan) {
  delete plan;
}

dsk_status dsk_plan_memory(const char* json, size_t json_len, char** out, size_t* out_len,
                           dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    const dsk::Json request = dsk::capi::parse_request(json, json_len);
    give_text(dsk::json::dump(dsk::plan::memory_document(request, builtin_catalog())), out,
              out_len);
  });
}

} // extern "C"
