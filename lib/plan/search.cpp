#include "plan/search.hpp"

#include <algorithm>
#include <cmath>

#include "catalog/requantize.hpp"

namespace dsk::plan {
namespace {

constexpr std::int64_t default_replica_gpus = 32;

std::vector<std::int64_t> powers_of_two(std::int64_t limit) {
  std::vector<std::int64_t> out;
  for (std::int64_t n = 1; n <= limit; n *= 2)
    out.push_back(n);
  return out;
}

bool has_experts(const Model& model) {
  return std::any_of(model.kinds.begin(), model.kinds.end(),
                     [](const Layer& layer) { return std::holds_alternative<MoeMlp>(layer.ffn); });
}

// Smallest n in [low, high] for which `holds` is true, given that it stays true once it is; high +
// 1 when it never is.
template <class Predicate>
std::int64_t first_true(std::int64_t low, std::int64_t high, Predicate holds) {
  while (low <= high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (holds(middle))
      high = middle - 1;
    else
      low = middle + 1;
  }
  return low;
}

std::int64_t divide_up(double load, double capacity) {
  // A hair of rounding must not cost a replica.
  return std::max<std::int64_t>(1,
                                static_cast<std::int64_t>(std::ceil(load / capacity * (1 - 1e-9))));
}

double in_flight(const Point& point) {
  return point.requests_per_s * point.e2e_ms / 1e3;
}

} // namespace

// The bounds in force.
struct Search::Goal {
  std::optional<double> ttft_ms, tpot_ms, e2e_ms, usd_per_hour;
  std::optional<std::int64_t> max_gpus;

  bool meets(const Point& p) const {
    return p.ttft_ms <= ttft_ms.value_or(Replica::unbounded) &&
           p.tpot_ms <= tpot_ms.value_or(Replica::unbounded) &&
           p.e2e_ms <= e2e_ms.value_or(Replica::unbounded);
  }
  bool affords(const Option& o) const {
    return o.gpus() <= max_gpus.value_or(o.gpus()) &&
           o.usd_per_hour <= usd_per_hour.value_or(o.usd_per_hour);
  }
  std::optional<double> limit(Bound bound) const {
    switch (bound) {
    case Bound::ttft:
      return ttft_ms;
    case Bound::tpot:
      return tpot_ms;
    case Bound::e2e:
      return e2e_ms;
    case Bound::gpus:
      return max_gpus ? std::optional(static_cast<double>(*max_gpus)) : std::nullopt;
    case Bound::budget:
      return usd_per_hour;
    case Bound::memory:
      break;
    }
    return std::nullopt;
  }
  Goal without(Bound bound) const {
    Goal goal = *this;
    if (bound == Bound::ttft) goal.ttft_ms.reset();
    if (bound == Bound::tpot) goal.tpot_ms.reset();
    if (bound == Bound::e2e) goal.e2e_ms.reset();
    if (bound == Bound::gpus) goal.max_gpus.reset();
    if (bound == Bound::budget) goal.usd_per_hour.reset();
    return goal;
  }
};

namespace {

constexpr Bound service_bounds[] = {Bound::ttft, Bound::tpot, Bound::e2e, Bound::gpus,
                                    Bound::budget};

double value_of(Bound bound, const Option& option) {
  switch (bound) {
  case Bound::ttft:
    return option.point.ttft_ms;
  case Bound::tpot:
    return option.point.tpot_ms;
  case Bound::e2e:
    return option.point.e2e_ms;
  case Bound::gpus:
    return static_cast<double>(option.gpus());
  case Bound::budget:
    return option.usd_per_hour;
  case Bound::memory:
    break;
  }
  return 0;
}

// Replicas of `candidate` that carry the load when each runs at `limit`, and the point where they
// do.
Option option_at(const Candidate& candidate, const Replica& replica, const Workload& workload,
                 const Point& limit) {
  Option option;
  option.candidate = &candidate;
  option.limit = limit;
  const auto batch = static_cast<std::int64_t>(limit.batch);
  if (workload.rate_per_s) {
    option.replicas = divide_up(*workload.rate_per_s, limit.requests_per_s);
    const double rate = *workload.rate_per_s / static_cast<double>(option.replicas);
    const std::int64_t needed = std::min(batch, first_true(1, batch, [&](std::int64_t n) {
                                           return replica.at_batch(n).requests_per_s >= rate;
                                         }));
    option.point = replica.at_batch(needed, rate);
    option.point.requests_per_s = rate;
  } else {
    option.replicas = divide_up(*workload.concurrency, in_flight(limit));
    const double clients = *workload.concurrency / static_cast<double>(option.replicas);
    const std::int64_t needed = std::min(batch, first_true(1, batch, [&](std::int64_t n) {
                                           return in_flight(replica.at_batch(n)) >= clients;
                                         }));
    option.point = replica.at_batch(needed);
    // With one sequence running and fewer clients than it can take, they set the pace.
    option.point.requests_per_s =
        std::min(option.point.requests_per_s, clients / option.point.e2e_ms * 1e3);
  }
  option.usd_per_hour = candidate.price.usd_per_hour * static_cast<double>(option.gpus());
  return option;
}

} // namespace

const char* bound_name(Bound bound) {
  switch (bound) {
  case Bound::memory:
    return "memory";
  case Bound::ttft:
    return "ttft_ms";
  case Bound::tpot:
    return "tpot_ms";
  case Bound::e2e:
    return "e2e_ms";
  case Bound::gpus:
    return "max_gpus";
  case Bound::budget:
    return "usd_per_hour";
  }
  return "?";
}

Search::Search(const Request& request, const Catalog& catalog, const Cancel& cancel)
    : request_(&request), catalog_(&catalog), cancel_(cancel) {
  const Space& space = request.space;
  // What the user listed must make sense for the model; what the library tries may simply not
  // divide.
  for (const std::int64_t tp : space.tp)
    perf::check_parallel(request.model, {static_cast<int>(tp), 1, 1, 1}, "/search");
  for (const std::int64_t pp : space.pp)
    perf::check_parallel(request.model, {1, static_cast<int>(pp), 1, 1}, "/search");
  for (const std::int64_t ep : space.ep)
    perf::check_parallel(request.model, {1, 1, static_cast<int>(ep), static_cast<int>(ep)},
                         "/search");

  const std::vector<std::string> weights =
      space.weights.empty() ? std::vector<std::string>{"checkpoint"} : space.weights;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    Variant variant{weights[i],
                    requantized(request.model, weights[i], "/search/weights/" + std::to_string(i)),
                    {}};
    variant.matrices = perf::weights_of(variant.model);
    variants_.push_back(std::make_unique<const Variant>(std::move(variant)));
  }

  const std::vector<Element> kinds =
      space.kv.empty() ? std::vector<Element>{perf::default_kv_element(request.model)} : space.kv;
  const std::size_t total =
      variants_.size() * request.devices.size() * request.engines.size() * kinds.size();
  std::size_t done = 0;
  perf::StepCache cache;
  for (const auto& variant : variants_)
    for (const Device& device : request.devices)
      for (const Engine& engine : request.engines)
        for (const Element kv : kinds) {
          cancel_.check();
          cancel_.progress(done++, total);
          add_candidates(*variant, device, engine, kv, cache);
        }
  cancel_.progress(total, total);
}

void Search::add_candidates(const Variant& variant, const Device& device, const Engine& engine,
                            Element kv, perf::StepCache& cache) {
  const Space& space = request_->space;
  const Model& model = variant.model;
  const bool experts = has_experts(model);
  const std::int64_t most = std::min(default_replica_gpus, request_->limits.max_gpus);
  const std::int64_t domain = std::max(device.scale_up.domain, 1);
  const auto tps = space.tp.empty() ? powers_of_two(std::min(most, domain)) : space.tp;
  const auto pps = space.pp.empty() ? powers_of_two(4) : space.pp;
  const auto dps = space.dp.empty() ? powers_of_two(experts ? most : 1) : space.dp;

  for (const std::int64_t pp : pps)
    for (const std::int64_t tp : tps)
      for (const std::int64_t dp : dps) {
        const std::int64_t devices = tp * pp * dp;
        if (devices > request_->limits.max_gpus || (space.dp.empty() && dp > 1 && devices > most))
          continue;
        // A pipeline pays only when the tensor-parallel group has filled its links.
        if (space.pp.empty() && pp > 1 && tp * dp < std::min<std::int64_t>(domain, device.per_node))
          continue;
        auto eps = space.ep;
        if (eps.empty())
          eps = experts && tp * dp > 1 ? std::vector<std::int64_t>{1, tp * dp}
                                       : std::vector<std::int64_t>{1};
        for (const std::int64_t ep : eps) {
          const perf::Parallel parallel{static_cast<int>(tp), static_cast<int>(pp),
                                        static_cast<int>(dp), static_cast<int>(ep)};
          if (perf::split_fault(model, parallel) || perf::engine_fault(engine, device, parallel))
            continue;
          ++considered_;
          Candidate candidate;
          candidate.model = &model;
          candidate.weights = variant.weights;
          candidate.device = &device;
          candidate.engine = &engine;
          candidate.parallel = parallel;
          candidate.kv = kv;
          candidate.memory_options.memory_fraction = space.memory_fraction.value_or(0);
          candidate.memory_options.sequence_tokens =
              std::llround(request_->workload.input_tokens + request_->workload.output_tokens);
          const std::int64_t slots = space.max_batch.value_or(
              std::int64_t{start_limits(engine, device).max_sequences} * dp);
          candidate.memory_options.max_batch = static_cast<int>((slots + dp - 1) / dp);
          perf::Deployment deployment;
          deployment.model = &model;
          deployment.device = &device;
          deployment.engine = &engine;
          deployment.parallel = parallel;
          deployment.kv_element = kv;
          candidate.memory = perf::memory(deployment, variant.matrices, candidate.memory_options);
          candidate.max_batch = std::min(slots, candidate.memory.sequences);
          if (!candidate.memory.fits || candidate.max_batch < 1) {
            ++too_large_;
            if (!closest_to_fit_ ||
                candidate.memory.kv_pool_bytes > closest_to_fit_->memory.kv_pool_bytes)
              closest_to_fit_ = candidate;
            continue;
          }
          if (catalog_->has_price(device)) candidate.price = catalog_->price(device, "");
          candidate.step = std::make_shared<const perf::StepModel>(deployment, cache);
          candidates_.push_back(std::move(candidate));
        }
      }
}

std::optional<Option> Search::solve(const Candidate& candidate, const Goal& goal,
                                    const Workload& workload) const {
  const Replica replica(*candidate.step, *candidate.model, *candidate.engine, *candidate.device,
                        workload, candidate.parallel.dp);
  const std::int64_t beyond = first_true(
      1, candidate.max_batch, [&](std::int64_t n) { return !goal.meets(replica.at_batch(n)); });
  if (beyond <= 1) return std::nullopt;
  Option option = option_at(candidate, replica, workload, replica.at_batch(beyond - 1));
  if (!goal.affords(option)) return std::nullopt;
  return option;
}

bool Search::better(const Option& a, const Option& b) const {
  const auto key = [this](const Option& o) {
    const double gpus = static_cast<double>(o.gpus());
    switch (request_->objective) {
    case Objective::gpus:
      return std::array{gpus, o.usd_per_hour, o.point.e2e_ms};
    case Objective::latency:
      return std::array{o.point.e2e_ms, o.usd_per_hour, gpus};
    case Objective::cost:
      break;
    }
    return std::array{o.usd_per_hour, gpus, o.point.e2e_ms};
  };
  return key(a) < key(b);
}

std::vector<Option> Search::solve_all(const Goal& goal, const Workload& workload) const {
  std::vector<Option> options;
  for (const Candidate& candidate : candidates_) {
    cancel_.check();
    if (auto option = solve(candidate, goal, workload)) options.push_back(*option);
  }
  std::stable_sort(options.begin(), options.end(),
                   [this](const Option& a, const Option& b) { return better(a, b); });
  return options;
}

Outcome Search::run(const Slo& slo) const {
  Goal goal;
  goal.ttft_ms = slo.ttft_ms;
  goal.tpot_ms = slo.tpot_ms;
  goal.e2e_ms = slo.e2e_ms;
  goal.max_gpus = request_->limits.max_gpus;
  goal.usd_per_hour = request_->limits.usd_per_hour;

  Outcome outcome;
  const std::vector<Option> options = solve_all(goal, request_->workload);
  if (options.empty()) {
    explain(goal, outcome);
    return outcome;
  }
  outcome.best = options.front();
  for (const Device& device : request_->devices)
    for (const Option& option : options)
      if (option.candidate->device == &device) {
        outcome.by_device.push_back(option);
        break;
      }
  constexpr std::size_t most_shown = 24;
  const auto size = [this](const Option& o) {
    return request_->objective == Objective::gpus ? static_cast<double>(o.gpus()) : o.usd_per_hour;
  };
  for (const Option& option : options) {
    const bool dominated =
        std::any_of(outcome.pareto.begin(), outcome.pareto.end(), [&](const Option& kept) {
          return size(kept) <= size(option) && kept.point.ttft_ms <= option.point.ttft_ms &&
                 kept.point.tpot_ms <= option.point.tpot_ms;
        });
    if (!dominated && outcome.pareto.size() < most_shown) outcome.pareto.push_back(option);
  }
  return outcome;
}

void Search::explain(const Goal& goal, Outcome& outcome) const {
  if (candidates_.empty()) {
    outcome.violated.push_back(Bound::memory);
    return;
  }
  const Workload& workload = request_->workload;
  const auto violation = [&](const Option& option) {
    double worst = 0;
    for (const Bound bound : service_bounds)
      if (const auto limit = goal.limit(bound))
        worst = std::max(worst, value_of(bound, option) / *limit);
    return worst;
  };
  // A plan that keeps the limits on GPUs and money comes first; only when there is none, any other.
  double least = Replica::unbounded;
  bool affordable = false;
  for (const Candidate& candidate : candidates_) {
    cancel_.check();
    const Replica replica(*candidate.step, *candidate.model, *candidate.engine, *candidate.device,
                          workload, candidate.parallel.dp);
    for (std::int64_t batch = 1;; batch = std::min(batch * 2, candidate.max_batch)) {
      const Option option = option_at(candidate, replica, workload, replica.at_batch(batch));
      const bool affords = goal.affords(option);
      const double worst = violation(option);
      if ((affords && !affordable) || (affords == affordable && worst < least * (1 - 1e-12))) {
        affordable = affords;
        least = worst;
        outcome.nearest = option;
      }
      if (batch == candidate.max_batch) break;
    }
  }
  for (const Bound bound : service_bounds)
    if (const auto limit = goal.limit(bound); limit && value_of(bound, *outcome.nearest) > *limit)
      outcome.violated.push_back(bound);
  std::stable_sort(outcome.violated.begin(), outcome.violated.end(), [&](Bound a, Bound b) {
    return value_of(a, *outcome.nearest) / *goal.limit(a) >
           value_of(b, *outcome.nearest) / *goal.limit(b);
  });

  for (const Bound bound : service_bounds) {
    const auto limit = goal.limit(bound);
    if (!limit) continue;
    const Goal relaxed = goal.without(bound);
    std::optional<Relaxation> found;
    const auto offer = [&](const Option& option) {
      const double value = value_of(bound, option);
      if (!found || value < found->needed) found = Relaxation{bound, *limit, value, option};
    };
    for (const Candidate& candidate : candidates_) {
      cancel_.check();
      if (bound == Bound::gpus || bound == Bound::budget) {
        if (const auto option = solve(candidate, relaxed, workload)) offer(*option);
        continue;
      }
      // Latency falls with the batch while replicas grow: the smallest batch that can be paid is
      // best.
      const Replica replica(*candidate.step, *candidate.model, *candidate.engine, *candidate.device,
                            workload, candidate.parallel.dp);
      const auto at = [&](std::int64_t n) {
        return option_at(candidate, replica, workload, replica.at_batch(n));
      };
      const std::int64_t batch = first_true(1, candidate.max_batch,
                                            [&](std::int64_t n) { return relaxed.affords(at(n)); });
      if (batch > candidate.max_batch) continue;
      const Option option = at(batch);
      if (relaxed.meets(option.point)) offer(option);
    }
    if (found) outcome.relaxations.push_back(*found);
  }

  if (goal.e2e_ms) {
    const auto feasible = [&](double output_tokens) {
      Workload shorter = workload;
      shorter.output_tokens = output_tokens;
      return std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
        return solve(candidate, goal, shorter).has_value();
      });
    };
    const std::int64_t first_bad =
        first_true(1, std::llround(workload.output_tokens), [&](std::int64_t n) {
          cancel_.check();
          return !feasible(static_cast<double>(n));
        });
    if (first_bad > 1) outcome.largest_output_tokens = first_bad - 1;
  }
}

} // namespace dsk::plan
