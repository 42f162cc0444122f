#include "sim/fleet.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

namespace dsk::sim {
namespace {

constexpr double never = Replica::never;
constexpr std::size_t most_samples = 4096;

// The smallest of a fixed set of times, each of which may change: a binary heap that knows where
// everybody is.
class Earliest {
public:
  explicit Earliest(std::size_t size) : time_(size, never), heap_(size), place_(size) {
    for (std::size_t i = 0; i < size; ++i)
      heap_[i] = place_[i] = i;
  }
  double time() const noexcept { return time_[heap_[0]]; }
  std::size_t who() const noexcept { return heap_[0]; }
  void set(std::size_t who, double time) noexcept {
    time_[who] = time;
    std::size_t at = place_[who];
    while (at > 0 && before(heap_[at], heap_[(at - 1) / 2])) {
      swap(at, (at - 1) / 2);
      at = (at - 1) / 2;
    }
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], heap_[at])) return;
      swap(at, child);
      at = child;
    }
  }

private:
  bool before(std::size_t a, std::size_t b) const noexcept {
    return time_[a] < time_[b] || (time_[a] == time_[b] && a < b);
  }
  void swap(std::size_t a, std::size_t b) noexcept {
    std::swap(heap_[a], heap_[b]);
    place_[heap_[a]] = a;
    place_[heap_[b]] = b;
  }
  std::vector<double> time_;
  std::vector<std::size_t> heap_;
  std::vector<std::size_t> place_;
};

// A request on its way to the server.
struct Coming {
  double reaches_s;
  double sent_s;
  std::int64_t index;
  bool operator<(const Coming& o) const {
    return reaches_s > o.reaches_s || (reaches_s == o.reaches_s && index > o.index);
  }
};

class Run final : public Sink {
public:
  Run(const FleetSpec& fleet, const workload::Workload& workload, const RunOptions& options)
      : fleet_(fleet), workload_(workload), options_(options),
        arrivals_(workload.spec().arrivals, workload.spec().seed), split_(fleet.decode.count > 0),
        earliest_(static_cast<std::size_t>(fleet.serve.count + std::max(0, fleet.decode.count))) {
    ReplicaSpec serve = fleet.serve.replica;
    if (split_) serve.role = Role::prefill;
    for (int i = 0; i < fleet.serve.count; ++i) {
      replicas_.push_back(std::make_unique<Replica>(i, *fleet.serve.step, serve, *this));
      if (split_) links_.emplace_back(fleet.transfer_bytes_per_s, fleet.transfer_latency_s);
      result_.pool_pages += serve.kv_pool_pages;
    }
    ReplicaSpec decode = fleet.decode.replica;
    decode.role = Role::decode;
    for (int i = 0; i < fleet.decode.count; ++i) {
      replicas_.push_back(
          std::make_unique<Replica>(fleet.serve.count + i, *fleet.decode.step, decode, *this));
      result_.pool_pages += decode.kv_pool_pages;
    }
    overhead_s_ = serve.policy.request_overhead_s;
    serial_s_ = serve.policy.request_serial_s / fleet.serve.count; // each replica has a front end
    if (workload.closed())
      for (std::int64_t i = 0; i < std::min(workload.spec().closed->clients, workload.requests());
           ++i)
        send(0);
    else
      plan_arrival();
  }

  RunResult go(const Cancel& cancel) {
    std::uint64_t events = 0;
    const auto total = static_cast<std::uint64_t>(workload_.requests());
    for (;;) {
      if ((++events & 1023) == 0) {
        cancel.progress(static_cast<std::uint64_t>(result_.completed + result_.rejected), total);
        if (cancel.is_set()) {
          result_.stop = Stop::cancelled;
          break;
        }
      }
      // Requests leave the front end in order, so those that are sent before the first one there
      // leaves it have to be taken in first only when there is none.
      if (reaching_.empty() && !coming_.empty() &&
          coming_.front().sent_s <= std::min(earliest_.time(), next_transfer_s())) {
        front_end();
        continue;
      }
      const double arrival = reaching_.empty() ? never : reaching_.front().reaches_s;
      const double transfer = next_transfer_s();
      const double next = std::min({arrival, transfer, earliest_.time()});
      if (next == never) break;
      if (next > options_.until_s) {
        result_.stop = Stop::until;
        break;
      }
      if (options_.timeline && next >= next_sample_s_) sample(next);
      if (arrival <= next)
        arrive();
      else if (transfer <= next)
        end_transfer(next);
      else
        step(earliest_.who());
    }
    for (const auto& replica : replicas_)
      add(replica->totals(), replica->itl());
    for (const KvTiers& tiers : tiers_) {
      result_.tiers.blocks_in += tiers.totals().blocks_in;
      result_.tiers.blocks_out += tiers.totals().blocks_out;
      result_.tiers.loads += tiers.totals().loads;
      result_.tiers.bytes_loaded += tiers.totals().bytes_loaded;
    }
    return std::move(result_);
  }

  void done(int, const Done& d) override {
    ++result_.completed;
    result_.end_s = std::max(result_.end_s, d.last_s);
    result_.input_tokens += d.input;
    result_.output_tokens += d.output;
    const double ttft = d.first_s - d.sent_s;
    const double e2e = d.last_s - d.sent_s;
    const double tpot = d.output > 1 ? (d.last_s - d.first_s) / (d.output - 1) : 0;
    if (d.id >= options_.skip) {
      result_.queue.add(std::max(0.0, d.admitted_s - d.sent_s - overhead_s_));
      result_.ttft.add(ttft);
      result_.e2e.add(e2e);
      if (d.output > 1) result_.tpot.add(tpot);
    }
    result_.good += (options_.ttft_bound_s == 0 || ttft <= options_.ttft_bound_s) &&
                    (options_.tpot_bound_s == 0 || tpot <= options_.tpot_bound_s) &&
                    (options_.e2e_bound_s == 0 || e2e <= options_.e2e_bound_s);
    if (options_.series) result_.series.push_back(d);
    if (workload_.closed()) send(d.last_s);
  }

  void prefilled(int replica, const Job& job, double admitted_s, double at_s) override {
    if (job.output == 1) {
      done(replica, {job.id, job.sent_s, admitted_s, at_s, at_s, job.input, 1, 0, 0});
      return;
    }
    Job moved = job;
    moved.first_s = at_s;
    moved_.push_back({moved, replica, replicas_[static_cast<std::size_t>(replica)]->now_s()});
  }

  void evicted(int replica, std::uint64_t block) override {
    if (static_cast<std::size_t>(replica) < tiers_.size())
      tiers_[static_cast<std::size_t>(replica)].put(block);
  }

private:
  struct Moved {
    Job job;
    int from;
    double at_s;
  };

  // The next request of a client, who has had its answer at `now_s`.
  void send(double now_s) {
    if (next_index_ >= workload_.requests()) return;
    const double sent_s = now_s + workload_.think_s(next_index_);
    coming_.push_back({sent_s, sent_s, next_index_++});
    std::push_heap(coming_.begin(), coming_.end());
  }
  void plan_arrival() {
    if (next_index_ >= workload_.requests()) return;
    const auto& trace = workload_.spec().trace;
    const double sent_s = trace ? trace->rows[static_cast<std::size_t>(next_index_)].at_s /
                                      workload_.spec().trace_speed
                                : arrivals_.next();
    coming_.push_back({sent_s, sent_s, next_index_++});
  }

  // The front end takes requests in the order in which they were sent.
  void front_end() {
    const Coming c = coming_.front();
    std::pop_heap(coming_.begin(), coming_.end());
    coming_.pop_back();
    if (!workload_.closed()) plan_arrival();
    front_free_s_ = std::max(front_free_s_, c.sent_s) + serial_s_;
    const double rest_s = std::max(0.0, overhead_s_ - fleet_.serve.replica.policy.request_serial_s);
    reaching_.push_back({front_free_s_ + rest_s, c.sent_s, c.index});
  }

  void arrive() {
    const Coming c = reaching_.front();
    reaching_.pop_front();
    const workload::Request request = workload_.request(c.index);
    ++result_.sent;
    Job job;
    job.id = c.index;
    job.sent_s = c.sent_s;
    job.input = request.input;
    job.output = request.output;
    job.blocks = request.blocks;
    const std::size_t to = route(job, 0, static_cast<std::size_t>(fleet_.serve.count));
    const bool too_long = options_.max_request_tokens > 0 &&
                          std::int64_t{job.input} + job.output > options_.max_request_tokens;
    const bool fits = replicas_[to]->fits(job) && (!split_ || replicas_.back()->fits(job));
    if (too_long || !fits) {
      ++result_.rejected;
      if (workload_.closed()) send(c.sent_s);
      return;
    }
    if (!fleet_.tiers.empty() && job.blocks.size > 0 && load_prefix(job, to, c.reaches_s)) return;
    submit(job, to, c.reaches_s);
  }

  // Begins to fetch the part of the prefix that lies in colder tiers, when that pays.
  bool load_prefix(const Job& job, std::size_t to, double now_s) {
    const ReplicaSpec& spec = fleet_.serve.replica;
    if (tiers_.empty())
      for (int i = 0; i < fleet_.serve.count; ++i)
        tiers_.emplace_back(fleet_.tiers, spec.kv_bytes_per_token * job.blocks.block_tokens);
    const std::int32_t hot = replicas_[to]->cached_blocks(job);
    const std::int32_t whole = std::min(job.blocks.size, job.input / job.blocks.block_tokens);
    const KvTiers::Found cold = tiers_[to].find(job.blocks, hot, whole);
    if (cold.blocks == 0) return false;
    const std::int64_t tokens = std::int64_t{cold.blocks} * job.blocks.block_tokens;
    const double compute_s =
        replicas_[to]->prefill_estimate_s(tokens, std::int64_t{hot} * job.blocks.block_tokens);
    if (tiers_[to].estimate_s(cold) >= compute_s) return false;
    Job loaded = job;
    loaded.loaded =
        static_cast<std::int32_t>((hot + cold.blocks) * std::int64_t{job.blocks.block_tokens});
    tiers_[to].load(static_cast<std::uint64_t>(job.id), cold, now_s);
    loading_.push_back(loaded);
    return true;
  }

  std::size_t route(const Job& job, std::size_t first, std::size_t count) {
    if (count == 1) return first;
    if (fleet_.routing == Routing::round_robin) return first + turn_[first > 0]++ % count;
    std::size_t best = first;
    std::size_t emptiest = first;
    std::int32_t most_cached = -1;
    for (std::size_t i = first; i < first + count; ++i) {
      if (replicas_[i]->in_system() < replicas_[emptiest]->in_system()) emptiest = i;
      if (fleet_.routing != Routing::prefix_affinity) continue;
      const std::int32_t cached = replicas_[i]->cached_blocks(job);
      if (cached > most_cached) {
        most_cached = cached;
        best = i;
      }
    }
    if (fleet_.routing == Routing::least_loaded || most_cached <= 0) return emptiest;
    // A hit is not worth a queue much longer than the shortest one.
    const std::int64_t queue = replicas_[best]->in_system();
    return queue > 2 * replicas_[emptiest]->in_system() + 8 ? emptiest : best;
  }

  void submit(const Job& job, std::size_t to, double at_s) {
    replicas_[to]->submit(job, at_s);
    earliest_.set(to, replicas_[to]->next_s());
  }

  void step(std::size_t who) {
    replicas_[who]->step();
    earliest_.set(who, replicas_[who]->next_s());
    // Prompts that this step completed set out for a decode instance.
    for (const Moved& m : moved_) {
      const double bytes =
          static_cast<double>(m.job.input) * fleet_.serve.replica.kv_bytes_per_token;
      result_.transferred_bytes += bytes;
      links_[static_cast<std::size_t>(m.from)].start(static_cast<std::uint64_t>(m.job.id), bytes,
                                                     m.at_s);
      travelling_.push_back(m.job);
    }
    moved_.clear();
  }

  double next_transfer_s() const noexcept {
    double next = never;
    for (const SharedLink& link : links_)
      next = std::min(next, link.next_s());
    for (const KvTiers& tiers : tiers_)
      next = std::min(next, tiers.next_s());
    return next;
  }

  Job take(std::vector<Job>& jobs, std::uint64_t id) {
    const auto found = std::find_if(jobs.begin(), jobs.end(), [&](const Job& job) {
      return static_cast<std::uint64_t>(job.id) == id;
    });
    const Job job = *found;
    *found = jobs.back();
    jobs.pop_back();
    return job;
  }

  void end_transfer(double now_s) {
    for (SharedLink& link : links_)
      if (link.next_s() <= now_s) {
        const Job job = take(travelling_, link.finish());
        const auto first = static_cast<std::size_t>(fleet_.serve.count);
        submit(job, route(job, first, static_cast<std::size_t>(fleet_.decode.count)), now_s);
        return;
      }
    for (std::size_t i = 0; i < tiers_.size(); ++i)
      if (tiers_[i].next_s() <= now_s) {
        std::uint64_t id = 0;
        if (tiers_[i].finish(id)) submit(take(loading_, id), i, now_s);
        return;
      }
  }

  void sample(double now_s) {
    Sample s;
    s.at_s = now_s;
    std::int64_t pages = 0;
    for (const auto& replica : replicas_) {
      s.waiting += replica->waiting();
      s.running += replica->running();
      pages += replica->kv_blocks();
    }
    s.kv_share = static_cast<double>(pages) /
                 static_cast<double>(std::max<std::int64_t>(1, result_.pool_pages));
    result_.timeline.push_back(s);
    if (result_.timeline.size() == most_samples) {
      // Half as many, twice as far apart: any length of run fits.
      for (std::size_t i = 0; i < most_samples / 2; ++i)
        result_.timeline[i] = result_.timeline[2 * i];
      result_.timeline.resize(most_samples / 2);
      sample_gap_s_ = std::max(2 * sample_gap_s_, 2 * now_s / static_cast<double>(most_samples));
    }
    next_sample_s_ = now_s + sample_gap_s_;
  }

  void add(const ReplicaTotals& t, const Histogram& itl) {
    ReplicaTotals& sum = result_.totals;
    sum.busy_s += t.busy_s;
    sum.prefill_s += t.prefill_s;
    sum.in_system_s += t.in_system_s;
    sum.running_s += t.running_s;
    sum.kv_block_s += t.kv_block_s;
    sum.kv_token_s += t.kv_token_s;
    sum.contiguous_token_s += t.contiguous_token_s;
    sum.max_kv_blocks = std::max(sum.max_kv_blocks, t.max_kv_blocks);
    sum.steps += t.steps;
    sum.events += t.events;
    sum.preemptions += t.preemptions;
    sum.prompt_tokens += t.prompt_tokens;
    sum.cached_tokens += t.cached_tokens;
    sum.output_tokens += t.output_tokens;
    result_.itl.merge(itl);
  }

  const FleetSpec& fleet_;
  const workload::Workload& workload_;
  const RunOptions& options_;
  workload::Arrivals arrivals_;
  const bool split_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<SharedLink> links_; // of the prefill instances
  std::vector<KvTiers> tiers_;    // of the serving replicas
  Earliest earliest_;
  std::vector<Coming> coming_;  // heap, by the time of sending
  std::deque<Coming> reaching_; // out of the front end, in order
  double front_free_s_ = 0;
  double serial_s_ = 0;
  std::vector<Moved> moved_;
  std::vector<Job> travelling_;
  std::vector<Job> loading_;
  std::int64_t next_index_ = 0;
  std::size_t turn_[2] = {0, 0};
  double overhead_s_ = 0;
  double next_sample_s_ = 0;
  double sample_gap_s_ = 0;
  RunResult result_;
};

} // namespace

RunResult simulate(const FleetSpec& fleet, const workload::Workload& workload,
                   const RunOptions& options, const Cancel& cancel) {
  Run run(fleet, workload, options);
  return run.go(cancel);
}

} // namespace dsk::sim
