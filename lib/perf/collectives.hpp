// Communication of one step: who talks over which link, how much, and how long it takes.
#pragma once

#include <memory>
#include <vector>

#include "perf/ops.hpp"
#include "perf/ops_time.hpp"

namespace dsk::perf {

/// A group of ranks on the device's links: `local` of them reach each other over the scale-up link,
/// the rest over the scale-out link.
struct Group {
  int ranks = 1;
  int local = 1;
  int domains() const { return (ranks + local - 1) / local; }
};
/// The ranks are `stride` apart in the order tp, dp, pp.
Group group_of(const Device& device, int ranks, int stride = 1);

/// Bytes that one device sends for a message of `bytes` (the whole tensor of the operation), over
/// the scale-up link and over the scale-out link. All-reduce of S over n ranks: 2 S (n-1)/n.
struct Traffic {
  double scale_up = 0;
  double scale_out = 0;
};
Traffic collective_traffic(const CollectiveOp& op, const Group& group, double rows);

struct CollectiveTime {
  double us = 0;
  double launch_us = 0;
  double scale_up_us = 0; // launch included in whichever link the group needs
  double scale_out_us = 0;
  double error = 0;
  bool calibrated = false; // rests on a measurement of the user's calibration
  Origin origin = Origin::roofline;
};

/// Prepared for one collective of one deployment: measured kernels inside an NVLink domain, and the
/// datasheet of the links everywhere else. A calibration's all-reduces stand beside the engine's
/// own kernel, the faster one counts; its link rate moves every law and kernel of the domain.
class CollectiveTimer {
public:
  CollectiveTimer(const Device& device, const Engine& engine, const CollectiveOp& op);
  CollectiveTime at(double rows) const;
  /// By the datasheet of the links alone.
  CollectiveTime by_law(double rows) const;
  Traffic traffic(double rows) const { return collective_traffic(op_, group_, rows); }

private:
  void calibrate(const Device& device, bool nvlink);
  CollectiveTime by_curve(double rows) const;
  CollectiveTime by_table(double rows) const;

  CollectiveOp op_;
  Group group_;
  double up_bytes_per_us_ = 1;
  double out_bytes_per_us_ = 1;
  double up_latency_us_ = 0;
  double out_latency_us_ = 0;
  bool measured_ = false;
  double law_error_ = 0.35;
  bool calibrated_ = false; // the domain's rate is a calibration's
  std::shared_ptr<const Calibration> calibration_;
  std::vector<const CalibratedAllReduce*> curves_; // of calibration_, of the nearest widths
  KernelTimer timer_;
};

} // namespace dsk::perf
