// What a load run is asked to do.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "load/transport.hpp"
#include "workload/workload.hpp"

namespace dsk::load {

enum class Api { completions, chat };

/// Bounds that a good request keeps; one that is not given is kept always.
struct Slo {
  std::optional<double> ttft_ms;
  std::optional<double> tpot_ms;
  std::optional<double> e2e_ms;
};

struct LoadRequest {
  Json document; // as it came; it holds no key
  Endpoint endpoint;
  std::string base_url;
  Api api = Api::completions;
  bool streaming = true;
  bool token_ids = false; // prompts as token numbers, where the server takes them
  std::string model;
  Json extra = Json::object(); // members added to each request body
  workload::WorkloadSpec workload;
  double rate_per_s = 0; // of an open loop; 0: closed, or a trace
  double duration_s = std::numeric_limits<double>::infinity(); // stop sending after this
  std::int64_t warmup = 0;                                     // first requests, not in the report
  std::int64_t max_in_flight = 10000;
  Slo slo;
  std::string journal;
};

/// Reads a trace from its file and the key from the environment variable that the request names.
/// Throws INVALID_REQUEST, or IO for a trace that cannot be read.
LoadRequest read_load_request(const Json& document);

/// Only the members that a report needs: for journals and reports of other machines, whose files
/// and keys are not here.
Slo read_slo(const Json& document);

} // namespace dsk::load
