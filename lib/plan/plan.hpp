// A finished plan: the answer document and the typed facts that manifests and summaries are made
// from.
#pragma once

#include <optional>
#include <string>

#include "base/cancel.hpp"
#include "base/json.hpp"
#include "catalog/catalog.hpp"
#include "plan/request.hpp"
#include "plan/search.hpp"

namespace dsk::plan {

/// The configuration that an answer recommends (or, when infeasible, comes nearest), without
/// pointers into the search.
struct Chosen {
  std::string model;
  Device device;
  Engine engine;
  perf::Parallel parallel;
  std::string weights;
  std::string kv;
  std::int64_t replicas = 0;
  std::int64_t max_batch = 0; // sequences of one replica at once
  double memory_fraction = 0;
  std::int64_t checkpoint_bytes = 0;
  std::int64_t max_tokens = 0; // input + output of one request
  Point point;
  Point limit;
  double usd_per_hour = 0;
  bool priced = false;
  double output_tokens = 0;
  int nodes_per_replica = 1;

  std::int64_t gpus() const { return replicas * parallel.devices(); }
};

struct Plan {
  bool feasible = false;
  std::optional<Chosen> chosen; // empty only when no candidate fits in memory
  Json answer;
};

/// Plans for a request document. Throws INVALID_REQUEST, NOT_FOUND or CANCELLED.
Plan make_plan(const Json& document, const Catalog& base_catalog, const Cancel& cancel);

} // namespace dsk::plan
