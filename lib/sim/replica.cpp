#include "sim/replica.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::sim {

Replica::Replica(int number, const perf::StepModel& model, const ReplicaSpec& spec, Sink& sink)
    : number_(number), policy_(spec.policy), spec_(spec), sink_(sink),
      timer_(model, spec.policy, spec.dp),
      slots_max_(static_cast<std::int64_t>(spec.policy.max_sequences) * spec.dp),
      pool_(spec.kv_pool_pages), phases_(static_cast<std::size_t>(spec.policy.block_tokens), 0),
      cache_(spec.policy.prefix_cache ? std::make_unique<PrefixCache>() : nullptr),
      rank_tokens_(static_cast<std::size_t>(spec.dp)),
      rank_attention_(static_cast<std::size_t>(spec.dp)) {}

bool Replica::fits(const Job& job) const noexcept {
  return pages_of(job, static_cast<std::int64_t>(job.input) + job.output) <= pool_;
}

std::int32_t Replica::cached_blocks(const Job& job) const noexcept {
  if (!cache_ || job.blocks.size == 0) return 0;
  return cache_->match(job.blocks, std::min(job.blocks.size, job.input / job.blocks.block_tokens))
      .blocks;
}

double Replica::prefill_estimate_s(std::int64_t tokens, std::int64_t context) const {
  double us = 0;
  for (std::int64_t done = 0; done < tokens;) {
    PrefillWork work;
    work.tokens = work.busiest_tokens =
        std::min<std::int64_t>(tokens - done, policy_.chunked ? policy_.token_budget : tokens);
    work.prompts = 1;
    work.attention_us = timer_.chunk_attention_us(work.tokens, context + done);
    us += timer_.prefill_us(0, 0, 0, work);
    done += work.tokens;
  }
  return us * 1e-6;
}

std::uint32_t Replica::new_slot() {
  if (!free_slots_.empty()) {
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot] = Slot{};
    return slot;
  }
  slots_.emplace_back();
  return static_cast<std::uint32_t>(slots_.size() - 1);
}

void Replica::submit(const Job& job, double at_s) {
  const std::uint32_t slot = new_slot();
  Slot& s = slots_[slot];
  s.job = job;
  s.queued_s = at_s;
  s.prompt = job.input;
  // Waiting time before now_s_ is accounted here; later time by account().
  if (policy_.stream_tokens_per_s > 0) behind_s_ += policy_.request_serial_s;
  if (pending_ == Pending::none) {
    stream(0, std::max(0.0, at_s - now_s_));
    now_s_ = std::max(now_s_, at_s);
    end_s_ = now_s_;
    pending_ = Pending::wake;
  } else {
    totals_.in_system_s += now_s_ - at_s; // account() starts at now_s_
    if (pending_ == Pending::wake &&
        static_cast<std::int64_t>(waiting_.size()) + 1 >= policy_.batch_size)
      end_s_ = std::min(end_s_, std::max(now_s_, at_s));
    else if (pending_ == Pending::decode && !blocked_) {
      const double mean = mean_length();
      const double extra = skew();
      const std::int64_t steps =
          timer_.steps_within(decoding_, mean, extra, policy_.tokens_per_step, steps_,
                              (at_s - now_s_) * 1e6 - swap_us_);
      if (steps < steps_) {
        steps_ = steps;
        end_s_ = now_s_ + (timer_.run_us(decoding_, mean, extra, policy_.tokens_per_step, steps) +
                           swap_us_) *
                              1e-6;
      }
      blocked_ = true; // no later arrival can make the run shorter still
    }
  }
  waiting_.push_back(slot);
}

std::int64_t Replica::token_clock(std::int64_t tick) const noexcept {
  if (policy_.tokens_per_step == 1) return tick;
  return static_cast<std::int64_t>(policy_.tokens_per_step * static_cast<double>(tick));
}

double Replica::mean_length() const noexcept {
  if (decoding_ == 0) return 0;
  return offset_sum_ / static_cast<double>(decoding_) +
         policy_.tokens_per_step * static_cast<double>(ticks_);
}

double Replica::skew() const noexcept {
  if (spec_.dp == 1 || decoding_ == 0) return 0;
  // A step waits for the rank with most KV: the expected maximum of dp means of n / dp lengths.
  const double n = static_cast<double>(decoding_);
  const double mean = offset_sum_ / n;
  const double variance = std::max(0.0, offset_squares_ / n - mean * mean);
  const double dp = spec_.dp;
  return std::sqrt(variance / std::max(1.0, n / dp) * 2 * std::log(dp));
}

std::size_t Replica::phase_of(const Slot& slot) const noexcept {
  const std::int64_t page = policy_.block_tokens;
  return static_cast<std::size_t>(((slot.prompt - slot.join_tokens) % page + page) % page);
}

std::int64_t Replica::growth(std::int64_t steps) const noexcept {
  const std::int64_t page = policy_.block_tokens;
  const std::int64_t from = token_clock(ticks_);
  const std::int64_t tokens = token_clock(ticks_ + steps) - from;
  std::int64_t pages = (decoding_ - ended_) * (tokens / page);
  std::int64_t phase = (page - from % page) % page;
  for (std::int64_t j = 0; j < tokens % page; ++j) {
    // A sequence whose length is a whole number of pages takes a new one with its next token.
    pages += phases_[static_cast<std::size_t>(phase)];
    phase = phase == 0 ? page - 1 : phase - 1;
  }
  return pages;
}

std::int64_t Replica::used() const noexcept {
  return private_ + (cache_ ? static_cast<std::int64_t>(cache_->held()) * cache_pages_ : 0);
}

void Replica::take(std::int64_t blocks) {
  private_ += blocks;
  taken_ += std::max<std::int64_t>(0, blocks);
  const std::int64_t now_used = used();
  totals_.max_kv_blocks = std::max(totals_.max_kv_blocks, now_used);
  if (!cache_) return;
  while (now_used + static_cast<std::int64_t>(cache_->idle()) * cache_pages_ > pool_) {
    const auto block = cache_->evict();
    if (!block) break;
    sink_.evicted(number_, *block);
  }
}

void Replica::step() {
  apply();
  schedule();
}

// Tokens that the pages in use are for; a prompt's pages are taken when it is admitted.
double Replica::tokens_held() const noexcept {
  double tokens = mean_length() * static_cast<double>(decoding_);
  for (const std::uint32_t slot : prefilling_)
    tokens += slots_[slot].prompt;
  return tokens;
}

void Replica::account(double until_s, double decoding_s) {
  const double dt = until_s - now_s_;
  totals_.in_system_s += static_cast<double>(in_system() - ended_) * dt;
  totals_.running_s += static_cast<double>(decoding_ - ended_) * decoding_s;
  totals_.contiguous_token_s += contiguous_tokens_ * dt;
}

// The front end in dt_s: so many tokens came, and it worked on what lay before it. Steps of a run
// only grow longer, so the work before it rises first and falls then: one sum for the whole run is
// exact.
void Replica::stream(double tokens, double dt_s) {
  if (policy_.stream_tokens_per_s > 0)
    behind_s_ = std::max(0.0, behind_s_ + tokens / policy_.stream_tokens_per_s - dt_s);
}

// Moves the sequences that decode on by `steps` steps, whose times run from first_us to last_us.
void Replica::advance(std::int64_t steps, double first_us, double last_us) {
  const auto live = static_cast<std::uint64_t>(decoding_ - ended_);
  std::uint64_t tokens = live * static_cast<std::uint64_t>(steps);
  if (stall_us_ > 0) {
    itl_.add((first_us + stall_us_) * 1e-6, live);
    stall_us_ = 0;
    tokens -= live;
  }
  itl_.add_ramp(first_us * 1e-6, last_us * 1e-6, tokens);
  take(growth(steps));
  ticks_ += steps;
}

void Replica::apply() {
  if (pending_ == Pending::none || pending_ == Pending::wake) {
    if (pending_ == Pending::wake) {
      account(end_s_, 0);
      stream(0, std::max(0.0, end_s_ - now_s_));
    }
    now_s_ = std::max(now_s_, end_s_);
    return;
  }
  const double dt = end_s_ - now_s_;
  const double pages_before = static_cast<double>(used());
  const double tokens_before = tokens_held();
  account(end_s_, dt);
  totals_.busy_s += dt;
  totals_.steps += steps_;
  if (pending_ == Pending::decode) {
    const double mean = mean_length();
    const double extra = skew();
    const double grown = policy_.tokens_per_step * static_cast<double>(steps_ - 1);
    const double first = timer_.decode_us(decoding_, mean, extra);
    const double last = steps_ == 1 ? first : timer_.decode_us(decoding_, mean + grown, extra);
    last_boundary_s_ = end_s_ - last * 1e-6;
    const double each = static_cast<double>(decoding_ - ended_) * policy_.tokens_per_step;
    const double first_s = (first + swap_us_) * 1e-6; // by itself: a swap makes it the longest
    stream(each, first_s);
    stream(each * static_cast<double>(steps_ - 1), dt - first_s);
    advance(steps_, first + swap_us_, last);
    now_s_ = end_s_;
  } else {
    totals_.prefill_s += dt;
    stream(policy_.batching == Batching::mixed
               ? static_cast<double>(decoding_) * policy_.tokens_per_step
               : 0,
           dt);
    if (policy_.batching == Batching::mixed && decoding_ > 0)
      advance(1, dt * 1e6, dt * 1e6);
    else if (decoding_ > 0)
      stall_us_ += dt * 1e6;
    last_boundary_s_ = now_s_;
    now_s_ = end_s_;
    for (const Chunk& chunk : chunks_) {
      Slot& s = slots_[chunk.slot];
      s.ready += chunk.tokens;
      totals_.prompt_tokens += chunk.tokens;
    }
    std::size_t kept = 0;
    for (const std::uint32_t slot : prefilling_) {
      if (slots_[slot].ready < slots_[slot].prompt)
        prefilling_[kept++] = slot;
      else
        ready_.push_back(slot);
    }
    prefilling_.resize(kept);
    for (const std::uint32_t slot : ready_)
      prompt_ready(slot);
    ready_.clear();
  }
  swap_us_ = 0;
  totals_.kv_block_s += (pages_before + static_cast<double>(used())) / 2 * dt;
  totals_.kv_token_s += (tokens_before + tokens_held()) / 2 * dt;
  while (!finishes_.empty() && finishes_.front().tick <= ticks_) {
    const std::uint32_t slot = finishes_.front().slot;
    std::pop_heap(finishes_.begin(), finishes_.end());
    finishes_.pop_back();
    finish(slot);
  }
  if (ended_ > 0 && ended_ == decoding_) {
    // The whole fixed batch has ended: its rows and pages become free together.
    decoding_ = ended_ = 0;
    private_ = reserved_ = 0;
    contiguous_tokens_ = 0;
  }
  if (decoding_ == 0) {
    offset_sum_ = offset_squares_ = 0; // drops rounding errors
    stall_us_ = 0;
  }
}

// The prompt is in the cache and its step has given a token: the first one, or after a preemption
// the next.
void Replica::prompt_ready(std::uint32_t slot) {
  Slot& s = slots_[slot];
  if (s.first_s < 0) {
    const double decode = decoding_ > 0 ? timer_.decode_us(decoding_, mean_length(), skew())
                                        : timer_.decode_us(1, s.prompt + 1.0, 0);
    s.delay_s = policy_.first_token_steps * decode * 1e-6;
    s.first_s = now_s_ + s.delay_s + behind_s_;
    if (spec_.role == Role::prefill) {
      sink_.prefilled(number_, s.job, s.admitted_s, s.first_s);
      drop_kv(s);
      free_slots_.push_back(slot);
      return;
    }
  }
  ++s.emitted;
  ++totals_.output_tokens;
  join(slot);
}

// The sequence, which has its KV and at least one token, decodes from the next step on.
void Replica::join(std::uint32_t slot) {
  Slot& s = slots_[slot];
  const std::int64_t left = s.job.output - s.emitted;
  if (left <= 0 && policy_.batching != Batching::fixed) {
    leave(slot);
    return;
  }
  s.decodes = true;
  s.join_tokens = token_clock(ticks_);
  s.offset = s.prompt + 1 - policy_.tokens_per_step * static_cast<double>(ticks_);
  offset_sum_ += s.offset;
  if (spec_.dp > 1) offset_squares_ += s.offset * s.offset;
  ++phases_[phase_of(s)];
  ++decoding_;
  const double steps = std::ceil(static_cast<double>(left) / policy_.tokens_per_step - 1e-9);
  finishes_.push_back({ticks_ + std::max<std::int64_t>(0, static_cast<std::int64_t>(steps)), slot});
  std::push_heap(finishes_.begin(), finishes_.end());
}

void Replica::finish(std::uint32_t slot) {
  Slot& s = slots_[slot];
  totals_.output_tokens += s.job.output - s.emitted;
  --phases_[phase_of(s)];
  if (policy_.batching == Batching::fixed) {
    ++ended_; // its row and its pages stay until the longest answer ends
    report(s);
    free_slots_.push_back(slot);
    return;
  }
  offset_sum_ -= s.offset;
  if (spec_.dp > 1) offset_squares_ -= s.offset * s.offset;
  --decoding_;
  leave(slot);
}

void Replica::leave(std::uint32_t slot) {
  Slot& s = slots_[slot];
  report(s);
  drop_kv(s);
  free_slots_.push_back(slot);
}

void Replica::report(const Slot& s) {
  sink_.done(number_, {s.job.id, s.job.sent_s, s.admitted_s, s.first_s,
                       std::max(s.first_s, now_s_ + s.delay_s + behind_s_), s.job.input,
                       s.job.output, s.cached, s.preemptions});
}

// Gives back what admission and growth took.
void Replica::drop_kv(Slot& s) {
  const std::int64_t tokens =
      s.prompt + (s.decodes ? token_clock(ticks_) - s.join_tokens : std::int64_t{0});
  private_ -= pages_of(s.job, tokens) - s.shared * cache_pages_;
  reserved_ -= promised(s);
  contiguous_tokens_ -= s.job.input + s.job.output;
  // Last block first, so that the front of a prefix outlives its end.
  for (std::int32_t i = s.shared; i-- > 0;)
    cache_->release(s.job.blocks[i]);
  s.shared = 0;
  s.decodes = false;
}

} // namespace dsk::sim
