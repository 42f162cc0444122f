#include "sim/prefix_cache.hpp"

namespace dsk::sim {

PrefixCache::PrefixCache() : places_(1024, none) {}

std::size_t PrefixCache::place_of(std::uint64_t block) const noexcept {
  std::uint64_t h = block * 0x9E3779B97F4A7C15u;
  h ^= h >> 32;
  return static_cast<std::size_t>(h) & (places_.size() - 1);
}

std::uint32_t PrefixCache::find(std::uint64_t block) const noexcept {
  for (std::size_t at = place_of(block);; at = (at + 1) & (places_.size() - 1)) {
    const std::uint32_t entry = places_[at];
    if (entry == none || entries_[entry].block == block) return entry;
  }
}

PrefixCache::Found PrefixCache::match(const workload::BlockList& blocks,
                                      std::int32_t count) const noexcept {
  Found found;
  for (; found.blocks < count; ++found.blocks) {
    const std::uint32_t entry = find(blocks[found.blocks]);
    if (entry == none) break;
    found.idle += entries_[entry].holders == 0;
  }
  return found;
}

void PrefixCache::grow() {
  places_.assign(places_.size() * 2, none);
  for (std::uint32_t e = 0; e < entries_.size(); ++e) {
    std::size_t at = place_of(entries_[e].block);
    while (places_[at] != none)
      at = (at + 1) & (places_.size() - 1);
    places_[at] = e;
  }
}

void PrefixCache::hold(std::uint64_t block) {
  std::uint32_t entry = find(block);
  if (entry == none) {
    if (!free_.empty()) {
      entry = free_.back();
      free_.pop_back();
    } else {
      if (2 * (entries_.size() + 1) > places_.size()) grow(); // no free entries: all are placed
      entry = static_cast<std::uint32_t>(entries_.size());
      entries_.emplace_back();
    }
    entries_[entry] = {block, 1, none, none};
    std::size_t at = place_of(block);
    while (places_[at] != none)
      at = (at + 1) & (places_.size() - 1);
    places_[at] = entry;
    ++size_;
    return;
  }
  if (entries_[entry].holders++ == 0) unlink(entry);
}

void PrefixCache::unlink(std::uint32_t entry) noexcept {
  const Entry& e = entries_[entry];
  (e.newer == none ? newest_ : entries_[e.newer].older) = e.older;
  (e.older == none ? oldest_ : entries_[e.older].newer) = e.newer;
  --idle_;
}

void PrefixCache::release(std::uint64_t block) {
  const std::uint32_t entry = find(block);
  Entry& e = entries_[entry];
  if (--e.holders > 0) return;
  e.older = newest_;
  e.newer = none;
  (newest_ == none ? oldest_ : entries_[newest_].newer) = entry;
  newest_ = entry;
  ++idle_;
}

std::optional<std::uint64_t> PrefixCache::evict() {
  if (oldest_ == none) return std::nullopt;
  const std::uint32_t entry = oldest_;
  const std::uint64_t block = entries_[entry].block;
  unlink(entry);
  std::size_t at = place_of(block);
  while (places_[at] != entry)
    at = (at + 1) & (places_.size() - 1);
  erase_place(at);
  free_.push_back(entry);
  --size_;
  return block;
}

void PrefixCache::erase_place(std::size_t hole) noexcept {
  // Moves later members of the probe run back, so that no search ends too early.
  const std::size_t mask = places_.size() - 1;
  for (std::size_t at = (hole + 1) & mask; places_[at] != none; at = (at + 1) & mask) {
    const std::size_t home = place_of(entries_[places_[at]].block);
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      places_[hole] = places_[at];
      hole = at;
    }
  }
  places_[hole] = none;
}

} // namespace dsk::sim
