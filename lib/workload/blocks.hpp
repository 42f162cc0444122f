// The prefix of a request as a list of block hashes: equal hashes stand for equal tokens behind
// equal prefixes.
#pragma once

#include <cstdint>

namespace dsk::workload {

/// Either a stored list (traces) or a rule (synthetic sessions); a value, cheap to copy.
struct BlockList {
  const std::uint64_t* stored = nullptr; // owned by the trace
  std::uint64_t group = 0;               // rule: the first group_blocks are shared by a group, ...
  std::uint64_t session = 0;             // ... those behind them by a session
  std::int32_t group_blocks = 0;
  std::int32_t size = 0;
  std::int32_t block_tokens = 0; // tokens of one block

  std::uint64_t operator[](std::int32_t i) const noexcept {
    if (stored) return stored[i];
    std::uint64_t h = (i < group_blocks ? group : session) + static_cast<std::uint64_t>(i) + 1;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u; // splitmix64's finaliser
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return h ^ (h >> 31);
  }
};

} // namespace dsk::workload
