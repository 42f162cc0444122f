#include "perf/collectives.hpp"

#include <algorithm>
#include <cmath>

namespace dsk::perf {

Group group_of(const Device& device, int ranks, int stride) {
  const int reach = std::max(1, device.scale_up.domain) / std::max(1, stride);
  return {ranks, std::clamp(reach, 1, ranks)};
}

namespace {

// Ranks that receive one token's row when its experts lie on `ranks` ranks at random.
double receivers(double ranks, double top_k) {
  return ranks <= 1 ? 0 : ranks * (1 - std::pow(1 - 1 / ranks, top_k));
}

} // namespace

Traffic collective_traffic(const CollectiveOp& op, const Group& group, double rows) {
  using Kind = CollectiveOp::Kind;
  const double bytes = rows * op.bytes_per_row;
  const double n = group.ranks;
  const double local = group.local;
  const double domains = group.domains();
  if (n <= 1) return {};
  Traffic traffic;
  switch (op.kind) {
  case Kind::all_reduce:
    // Within a domain: reduce-scatter and all-gather. Between domains: an all-reduce of each shard.
    traffic.scale_up = 2 * bytes * (local - 1) / local;
    traffic.scale_out = 2 * (bytes / local) * (domains - 1) / domains;
    break;
  case Kind::all_gather:
  case Kind::reduce_scatter:
    traffic.scale_up = bytes * (local - 1) / local;
    traffic.scale_out = (bytes / local) * (domains - 1) / domains;
    break;
  case Kind::dispatch:
  case Kind::combine: {
    // A token leaves a domain once for each foreign domain that needs it and fans out there.
    const double all = receivers(n, op.top_k);
    traffic.scale_up = bytes * all * (local - 1) / std::max(1.0, n - 1);
    traffic.scale_out =
        domains > 1 ? bytes * receivers(domains, op.top_k) * (domains - 1) / domains : 0;
    break;
  }
  case Kind::send:
    (group.domains() > 1 ? traffic.scale_out : traffic.scale_up) = bytes;
    break;
  }
  return traffic;
}

// Bus rates of large messages over the datasheet's one-direction rate: 0.75 for 8 ranks (0.70-0.78
// for all-gather, reduce-scatter and all-to-all on A100, H100, H200 and B200; all-reduce on Hopper
// reaches 1.0 because the switch reduces). Fixed times: 5 us for a custom all-reduce in a CUDA
// graph, 8 us for all-to-all, 15 us for NCCL rings of 8 (aiconfigurator 095f58a5, 2026-08-21).
CollectiveTimer::CollectiveTimer(const Device& device, const Engine&, const CollectiveOp& op)
    : op_(op), group_(group_of(device, op.ranks, op.stride)) {
  using Kind = CollectiveOp::Kind;
  const bool nvlink = device.scale_up.kind.rfind("nvlink", 0) == 0;
  double share = nvlink ? 0.75 : 0.65;
  up_latency_us_ = nvlink ? 10 : 20;
  if (op.kind == Kind::all_reduce && nvlink) {
    up_latency_us_ = 4.5;
    share = device.family == "hopper" ? 1.0 : 0.76;
  } else if (op.kind == Kind::dispatch || op.kind == Kind::combine) {
    up_latency_us_ = 12;
  } else if (op.kind == Kind::send) {
    up_latency_us_ = 10;
  }
  up_bytes_per_us_ = std::max(1.0, device.scale_up.bandwidth_gbs) * 1e3 * share;
  out_bytes_per_us_ = std::max(1.0, device.scale_out.bandwidth_gbs) * 1e3 * 0.8;
  out_latency_us_ = std::max(10.0, device.scale_out.latency_us * 2);
}

CollectiveTime CollectiveTimer::at(double rows) const {
  CollectiveTime time;
  if (group_.ranks <= 1 || rows <= 0) return time;
  const Traffic traffic = collective_traffic(op_, group_, rows);
  time.error = 0.35;
  if (group_.local > 1) {
    time.launch_us = up_latency_us_;
    time.scale_up_us = up_latency_us_ + traffic.scale_up / up_bytes_per_us_;
  }
  if (group_.domains() > 1) {
    const double hops = std::ceil(std::log2(static_cast<double>(group_.domains())));
    time.launch_us += out_latency_us_ * hops;
    time.scale_out_us = out_latency_us_ * hops + traffic.scale_out / out_bytes_per_us_;
    time.error = 0.5;
  }
  time.us = time.scale_up_us + time.scale_out_us;
  return time;
}

} // namespace dsk::perf
