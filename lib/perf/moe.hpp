// Routing of tokens to experts: how many experts are hit, and how uneven the ranks are.
#pragma once

#include "catalog/engine.hpp"

namespace dsk::perf {

/// What an engine's expert kernel does with token-expert pairs whose expert lives on another rank.
/// Measured tables differ by up to 20 times for this reason alone.
enum class DispatchContract : std::uint8_t {
  skipped, // only the local pairs are computed (TensorRT-LLM; any engine behind an all-to-all)
  executed // remote pairs are computed too, with weight zero (the Triton path in the tables)
};

/// Expected distinct experts of `experts` hit by `tokens`, each choosing `top_k` of them uniformly:
/// E (1 - (1 - k/E)^t).
double expected_distinct_experts(double experts, double top_k, double tokens);

/// Load of the ranks when `experts` are spread over `ranks` and each token picks `top_k`.
struct RankLoad {
  double mean = 0; // token-expert pairs a rank
  double max = 0;  // expected maximum over the ranks
};

/// `skew` is the standard deviation of an expert's popularity over its mean: 0 for uniform routing.
/// The maximum of n nearly normal loads is mean + sigma sqrt(2 ln n).
RankLoad rank_load(double experts, double top_k, double tokens, double ranks, double skew);

/// Popularity skew seen in DeepSeek-class serving without balancing; the power law of the published
/// kernel tables (exponent 1.2 over 256 experts) has about this spread on a rank.
inline constexpr double default_expert_skew = 0.5;

} // namespace dsk::perf
