// One engine instance as an event simulation: requests in, tokens out, in the engine's own order.
//
// Time moves from step boundary to step boundary. Steps that only decode, with nothing to decide in
// between (no arrival that could be let in, no end of a sequence, no shortage of KV pages), are
// taken in one go: their total is a closed form, since a decode step is piecewise linear in the
// mean length (step_timer.hpp). Taking them one by one gives the same times.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <vector>

#include "base/histogram.hpp"
#include "sim/policy.hpp"
#include "sim/prefix_cache.hpp"
#include "sim/step_timer.hpp"

namespace dsk::sim {

/// A request as a replica receives it.
struct Job {
  std::int64_t id = 0;
  double sent_s = 0; // when the client sent it
  std::int32_t input = 0;
  std::int32_t output = 0;
  workload::BlockList blocks;
  double first_s = -1;     // its first token, when another instance has prefilled it
  std::int32_t loaded = 0; // leading tokens whose KV came from a lower tier
};

/// What became of a job.
struct Done {
  std::int64_t id = 0;
  double sent_s = 0;
  double admitted_s = 0;
  double first_s = 0; // at the client
  double last_s = 0;
  std::int32_t input = 0;
  std::int32_t output = 0;
  std::int32_t cached = 0; // input tokens found in the prefix cache
  std::int32_t preemptions = 0;
};

class Sink {
public:
  virtual ~Sink() = default;
  virtual void done(int replica, const Done& done) = 0;
  /// A prefill instance has computed the prompt; the first token leaves at `at_s`.
  virtual void prefilled(int replica, const Job& job, double admitted_s, double at_s) = 0;
  /// An idle prefix block gave way.
  virtual void evicted(int replica, std::uint64_t block) = 0;
};

enum class Role { whole, prefill, decode };

struct ReplicaSpec {
  Policy policy;
  int dp = 1;
  std::int64_t kv_pool_pages = 0;  // of all attention ranks
  std::int64_t sequence_pages = 0; // fixed state of a sequence, in pages (linear attention)
  std::int64_t window_pages = 0;   // of a sequence that fills its sliding windows of ...
  std::int64_t window_tokens = 0;  // ... so many tokens; a shorter one holds its share
  Role role = Role::whole;
  double swap_bytes_per_s = 0; // host link, for Preemption::swap
  double kv_bytes_per_token = 0;
  bool jump = true; // false: every step by itself, for tests
};

/// Sums over time for means and laws.
struct ReplicaTotals {
  double busy_s = 0;
  double prefill_s = 0;          // of it in steps with prefill
  double in_system_s = 0;        // integral of jobs in the system (from reaching the queue on)
  double running_s = 0;          // integral of sequences that decode
  double kv_block_s = 0;         // integral of pages in use
  double kv_token_s = 0;         // integral of tokens in them
  double contiguous_token_s = 0; // what one piece for the whole answer would have taken instead
  std::int64_t max_kv_blocks = 0;
  std::int64_t steps = 0;
  std::int64_t events = 0; // boundaries at which something was decided
  std::int64_t preemptions = 0;
  std::int64_t prompt_tokens = 0; // computed, again after preemption included
  std::int64_t cached_tokens = 0;
  std::int64_t output_tokens = 0;
};

class Replica {
public:
  /// `model` and `sink` must outlive it.
  Replica(int number, const perf::StepModel& model, const ReplicaSpec& spec, Sink& sink);

  static constexpr double never = std::numeric_limits<double>::infinity();

  /// Whether the pool can ever hold the job.
  bool fits(const Job& job) const noexcept;
  /// The job reaches the queue at `at_s`, which is not after next_s(). It must fit.
  void submit(const Job& job, double at_s);
  /// The next boundary at which something changes; `never` when idle.
  double next_s() const noexcept { return end_s_; }
  /// Goes to that boundary and decides what follows.
  void step();

  std::int64_t waiting() const noexcept { return static_cast<std::int64_t>(waiting_.size()); }
  std::int64_t running() const noexcept {
    return decoding_ + static_cast<std::int64_t>(prefilling_.size());
  }
  std::int64_t in_system() const noexcept { return waiting() + running(); }
  std::int64_t kv_blocks() const noexcept { return used(); }
  std::int64_t pool_blocks() const noexcept { return pool_; }
  double now_s() const noexcept { return now_s_; }
  const ReplicaTotals& totals() const noexcept { return totals_; }
  const Histogram& itl() const noexcept { return itl_; } // seconds
  /// Time of computing so many prompt tokens behind `context` by themselves, without a queue.
  double prefill_estimate_s(std::int64_t tokens, std::int64_t context) const;
  /// Leading blocks of the job that its prefix cache holds.
  std::int32_t cached_blocks(const Job& job) const noexcept;

private:
  struct Slot {
    Job job;
    double queued_s = 0;
    double admitted_s = -1;
    double first_s = -1;
    double delay_s = 0;           // from a token's step to the client
    std::int64_t order = 0;       // of admission
    std::int64_t join_tokens = 0; // token clock when it began to decode
    double offset = 0;            // length in tokens less the token clock
    std::int32_t prompt = 0;      // tokens to have in the cache before it decodes
    std::int32_t ready = 0;       // of them there already
    std::int32_t emitted = 0;     // tokens of the answer so far
    std::int32_t shared = 0;      // prefix blocks that it holds
    std::int32_t cached = 0;
    std::int32_t preemptions = 0;
    std::int64_t kept = 0;       // whole pages of its own that it gave up full, still findable ...
    std::int64_t kept_until = 0; // ... until so many pages were taken in all (the last page first)
    bool decodes = false;
    bool swapped = false; // its KV is in host memory
  };
  struct Finish {
    std::int64_t tick;
    std::uint32_t slot;
    // Reversed, since the standard heap has the largest in front.
    bool operator<(const Finish& o) const {
      return tick > o.tick || (tick == o.tick && slot > o.slot);
    }
  };
  struct Chunk {
    std::uint32_t slot;
    std::int32_t tokens;
  };
  enum class Pending { none, wake, decode, prefill };

  std::int64_t blocks_of(std::int64_t tokens) const noexcept {
    return (tokens + policy_.block_tokens - 1) / policy_.block_tokens;
  }
  // Windows are counted with the length that the sequence will reach.
  std::int64_t pages_of(const Job& job, std::int64_t tokens) const noexcept {
    std::int64_t pages = blocks_of(tokens) + spec_.sequence_pages;
    if (spec_.window_tokens > 0) {
      const std::int64_t kept = std::min(spec_.window_tokens, std::int64_t{job.input} + job.output);
      pages += (spec_.window_pages * kept + spec_.window_tokens - 1) / spec_.window_tokens;
    }
    return pages;
  }
  std::int64_t token_clock(std::int64_t tick) const noexcept;
  double mean_length() const noexcept;
  double skew() const noexcept;
  std::size_t phase_of(const Slot& slot) const noexcept;
  std::int64_t growth(std::int64_t steps) const noexcept;
  void take(std::int64_t blocks);

  std::int64_t used() const noexcept; // pages that sequences hold
  /// Pages that admission sets aside for a sequence.
  std::int64_t promised(const Slot& slot) const noexcept {
    return pages_of(slot.job, slot.job.input + static_cast<std::int64_t>(policy_.reserve_output *
                                                                         slot.job.output));
  }

  // replica.cpp: what a finished step changes
  void apply();
  void advance(std::int64_t steps, double first_us, double last_us);
  double tokens_held() const noexcept;
  void account(double until_s, double decoding_s);
  void stream(double tokens, double dt_s);
  void prompt_ready(std::uint32_t slot);
  void join(std::uint32_t slot);
  void finish(std::uint32_t slot);
  void leave(std::uint32_t slot);
  void report(const Slot& slot);
  void drop_kv(Slot& slot);

  // schedule.cpp: what the next step is
  void schedule();
  void make_room();
  bool build_prefill();
  bool may_admit(const Slot& slot, std::int64_t pages) const noexcept;
  struct Wanted {
    std::int64_t pages = 0;
    PrefixCache::Found found;
    std::int32_t whole = 0; // blocks that may be shared
    bool fits = false;
  };
  Wanted wanted(const Slot& slot);
  bool admit(std::uint32_t slot);
  bool visible(const Slot& slot) const noexcept;
  double gate_s() const noexcept;
  bool batch_waits() noexcept;
  bool add_chunk(std::uint32_t slot);
  void plan_prefill();
  void plan_decode();
  void preempt_newest();
  std::int64_t found_again(const Slot& slot) const noexcept;
  std::uint32_t new_slot();

  const int number_;
  const Policy policy_;
  const ReplicaSpec spec_;
  Sink& sink_;
  StepTimer timer_;
  const std::int64_t slots_max_;
  const std::int64_t pool_; // pages

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::deque<std::uint32_t> waiting_;
  std::vector<std::uint32_t> prefilling_; // admitted, prompt not complete; in order
  std::vector<Finish> finishes_;          // heap of those that decode
  std::vector<std::int32_t> phases_;      // those that decode, by (length - token clock) mod page
  std::unique_ptr<PrefixCache> cache_;
  std::int64_t cache_pages_ = 1; // of one prefix block

  std::int64_t decoding_ = 0;
  std::int64_t ended_ = 0; // of them ended but still in a fixed batch
  double offset_sum_ = 0;
  double offset_squares_ = 0; // only with several ranks
  double contiguous_tokens_ = 0;
  std::int64_t ticks_ = 0;    // decode steps so far
  std::int64_t private_ = 0;  // pages that one sequence alone holds
  std::int64_t reserved_ = 0; // pages promised at admission
  std::int64_t taken_ = 0;    // pages taken so far
  std::int64_t orders_ = 0;

  Pending pending_ = Pending::none;
  double now_s_ = 0;
  double end_s_ = never;
  double last_boundary_s_ = -1; // the one before now_s_
  std::int64_t steps_ = 0;      // of the pending run
  double swap_us_ = 0;
  double stall_us_ = 0;           // prefill steps since the last decode step
  double behind_s_ = 0;           // work that lies before the front end
  std::int64_t wait_from_ = -1;   // tick since which prompts wait for company
  std::int64_t enough_from_ = -1; // when there were enough of them
  std::int64_t room_ = 0;  // tokens of one rank that prefill may take in the step being built
  bool preempted_ = false; // somebody gave way at this boundary
  bool blocked_ = false;   // an arrival cannot change what is pending
  std::vector<Chunk> chunks_;
  std::vector<std::uint32_t> ready_;
  std::vector<std::int64_t> rank_tokens_;
  std::vector<double> rank_attention_;

  Histogram itl_;
  ReplicaTotals totals_;
};

} // namespace dsk::sim
