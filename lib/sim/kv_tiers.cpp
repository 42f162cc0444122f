#include "sim/kv_tiers.hpp"

#include <algorithm>

namespace dsk::sim {

KvTiers::KvTiers(const std::vector<TierSpec>& specs, double block_bytes)
    : block_bytes_(block_bytes) {
  for (const TierSpec& spec : specs)
    tiers_.push_back({static_cast<std::int64_t>(spec.capacity_bytes / block_bytes),
                      {},
                      SharedLink(spec.bytes_per_s, spec.latency_s)});
}

void KvTiers::put(std::uint64_t block) {
  ++totals_.blocks_in;
  for (Tier& tier : tiers_) {
    if (tier.capacity_blocks == 0) continue;
    // Holding and releasing makes it the most recently used, whether it was there or not.
    tier.blocks.hold(block);
    tier.blocks.release(block);
    if (static_cast<std::int64_t>(tier.blocks.idle()) <= tier.capacity_blocks) return;
    block = *tier.blocks.evict();
  }
  ++totals_.blocks_out;
}

KvTiers::Found KvTiers::find(const workload::BlockList& blocks, std::int32_t first,
                             std::int32_t count) const {
  Found found;
  found.tier_bytes.assign(tiers_.size(), 0);
  for (std::int32_t i = first; i < count; ++i) {
    std::size_t at = 0;
    while (at < tiers_.size() && !tiers_[at].blocks.has(blocks[i]))
      ++at;
    if (at == tiers_.size()) break;
    found.tier_bytes[at] += block_bytes_;
    ++found.blocks;
  }
  return found;
}

double KvTiers::estimate_s(const Found& found) const noexcept {
  double longest = 0;
  for (std::size_t i = 0; i < tiers_.size(); ++i)
    if (found.tier_bytes[i] > 0)
      longest = std::max(longest, tiers_[i].link.estimate_s(found.tier_bytes[i]));
  return longest;
}

void KvTiers::load(std::uint64_t id, const Found& found, double now_s) {
  int parts = 0;
  for (std::size_t i = 0; i < tiers_.size(); ++i)
    if (found.tier_bytes[i] > 0) {
      tiers_[i].link.start(id, found.tier_bytes[i], now_s);
      totals_.bytes_loaded += found.tier_bytes[i];
      ++parts;
    }
  open_.emplace_back(id, parts);
  ++totals_.loads;
}

double KvTiers::next_s() const noexcept {
  double next = std::numeric_limits<double>::infinity();
  for (const Tier& tier : tiers_)
    next = std::min(next, tier.link.next_s());
  return next;
}

bool KvTiers::finish(std::uint64_t& id) {
  auto first = tiers_.begin();
  for (auto tier = tiers_.begin(); tier != tiers_.end(); ++tier)
    if (tier->link.next_s() < first->link.next_s()) first = tier;
  id = first->link.finish();
  const auto load = std::find_if(open_.begin(), open_.end(),
                                 [&](const auto& entry) { return entry.first == id; });
  if (--load->second > 0) return false;
  *load = open_.back();
  open_.pop_back();
  return true;
}

} // namespace dsk::sim
