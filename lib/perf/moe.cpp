#include "perf/moe.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::perf {

double expected_distinct_experts(double experts, double top_k, double tokens) {
  if (tokens <= 0 || experts <= 0) return 0;
  // expm1 and log1p keep single tokens exact: t = 1 gives k.
  return -experts * std::expm1(tokens * std::log1p(-std::min(1.0, top_k / experts)));
}

RankLoad rank_load(double experts, double top_k, double tokens, double ranks, double skew) {
  RankLoad load;
  load.mean = tokens * top_k / ranks;
  load.max = load.mean;
  if (ranks <= 1 || tokens <= 0) return load;
  const double local = experts / ranks;
  // Sampling: each pair lands on the rank with probability 1/ranks. Popularity: the mean of `local`
  // independent experts of spread `skew`.
  const double sampling = load.mean * (1 - 1 / ranks);
  const double popularity = load.mean * skew / std::sqrt(std::max(1.0, local));
  const double sigma = std::sqrt(sampling + popularity * popularity);
  load.max =
      std::min(tokens * std::min(top_k, local), load.mean + sigma * std::sqrt(2 * std::log(ranks)));
  load.max = std::max(load.max, load.mean);
  return load;
}

} // namespace dsk::perf
