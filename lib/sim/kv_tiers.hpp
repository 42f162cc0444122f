// Colder places for the prefix blocks that leave device memory: host memory, NVMe, network storage.
// A block that a tier has no room for goes on to the next; a request that finds its prefix there
// loads it, when that is faster than computing it again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/prefix_cache.hpp"
#include "sim/shared_link.hpp"

namespace dsk::sim {

struct TierSpec {
  std::string name;
  double capacity_bytes = 0;
  double bytes_per_s = 0;
  double latency_s = 0;
};

class KvTiers {
public:
  KvTiers(const std::vector<TierSpec>& specs, double block_bytes);

  bool empty() const noexcept { return tiers_.empty(); }
  /// A block has left device memory.
  void put(std::uint64_t block);

  struct Found {
    std::int32_t blocks = 0;        // that follow `first` and lie in some tier
    std::vector<double> tier_bytes; // what each tier would have to send
  };
  Found find(const workload::BlockList& blocks, std::int32_t first, std::int32_t count) const;
  /// Time of loading it now, every tier sending its part at once.
  double estimate_s(const Found& found) const noexcept;
  /// Begins the load of `id`, which ends when each tier has sent its part.
  void load(std::uint64_t id, const Found& found, double now_s);
  double next_s() const noexcept;
  /// Ends one tier's part; true with `id` when it was the last one of its load.
  bool finish(std::uint64_t& id);

  struct Totals {
    std::int64_t blocks_in = 0;
    std::int64_t blocks_out = 0; // dropped behind the last tier
    std::int64_t loads = 0;
    double bytes_loaded = 0;
  };
  const Totals& totals() const noexcept { return totals_; }

private:
  struct Tier {
    std::int64_t capacity_blocks = 0;
    PrefixCache blocks;
    SharedLink link;
  };
  std::vector<Tier> tiers_;
  std::vector<std::pair<std::uint64_t, int>> open_; // loads under way and their unfinished parts
  double block_bytes_;
  Totals totals_;
};

} // namespace dsk::sim
