// Replica's decisions at a step boundary: who gives way, who is let in, what the next step holds.
#include <algorithm>
#include <cmath>

#include "sim/replica.hpp"

namespace dsk::sim {

void Replica::schedule() {
  ++totals_.events;
  blocked_ = false;
  pending_ = Pending::none;
  end_s_ = never;
  make_room();
  if (build_prefill()) {
    plan_prefill();
  } else if (decoding_ > 0) {
    plan_decode();
  } else if (!waiting_.empty()) {
    pending_ = Pending::wake;
    end_s_ = std::max(now_s_, gate_s());
  }
}

// Every sequence that decodes may need a page for its next token.
void Replica::make_room() {
  if (policy_.batching == Batching::fixed) return; // its whole answers are set aside
  while (decoding_ > 1 && used() + growth(1) > pool_)
    preempt_newest();
}

void Replica::preempt_newest() {
  const auto newest =
      std::max_element(finishes_.begin(), finishes_.end(), [&](const Finish& a, const Finish& b) {
        return slots_[a.slot].order < slots_[b.slot].order;
      });
  std::uint32_t slot = newest->slot;
  if (!prefilling_.empty() && slots_[prefilling_.back()].order > slots_[slot].order) {
    slot = prefilling_.back();
    prefilling_.pop_back();
    drop_kv(slots_[slot]);
  } else {
    *newest = finishes_.back();
    finishes_.pop_back();
    std::make_heap(finishes_.begin(), finishes_.end());
    Slot& s = slots_[slot];
    // The clock of fractional tokens may run ahead by one; its last token is not out yet.
    const auto generated = std::min(static_cast<std::int32_t>(token_clock(ticks_) - s.join_tokens),
                                    std::max(0, s.job.output - s.emitted - 1));
    --phases_[phase_of(s)];
    offset_sum_ -= s.offset;
    if (spec_.dp > 1) offset_squares_ -= s.offset * s.offset;
    --decoding_;
    // Free pages that lie before its own are taken first.
    s.kept_until = taken_ + pool_ - used();
    s.kept = (s.prompt + generated) / policy_.block_tokens;
    drop_kv(s);
    s.emitted += generated;
    totals_.output_tokens += generated;
    if (policy_.preemption == Preemption::swap) {
      s.swapped = true;
      s.prompt += generated;
    } else {
      s.prompt = s.job.input + s.emitted;
    }
  }
  Slot& s = slots_[slot];
  s.ready = 0;
  ++s.preemptions;
  ++totals_.preemptions;
  waiting_.push_front(slot);
  preempted_ = true;
}

bool Replica::visible(const Slot& slot) const noexcept {
  if (policy_.lag_steps == 0 || running() == 0) return true;
  return slot.queued_s <= last_boundary_s_ + 1e-6 * (now_s_ - last_boundary_s_);
}

// When the waiting requests may be let in: at once, or when the first has waited long enough.
double Replica::gate_s() const noexcept {
  if (waiting() >= policy_.batch_size) return 0;
  return slots_[waiting_.front()].queued_s + policy_.batch_wait_s;
}

// Whether the waiting prompts are held back until more of them have come.
bool Replica::batch_waits() noexcept {
  if (policy_.wait_steps == 0 || decoding_ == 0 || waiting_.empty()) return false;
  std::int64_t tokens = decoding_ * policy_.decode_tokens;
  int prompts = 0;
  for (const std::uint32_t slot : waiting_) {
    if (tokens >= policy_.wait_tokens && prompts >= policy_.wait_prompts) break;
    if (!visible(slots_[slot])) continue;
    tokens += slots_[slot].prompt;
    ++prompts;
  }
  if (wait_from_ < 0) wait_from_ = ticks_; // until one of them is let in
  if (tokens < policy_.wait_tokens || prompts < policy_.wait_prompts) {
    enough_from_ = -1;
    return ticks_ - wait_from_ < policy_.wait_steps;
  }
  if (enough_from_ < 0) enough_from_ = ticks_;
  return ticks_ - enough_from_ < policy_.batching_wait_steps;
}

bool Replica::may_admit(const Slot& s, std::int64_t pages) const noexcept {
  const std::int64_t next = policy_.batching == Batching::fixed ? 0 : growth(1);
  const bool alone = running() == 0;
  const auto margin =
      alone ? std::int64_t{0}
            : static_cast<std::int64_t>(policy_.watermark * static_cast<double>(pool_));
  if (used() + pages + next + margin > pool_) return false;
  return alone || policy_.reserve_output == 0 || reserved_ + promised(s) <= pool_;
}

// Tokens of a preempted sequence whose pages nobody has taken since: an engine with a prefix cache
// leaves the hash of a page on it until it is taken, and frees a sequence's last page first.
std::int64_t Replica::found_again(const Slot& s) const noexcept {
  if (!policy_.prefix_cache || s.kept == 0) return 0;
  return std::max<std::int64_t>(0, s.kept - std::max<std::int64_t>(0, taken_ - s.kept_until)) *
         policy_.block_tokens;
}

// What a sequence would take of the pool, and whether there is room for it.
Replica::Wanted Replica::wanted(const Slot& s) {
  Wanted w;
  w.pages = pages_of(s.job, s.prompt);
  const workload::BlockList& blocks = s.job.blocks;
  if (cache_ && blocks.size > 0) {
    // Whole blocks of the prompt are shared with whoever has the same.
    w.whole = std::min(s.job.input / blocks.block_tokens, blocks.size);
    w.found = cache_->match(blocks, w.whole);
    cache_pages_ = blocks_of(blocks.block_tokens);
  }
  // A sequence that comes with its KV decodes in this very step, and may need a page for that.
  const bool decodes_now = s.swapped || s.job.first_s >= 0;
  const std::int64_t own = decodes_now && s.prompt % policy_.block_tokens == 0 ? 1 : 0;
  w.fits = may_admit(s, w.pages + own - (w.found.blocks - w.found.idle) * cache_pages_);
  return w;
}

bool Replica::admit(std::uint32_t slot) {
  Slot& s = slots_[slot];
  const Wanted w = wanted(s);
  if (!w.fits) return false;
  const std::int64_t pages = w.pages;
  const PrefixCache::Found& found = w.found;
  const std::int32_t whole = w.whole;
  const workload::BlockList& blocks = s.job.blocks;
  for (std::int32_t i = 0; i < whole; ++i)
    cache_->hold(blocks[i]);
  const auto again = static_cast<std::int32_t>(std::min<std::int64_t>(found_again(s), s.prompt));
  s.shared = whole;
  take(pages - whole * cache_pages_);
  taken_ -= again / policy_.block_tokens;
  s.kept = 0;
  // The last token is always computed, since it gives the first token of the answer.
  const std::int32_t known =
      std::min(std::max(found.blocks * blocks.block_tokens, again), s.prompt - 1);
  s.ready = std::max(known, std::min(s.job.loaded, s.prompt - 1));
  if (s.preemptions == 0) s.cached = s.ready;
  totals_.cached_tokens += s.ready;
  reserved_ += promised(s);
  contiguous_tokens_ += s.job.input + s.job.output;
  if (s.admitted_s < 0) s.admitted_s = now_s_;
  s.order = ++orders_;
  return true;
}

bool Replica::build_prefill() {
  const bool mixed = policy_.batching == Batching::mixed;
  const bool fixed = policy_.batching == Batching::fixed;
  const bool preempted = preempted_;
  preempted_ = false;
  const std::int64_t on_rank =
      mixed ? (decoding_ + spec_.dp - 1) / spec_.dp * policy_.decode_tokens : 0;
  room_ = fixed ? std::int64_t{1} << 40 : std::max<std::int64_t>(0, policy_.token_budget - on_rank);
  chunks_.clear();
  std::fill(rank_tokens_.begin(), rank_tokens_.end(), 0);
  std::fill(rank_attention_.begin(), rank_attention_.end(), 0.0);
  for (const std::uint32_t slot : prefilling_)
    add_chunk(slot);

  if (running() >= slots_max_ || preempted) {
    blocked_ = running() >= slots_max_;
    return !chunks_.empty();
  }
  if (fixed && running() > 0) {
    blocked_ = true;
    return false;
  }
  const bool poll = policy_.poll_steps <= 1 || decoding_ == 0 || ticks_ % policy_.poll_steps == 0;
  if (waiting_.empty() || !poll || gate_s() > now_s_) return !chunks_.empty();
  if (policy_.wait_steps > 0 && running() > 0 && !wanted(slots_[waiting_.front()]).fits) {
    blocked_ = true; // no clock runs for what could not be let in
    return !chunks_.empty();
  }
  if (batch_waits()) return !chunks_.empty();
  while (!waiting_.empty() && running() < slots_max_) {
    if (policy_.max_prompts > 0 && static_cast<int>(chunks_.size()) >= policy_.max_prompts) break;
    const std::uint32_t slot = waiting_.front();
    Slot& s = slots_[slot];
    if (!visible(s)) break;
    const bool has_kv = s.swapped || s.job.first_s >= 0;
    if (!has_kv) {
      const std::int64_t room = room_ - *std::min_element(rank_tokens_.begin(), rank_tokens_.end());
      if (room <= 0 || (!policy_.chunked && s.prompt > room && !chunks_.empty())) break;
    }
    if (!admit(slot)) {
      blocked_ = true;
      break;
    }
    waiting_.pop_front();
    wait_from_ = enough_from_ = -1;
    if (!has_kv) {
      prefilling_.push_back(slot);
      add_chunk(slot);
      continue;
    }
    if (s.swapped) {
      s.swapped = false;
      swap_us_ += s.prompt * spec_.kv_bytes_per_token / spec_.swap_bytes_per_s * 1e6;
    } else {
      s.first_s = s.job.first_s;
      s.emitted = 1;
      s.job.first_s = -1; // a preemption computes it again
    }
    join(slot);
  }
  if (running() >= slots_max_) blocked_ = true;
  return !chunks_.empty();
}

// The next part of a prompt goes to the attention rank with the least prefill work.
bool Replica::add_chunk(std::uint32_t slot) {
  Slot& s = slots_[slot];
  const auto least = std::min_element(rank_tokens_.begin(), rank_tokens_.end());
  const std::int64_t left = s.prompt - s.ready;
  const std::int64_t tokens = policy_.chunked ? std::min(left, room_ - *least) : left;
  if (tokens <= 0) return false;
  *least += tokens;
  rank_attention_[static_cast<std::size_t>(least - rank_tokens_.begin())] +=
      timer_.chunk_attention_us(tokens, s.ready);
  chunks_.push_back({slot, static_cast<std::int32_t>(tokens)});
  return true;
}

void Replica::plan_prefill() {
  PrefillWork work;
  for (const std::int64_t tokens : rank_tokens_)
    work.tokens += tokens;
  work.busiest_tokens = *std::max_element(rank_tokens_.begin(), rank_tokens_.end());
  work.attention_us = *std::max_element(rank_attention_.begin(), rank_attention_.end());
  work.prompts = static_cast<int>(chunks_.size());
  const std::int64_t beside = policy_.batching == Batching::mixed ? decoding_ : 0;
  const double us = timer_.prefill_us(beside, mean_length(), beside > 0 ? skew() : 0, work);
  pending_ = Pending::prefill;
  steps_ = 1;
  end_s_ = now_s_ + (us + swap_us_) * 1e-6;
}

void Replica::plan_decode() {
  std::int64_t steps = finishes_.front().tick - ticks_;
  const double mean = mean_length();
  const double extra = skew();
  const double grown = policy_.tokens_per_step;
  if (policy_.batching != Batching::fixed) {
    // As many as the free pages allow. Most often a bound that costs nothing shows that all do.
    const std::int64_t free = pool_ - used();
    const double tokens = grown * static_cast<double>(steps) + 1;
    const double most = static_cast<double>(decoding_) * (tokens / policy_.block_tokens + 1);
    if (most > static_cast<double>(free)) {
      std::int64_t good = 1; // make_room() saw to it
      std::int64_t bad = steps + 1;
      while (bad - good > 1) {
        const std::int64_t middle = good + (bad - good) / 2;
        (growth(middle) <= free ? good : bad) = middle;
      }
      steps = good;
    }
  }
  if (!waiting_.empty() && !blocked_) {
    const double gate = gate_s();
    if (policy_.poll_steps > 1)
      steps = std::min(steps, policy_.poll_steps - ticks_ % policy_.poll_steps);
    if (wait_from_ >= 0) {
      const std::int64_t until = enough_from_ >= 0 ? enough_from_ + policy_.batching_wait_steps
                                                   : wait_from_ + policy_.wait_steps;
      steps = std::min(steps, std::max<std::int64_t>(1, until - ticks_));
    }
    if (gate > now_s_)
      steps = timer_.steps_within(decoding_, mean, extra, grown, steps, (gate - now_s_) * 1e6);
    else if (!visible(slots_[waiting_.front()]) || !visible(slots_[waiting_.back()]) ||
             (policy_.poll_steps <= 1 && wait_from_ < 0))
      steps = 1;
  }
  if (!spec_.jump) steps = 1;
  pending_ = Pending::decode;
  steps_ = steps;
  end_s_ = now_s_ + (timer_.run_us(decoding_, mean, extra, grown, steps) + swap_us_) * 1e-6;
}

} // namespace dsk::sim
