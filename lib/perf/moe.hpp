// Routing of tokens to experts: how many experts are hit, how uneven the ranks are, and what an
// engine's kernel does with the pairs of other ranks.
#pragma once

#include "catalog/engine.hpp"
#include "perf/deployment.hpp"

namespace dsk::perf {

/// What the engine does unless the deployment says otherwise: TensorRT-LLM, and every engine behind
/// an all-to-all, has only local pairs; vLLM and SGLang without one mask the pairs of other ranks.
ExpertDispatch default_expert_dispatch(const Engine& engine, bool all_to_all);

/// How a token chooses: `top_k` of `experts`, which lie in `groups` of equal size, from
/// `top_groups` of the groups alone (DeepSeek-V3: 4 of 8).
struct Routing {
  double experts = 0;
  double top_k = 0;
  double groups = 1;
  double top_groups = 1;
};

/// Token-expert pairs of one token on one of `ranks` ranks that hold equal runs of the experts. The
/// chosen groups on a rank are hypergeometric; given those, each pair falls on the rank with equal
/// chance. Limiting the groups keeps the mean, k / ranks, and gathers the pairs on fewer ranks.
struct PairsOnRank {
  double mean = 0;
  double variance = 0;
  double any = 0; // chance of at least one
};
PairsOnRank pairs_on_rank(const Routing& routing, double ranks);

/// Expected distinct experts of `experts` hit by `tokens`, each choosing `top_k` of them uniformly:
/// E (1 - (1 - k/E)^t). Limiting the groups does not change it: an expert is missed by a token with
/// chance 1 - k/E either way, tokens choose independently, and expectations add up.
double expected_distinct_experts(double experts, double top_k, double tokens);

/// Standard deviations by which the q-quantile of the maximum of `ranks` independent normals
/// exceeds their mean: the q^(1/n)-quantile of one.
double maximum_deviations(double ranks, double quantile);
/// Quantile at which the expected maximum lies: exp(-0.5772), the mean of a Gumbel law.
inline constexpr double expected_maximum = 0.5615;

/// Token-expert pairs of the busiest of the ranks that share the experts, as a distribution.
struct RankLoad {
  double mean = 0;      // pairs of an average rank
  double deviation = 0; // of one rank's pairs
  double floor = 0;     // of the busiest rank by popularity alone (balanced placements)
  double ceiling = 0;   // every token on this rank

  /// The maximum at so many deviations (maximum_deviations of the ranks).
  double max(double deviations) const;
};

/// `skew`: standard deviation of an expert's popularity over its mean, 0 for uniform routing.
/// `peak`: the busiest rank's popularity over the mean under a balanced placement (balanced_peak);
/// 0 where experts stand as the checkpoint puts them.
RankLoad rank_load(const Routing& routing, double tokens, double ranks, double skew,
                   double peak = 0);

/// Largest rank's popularity over the mean after `redundant` copies went, one by one, to the expert
/// with the most load a copy, and the copies, largest first, to the least loaded rank with room.
/// Popularities are the quantiles of a log-normal law of that skew. Each rank holds
/// (experts + redundant) / ranks copies.
double balanced_peak(int experts, int ranks, double skew, int redundant);

/// Popularity skew of unbalanced DeepSeek-class serving (assumed): it gives 1.2 times the mean at 8
/// ranks and 1.7 at 64, near the published tables' power law of 1.2 (1.3-1.8 and 1.7-4.7).
inline constexpr double default_expert_skew = 0.5;

} // namespace dsk::perf
