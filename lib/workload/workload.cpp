#include "workload/workload.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::workload {
namespace {

constexpr std::uint32_t lengths_stream = 2;
constexpr std::uint32_t think_stream = 3;

} // namespace

Workload::Workload(WorkloadSpec spec)
    : spec_(std::move(spec)), lengths_(spec_.seed, lengths_stream),
      think_(spec_.seed, think_stream),
      requests_(spec_.trace ? static_cast<std::int64_t>(spec_.trace->rows.size())
                            : spec_.requests) {}

Request Workload::request(std::int64_t index) const noexcept {
  Request r;
  if (spec_.trace) {
    const TraceRow& row = spec_.trace->rows[static_cast<std::size_t>(index)];
    r.input = row.input;
    r.output = row.output;
    if (row.blocks > 0) {
      r.blocks.stored = spec_.trace->blocks.data() + row.first_block;
      r.blocks.size = static_cast<std::int32_t>(row.blocks);
      r.blocks.block_tokens = spec_.trace->block_tokens;
    }
    return r;
  }
  const auto u = lengths_.uniform2(static_cast<std::uint64_t>(index));
  r.input = spec_.input.at(u[0]);
  r.output = spec_.output.at(u[1]);
  const Sessions& s = spec_.sessions;
  if (s.groups == 0 && s.turns == 1) return r;
  // Turn t of a session comes `parallel` requests after turn t - 1.
  const std::int64_t round = index / (s.parallel * s.turns);
  const std::int64_t session = round * s.parallel + index % s.parallel;
  const std::int64_t turn = index / s.parallel % s.turns;
  std::int64_t before = s.groups > 0 ? s.group_tokens : 0;
  for (std::int64_t t = 0; t < turn; ++t) {
    const auto v = lengths_.uniform2(
        static_cast<std::uint64_t>((round * s.turns + t) * s.parallel + index % s.parallel));
    before += spec_.input.at(v[0]) + spec_.output.at(v[1]);
  }
  r.input = static_cast<std::int32_t>(std::min<std::int64_t>(before + r.input, max_tokens));
  r.blocks.block_tokens = spec_.block_tokens;
  r.blocks.session = (static_cast<std::uint64_t>(session) + 1) << 32;
  if (s.groups > 0) {
    r.blocks.group = (static_cast<std::uint64_t>(session % s.groups) + 1) << 32 | std::uint64_t{1}
                                                                                      << 63;
    r.blocks.group_blocks = s.group_tokens / spec_.block_tokens;
  }
  // The answer's blocks too: the next turn finds them.
  r.blocks.size = (r.input + r.output) / spec_.block_tokens;
  return r;
}

double Workload::think_s(std::int64_t index) const noexcept {
  if (!spec_.closed || spec_.closed->think_s == 0) return 0;
  if (!spec_.closed->think_random) return spec_.closed->think_s;
  return exponential_quantile(think_.uniform2(static_cast<std::uint64_t>(index))[0],
                              spec_.closed->think_s);
}

} // namespace dsk::workload
