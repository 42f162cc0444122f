#include "plan/tune_batching.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "plan/request.hpp"
#include "plan/simulate_request.hpp"

namespace dsk::plan {
namespace {

// One axis of the grid: the policy member and its values; no value keeps what the request says.
struct Axis {
  const char* member;
  std::vector<Json> values;
};

struct Tried {
  Json policy;
  std::int64_t replicas = 0; // 0: not even the most replicas keep the bounds
  Json answer;               // at that number, or at the most
};

class Tuner {
public:
  Tuner(const Json& request, const Catalog& catalog, const Cancel& cancel)
      : request_(request), catalog_(catalog), cancel_(cancel) {
    Reader r(request, "");
    Reader tune = r.object("tune");
    axis(tune, "batch_sizes", "batch_size", 65536);
    waits(tune);
    axis(tune, "max_sequences", "max_sequences", 65536);
    axis(tune, "token_budgets", "token_budget", 1 << 22);
    share_ = tune.number("share", 0, 1, 0.99);
    most_ = tune.integer("max_replicas", 1, 10000, 64);
    tune.done();
    if (!r.has("slo")) invalid_request("/slo", "slo is missing: a policy is tuned to its bounds");
    request_.erase("tune");
  }

  Json run() {
    std::vector<Tried> tried;
    Json policy = request_.contains("policy") ? request_["policy"] : Json::object();
    visit(0, policy, tried);
    // Fewest replicas first, then the shortest end-to-end time at p99.
    std::stable_sort(tried.begin(), tried.end(), [](const Tried& a, const Tried& b) {
      if ((a.replicas == 0) != (b.replicas == 0)) return b.replicas == 0;
      if (a.replicas != b.replicas) return a.replicas < b.replicas;
      return a.answer["e2e_ms"]["p99"].get<double>() < b.answer["e2e_ms"]["p99"].get<double>();
    });
    Json out = Json::object();
    out["schema"] = 1;
    out["feasible"] = !tried.empty() && tried.front().replicas > 0;
    out["share"] = share_;
    Json list = Json::array();
    for (const Tried& t : tried) {
      Json j = Json::object();
      j["policy"] = t.policy;
      j["meets"] = t.replicas > 0;
      j["replicas"] = t.replicas > 0 ? t.replicas : most_;
      j["goodput_share"] = t.answer["goodput_share"];
      for (const char* name : {"ttft_ms", "tpot_ms", "e2e_ms"})
        j[name] = t.answer[name];
      price(j);
      list.push_back(std::move(j));
    }
    out["policies"] = std::move(list);
    return out;
  }

private:
  void axis(Reader& tune, const char* list, const char* member, std::int64_t most) {
    Axis a{member, {}};
    for (const std::int64_t value : tune.integers(list, 1, most, 64))
      a.values.push_back(value);
    axes_.push_back(std::move(a));
  }
  void waits(Reader& tune) {
    Axis a{"batch_wait_ms", {}};
    const auto items = tune.array("waits_ms", 64);
    for (std::size_t i = 0; i < items.size(); ++i)
      a.values.push_back(number_of(*items[i], json::pointer("/tune/waits_ms", i), 0, 1e6));
    axes_.push_back(std::move(a));
  }

  void visit(std::size_t depth, const Json& policy, std::vector<Tried>& tried) {
    if (depth == axes_.size()) {
      tried.push_back(fewest(policy));
      return;
    }
    if (axes_[depth].values.empty()) {
      visit(depth + 1, policy, tried);
      return;
    }
    for (const Json& value : axes_[depth].values) {
      Json next = policy;
      next[axes_[depth].member] = value;
      visit(depth + 1, next, tried);
    }
  }

  Json simulated(const Json& policy, std::int64_t replicas) {
    cancel_.check();
    Json request = request_;
    request["policy"] = policy;
    request["replicas"] = replicas;
    Json answer = simulate_document(request, catalog_, cancel_, nullptr);
    cancel_.check();
    return answer;
  }
  bool good(const Json& answer) const { return answer["goodput_share"].get<double>() >= share_; }

  // Doubling, then bisection: more replicas never hurt an open loop.
  Tried fewest(const Json& policy) {
    Tried t;
    t.policy = policy;
    std::int64_t bad = 0;
    std::int64_t enough = 1;
    for (;;) {
      t.answer = simulated(policy, enough);
      if (good(t.answer)) break;
      if (enough == most_) return t;
      bad = enough;
      enough = std::min(2 * enough, most_);
    }
    while (enough - bad > 1) {
      const std::int64_t middle = bad + (enough - bad) / 2;
      Json answer = simulated(policy, middle);
      if (good(answer)) {
        enough = middle;
        t.answer = std::move(answer);
      } else {
        bad = middle;
      }
    }
    t.replicas = enough;
    return t;
  }

  void price(Json& j) const {
    std::optional<Catalog> own;
    const Catalog& catalog = request_catalog(request_, catalog_, own);
    const Device device = catalog.device(request_["device"].get<std::string>(), "/device");
    std::int64_t devices = 1;
    if (request_.contains("parallel"))
      for (const char* width : {"tp", "pp", "dp"})
        devices *= request_["parallel"].value(width, std::int64_t{1});
    devices *= j["replicas"].get<std::int64_t>();
    j["gpus"] = devices;
    if (catalog.has_price(device))
      j["usd_per_hour"] = json::significant(
          catalog.price(device, "/device").usd_per_hour * static_cast<double>(devices), 6);
  }

  Json request_;
  const Catalog& catalog_;
  const Cancel& cancel_;
  std::vector<Axis> axes_;
  double share_ = 0.99;
  std::int64_t most_ = 64;
};

} // namespace

Json tune_batching(const Json& request, const Catalog& catalog, const Cancel& cancel) {
  return Tuner(request, catalog, cancel).run();
}

} // namespace dsk::plan
