// The planning request as typed values, every default resolved and noted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::plan {

/// One request class, by its means.
struct Workload {
  double input_tokens = 0;
  double output_tokens = 0;
  double prefix_hit_rate = 0;        // share of input tokens whose KV is already cached
  std::optional<double> rate_per_s;  // open loop; exactly one of the two is set
  std::optional<double> concurrency; // closed loop: requests in flight over all replicas
};

/// Upper bounds on means. `latency_ms` is a bound whose meaning the user left open.
struct Slo {
  std::optional<double> ttft_ms;
  std::optional<double> tpot_ms;
  std::optional<double> e2e_ms;
  std::optional<double> latency_ms;
};

struct Limits {
  std::int64_t max_gpus = 1024;
  std::optional<double> usd_per_hour;
};

/// What the search may vary; an empty list means that the library chooses.
struct Space {
  std::vector<std::int64_t> tp, pp, dp, ep;
  std::vector<std::string> weights; // "checkpoint" or a format name
  std::vector<Element> kv;          // empty: what the checkpoint asks for, else 16 bit
  std::optional<std::int64_t> max_batch;
  std::optional<double> memory_fraction;
};

enum class Objective { cost, gpus, latency };

struct Request {
  Model model;
  std::vector<Device> devices;
  std::vector<Engine> engines;
  Workload workload;
  Slo slo;
  Limits limits;
  Space space;
  Objective objective = Objective::cost;
  std::vector<std::string> assumptions;
};

/// Throws INVALID_REQUEST or NOT_FOUND with a JSON pointer. `catalog` already holds the request's
/// own documents.
Request read_request(const Json& document, const Catalog& catalog);

/// A model by catalogue name, by config.json, or by size: the "model" member of every request.
Model read_model(const Json& value, const std::string& path, const Catalog& catalog);

/// "bf16", "fp16", "fp8", ...: a KV cache type.
Element read_kv_element(const std::string& name, const std::string& path);

/// The catalogue with the request's own "catalog" documents on top, or `base` itself when there are
/// none; `own` keeps the former alive.
const Catalog& request_catalog(const Json& document, const Catalog& base,
                               std::optional<Catalog>& own);

} // namespace dsk::plan
