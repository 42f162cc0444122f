#include "perf/moe.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace dsk::perf {
namespace {

// Inverse of the standard normal distribution: bisection on erfc, which is monotone and exact
// enough to the last digits; asked a few times a deployment.
double normal_quantile(double p) {
  double low = -9, high = 9;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    if (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}

} // namespace

ExpertDispatch default_expert_dispatch(const Engine& engine, bool all_to_all) {
  return all_to_all || engine.kind == EngineKind::tensorrt_llm ? ExpertDispatch::skipped
                                                               : ExpertDispatch::masked;
}

double expected_distinct_experts(double experts, double top_k, double tokens) {
  if (tokens <= 0 || experts <= 0) return 0;
  // expm1 and log1p keep single tokens exact: t = 1 gives k.
  return -experts * std::expm1(tokens * std::log1p(-std::min(1.0, top_k / experts)));
}

double maximum_deviations(double ranks, double quantile) {
  return ranks > 1 ? normal_quantile(std::pow(quantile, 1 / ranks)) : 0;
}

double RankLoad::max(double deviations) const {
  return std::min(ceiling, std::max(mean, floor + deviation * deviations));
}

PairsOnRank pairs_on_rank(const Routing& routing, double ranks) {
  const double k = routing.top_k;
  const double groups = std::max(1.0, routing.groups);
  const double chosen = std::clamp(routing.top_groups, 1.0, groups);
  const double here = std::max(1.0, groups / ranks); // groups on a rank
  const double share = chosen * std::max(1.0, ranks / groups);
  PairsOnRank pairs;
  pairs.mean = k / ranks;
  double chances = 0; // 1 but where the groups do not divide by the ranks
  double squares = 0;
  // Hypergeometric: h of the rank's groups among the chosen.
  const auto ln_choose = [](double n, double m) {
    return std::lgamma(n + 1) - std::lgamma(m + 1) - std::lgamma(n - m + 1);
  };
  const double all = ln_choose(groups, chosen);
  for (double h = std::max(0.0, here + chosen - groups); h <= std::min(here, chosen); ++h) {
    const double chance = std::exp(ln_choose(here, h) + ln_choose(groups - here, chosen - h) - all);
    const double p = std::min(1.0, h / share); // of each pair
    chances += chance;
    squares += chance * (k * p * (1 - p) + k * p * k * p);
    pairs.any += chance * (1 - std::pow(1 - p, k));
  }
  pairs.any /= chances;
  pairs.variance = std::max(0.0, squares / chances - pairs.mean * pairs.mean);
  return pairs;
}

RankLoad rank_load(const Routing& routing, double tokens, double ranks, double skew, double peak) {
  RankLoad load;
  load.mean = load.floor = tokens * routing.top_k / ranks;
  const double local = routing.experts / ranks;
  load.ceiling = std::max(load.mean, tokens * std::min(routing.top_k, local));
  if (ranks <= 1 || tokens <= 0) return load;
  double variance = tokens * pairs_on_rank(routing, ranks).variance; // sampling
  if (peak > 0) {
    load.floor = load.mean * peak;
  } else { // popularity: the mean of `local` independent experts of that skew
    const double popularity = load.mean * skew / std::sqrt(std::max(1.0, local));
    variance += popularity * popularity;
  }
  load.deviation = std::sqrt(variance);
  return load;
}

double balanced_peak(int experts, int ranks, double skew, int redundant) {
  const double sigma = std::sqrt(std::log1p(skew * skew));
  std::vector<double> popularity;
  for (int i = 0; i < experts; ++i)
    popularity.push_back(std::exp(sigma * normal_quantile((i + 0.5) / experts)));
  std::vector<int> copies(static_cast<std::size_t>(experts), 1);
  const auto share = [&](std::size_t e) { return popularity[e] / copies[e]; };
  for (int r = 0; r < redundant; ++r) {
    std::size_t hottest = 0;
    for (std::size_t e = 1; e < copies.size(); ++e)
      if (share(e) > share(hottest)) hottest = e;
    ++copies[hottest];
  }
  std::vector<double> pieces;
  for (std::size_t e = 0; e < copies.size(); ++e)
    pieces.insert(pieces.end(), static_cast<std::size_t>(copies[e]), share(e));
  std::sort(pieces.rbegin(), pieces.rend());
  const std::size_t room =
      (pieces.size() + static_cast<std::size_t>(ranks) - 1) / static_cast<std::size_t>(ranks);
  std::vector<double> load(static_cast<std::size_t>(ranks), 0);
  std::vector<std::size_t> held(load.size(), 0);
  for (const double piece : pieces) {
    std::size_t least = load.size();
    for (std::size_t r = 0; r < load.size(); ++r)
      if (held[r] < room && (least == load.size() || load[r] < load[least])) least = r;
    load[least] += piece;
    ++held[least];
  }
  const double mean =
      std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(load.size());
  return *std::max_element(load.begin(), load.end()) / mean;
}

} // namespace dsk::perf
