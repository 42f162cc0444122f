// Pages of known prefixes: found by the hash of a block, held while a sequence uses them, then kept
// in order of last use until the pool needs the room. Every operation takes constant time a block,
// whatever the size of the pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "workload/blocks.hpp"

namespace dsk::sim {

class PrefixCache {
public:
  PrefixCache();

  struct Found {
    std::int32_t blocks = 0; // leading ones that are present
    std::int32_t idle = 0;   // of them those that no sequence holds
  };
  bool has(std::uint64_t block) const noexcept { return find(block) != none; }
  Found match(const workload::BlockList& blocks, std::int32_t count) const noexcept;

  /// One more holder of a block, which is added when it is not present.
  void hold(std::uint64_t block);
  /// One holder less; the last one leaves it idle, as the most recently used.
  void release(std::uint64_t block);
  /// Drops the idle block that was used least recently, if there is one.
  std::optional<std::uint64_t> evict();

  std::size_t held() const noexcept { return size_ - idle_; }
  std::size_t idle() const noexcept { return idle_; }

private:
  struct Entry {
    std::uint64_t block = 0;
    std::uint32_t holders = 0;
    std::uint32_t newer = none; // in the list of idle entries
    std::uint32_t older = none;
  };
  static constexpr std::uint32_t none = 0xffffffff;

  std::size_t place_of(std::uint64_t block) const noexcept;
  std::uint32_t find(std::uint64_t block) const noexcept;
  void grow();
  void erase_place(std::size_t place) noexcept;
  void unlink(std::uint32_t entry) noexcept;

  std::vector<std::uint32_t> places_; // open addressing, linear probing; holds entry numbers
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
  std::size_t idle_ = 0;
  std::uint32_t newest_ = none;
  std::uint32_t oldest_ = none;
};

} // namespace dsk::sim
