#include "perf/collectives.hpp"

#include <algorithm>
#include <cmath>

#include "perf/moe.hpp"

namespace dsk::perf {

Group group_of(const Device& device, int ranks, int stride) {
  const int reach = std::max(1, device.scale_up.domain) / std::max(1, stride);
  return {ranks, std::clamp(reach, 1, ranks)};
}

namespace {

// Ranks (or domains) that receive one token's row when its experts lie on so many.
double receivers(const CollectiveOp& op, double ranks) {
  if (ranks <= 1) return 0;
  return ranks * pairs_on_rank({op.experts, op.top_k, op.groups, op.top_groups}, ranks).any;
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
    const double all = receivers(op, n);
    traffic.scale_up = bytes * all * (local - 1) / std::max(1.0, n - 1);
    traffic.scale_out = domains > 1 ? bytes * receivers(op, domains) * (domains - 1) / domains : 0;
    break;
  }
  case Kind::send:
    (group.domains() > 1 ? traffic.scale_out : traffic.scale_up) = bytes;
    break;
  }
  return traffic;
}

namespace {

// Streaming multiprocessors that a throughput-mode all-to-all is given bound what it moves: DeepEP
// with 20 of them dispatches 4,096 tokens in 494 us and combines in 996 us on one H200 node, and
// hardly faster on B200 (aiconfigurator 095f58a5, 2026-08-21).
constexpr double all_to_all_bytes_per_us = 270e3;
constexpr double all_to_all_launch_us = 25;

// Of the law's width when the rate of the link is measured: what is left is the share of it that
// the algorithm reaches. Assumed.
constexpr double error_rate_measured = 0.25;
constexpr double error_width = 0.10; // for each doubling between the measured width and this one

std::string_view all_reduce_tables(const Engine& engine) {
  return engine.kind == EngineKind::sglang         ? "sglang"
         : engine.kind == EngineKind::tensorrt_llm ? "trtllm"
                                                   : "vllm";
}

} // namespace

// Laws where no table applies. Share of the datasheet's one-direction rate that large messages
// reach: 0.75 over NVLink, 0.65 over PCIe (peer copies through the root complex), 0.8 over
// InfiniBand. Fixed times: 20 us for a ring over PCIe, 12 us for an all-to-all, twice the link's
// latency a hop between nodes.
CollectiveTimer::CollectiveTimer(const Device& device, const Engine& engine, const CollectiveOp& op)
    : op_(op), group_(group_of(device, op.ranks, op.stride)) {
  using Kind = CollectiveOp::Kind;
  const bool nvlink = device.scale_up.kind.rfind("nvlink", 0) == 0;
  up_latency_us_ = nvlink ? 10 : 20;
  up_bytes_per_us_ = link_bytes_per_us(device) * (nvlink ? 0.75 : 0.65);
  if (op.kind == Kind::dispatch || op.kind == Kind::combine) {
    up_latency_us_ = all_to_all_launch_us;
    up_bytes_per_us_ = std::min(up_bytes_per_us_, all_to_all_bytes_per_us);
  }
  out_bytes_per_us_ = std::max(1.0, device.scale_out.bandwidth_gbs) * 1e3 * 0.8;
  out_latency_us_ = std::max(10.0, device.scale_out.latency_us * 2);

  KernelSpec spec;
  spec.engine = "nccl";
  spec.size = {static_cast<double>(op.ranks)};
  switch (op.kind) {
  case Kind::all_reduce:
    spec.op = KernelOp::custom_allreduce;
    spec.engine = all_reduce_tables(engine);
    spec.variant = "graph";
    break;
  case Kind::all_gather:
    spec.op = KernelOp::nccl_all_gather;
    break;
  case Kind::reduce_scatter:
    spec.op = KernelOp::nccl_reduce_scatter;
    break;
  case Kind::dispatch:
  case Kind::combine:
    spec.op =
        op.kind == Kind::dispatch ? KernelOp::deepep_ll_dispatch : KernelOp::deepep_ll_combine;
    spec.engine = "sglang";
    spec.size = {op.bytes_per_row / (op.kind == Kind::dispatch ? 1 + 4.0 / 128 : 2), op.top_k,
                 op.experts, static_cast<double>(op.ranks)};
    break;
  case Kind::send:
    break;
  }
  if (group_.domains() > 1 || group_.ranks <= 1) return;
  if (nvlink && op.kind != Kind::send) {
    timer_ = KernelTimer(rates_of(device), spec);
    measured_ = timer_.origin() != Origin::roofline;
  }
  if (device.calibration) calibrate(device, nvlink);
}

// What a calibration says about the links of the domain.
void CollectiveTimer::calibrate(const Device& device, bool nvlink) {
  calibration_ = device.calibration;
  if (calibration_->peer_bytes_per_us > 0) {
    calibrated_ = true;
    law_error_ = op_.kind == CollectiveOp::Kind::send
                     ? std::max(0.05, calibration_->peer_error)
                     : std::hypot(error_rate_measured, calibration_->peer_error);
  }
  if (op_.kind != CollectiveOp::Kind::all_reduce) return;
  // This library's protocol stands for the engine's own kernel where that was not measured; engines
  // have none without peer access at full rate.
  const bool own = nvlink && timer_.origin() > Origin::interpolated;
  // Of each protocol the curve of the nearest width.
  for (const CalibratedAllReduce& curve : calibration_->all_reduces) {
    if (curve.by == "own" && !own) continue;
    const auto distance = [&](const CalibratedAllReduce& c) {
      return std::abs(std::log2(static_cast<double>(c.ranks) / group_.ranks));
    };
    const auto same = std::find_if(curves_.begin(), curves_.end(),
                                   [&](const auto* other) { return other->by == curve.by; });
    if (same == curves_.end())
      curves_.push_back(&curve);
    else if (distance(curve) < distance(**same))
      *same = &curve;
  }
}

// The fastest of the measured protocols, at the message of the measured width in which a device
// sends as much.
CollectiveTime CollectiveTimer::by_curve(double rows) const {
  CollectiveTime fastest;
  const double traffic = collective_traffic(op_, group_, rows).scale_up;
  for (const CalibratedAllReduce* curve : curves_) {
    const double bytes = traffic / curve->traffic(1);
    const double us = curve->us(bytes);
    if (fastest.us > 0 && us >= fastest.us) continue;
    const double widths = std::abs(std::log2(static_cast<double>(curve->ranks) / group_.ranks));
    const bool measured = widths == 0 && curve->measured(bytes);
    fastest.us = fastest.scale_up_us = us;
    fastest.launch_us = std::min(us, curve->latency_us);
    fastest.error = measured ? 0.03 : std::hypot(curve->error, error_width * widths);
    if (!curve->inside(bytes)) fastest.error = std::hypot(fastest.error, 0.2);
    fastest.origin = measured ? Origin::measured : Origin::interpolated;
    fastest.calibrated = true;
  }
  return fastest;
}

CollectiveTime CollectiveTimer::at(double rows) const {
  if (group_.ranks <= 1 || rows <= 0) return {};
  if (!curves_.empty()) {
    CollectiveTime curve = by_curve(rows);
    if (!measured_) return curve;
    const CollectiveTime own = by_table(rows);
    return own.us < curve.us ? own : curve;
  }
  return measured_ ? by_table(rows) : by_law(rows);
}

CollectiveTime CollectiveTimer::by_table(double rows) const {
  using Kind = CollectiveOp::Kind;
  const bool exchange = op_.kind == Kind::dispatch || op_.kind == Kind::combine;
  // The tables count elements of 2 bytes, or tokens.
  const KernelTime kernel = timer_.at(exchange ? rows : rows * op_.bytes_per_row / 2, 0);
  CollectiveTime time;
  time.us = time.scale_up_us = kernel.us;
  time.launch_us = kernel.launch_us;
  time.error = kernel.error;
  time.origin = kernel.origin;
  time.calibrated = kernel.calibrated;
  if (exchange) { // above some hundred tokens engines switch to the throughput kernels
    const CollectiveTime bulk = by_law(rows);
    if (bulk.us < time.us) return bulk;
  }
  return time;
}

CollectiveTime CollectiveTimer::by_law(double rows) const {
  const Traffic traffic = collective_traffic(op_, group_, rows);
  CollectiveTime time;
  time.error = law_error_;
  time.calibrated = calibrated_;
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
