// Time of one kernel on one device. Every kernel has a law,
//     time = launch + (C^p + M^p)^(1/p),  M = bytes / (m bandwidth),
//     C = flops / c (1.05 / peak + 1 / (953 flop/byte bandwidth)),
// and, where something like it was measured, a residual ln(measured / law) that is interpolated
// between the measured sizes. The law carries the residual to sizes and devices without a table.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "catalog/device.hpp"
#include "perf/attention.hpp"
#include "perf/tables.hpp"

namespace dsk::perf {

/// Where a kernel's time comes from, best first.
enum class Origin : std::uint8_t {
  measured,     // this very kernel and size
  interpolated, // between measured sizes of the same kernel on the same device
  transferred,  // measured on another device or in another format, carried over by the datasheets
  roofline      // datasheet and law alone
};
const char* origin_name(Origin origin);

struct KernelTime {
  double us = 0;
  double launch_us = 0; // the part that does not shrink with the work
  double error = 0;     // half width of the 90 % interval in natural-log units
  bool compute_bound = false;
  bool calibrated = false; // rests on a measurement of the user's calibration
  Origin origin = Origin::roofline;
};

/// What a device offers, from its datasheet. For a collective `bytes_per_us` is the link's.
struct Rates {
  double bytes_per_us = 1;
  std::array<double, element_count> flops_per_us{};
  double link_bytes_per_us = 1;
  std::string_view name;
  std::string_view family;
  std::shared_ptr<const Calibration> calibration; // measured on the user's own device; or none
  double product_factor = 1; // on arithmetic: of units that sum slower than they can be fed
  double compute_factor = 1; // on arithmetic and memory traffic, from runs of an engine
  double memory_factor = 1;
  double launch_delta_us = 0; // what a kernel's launch takes more than on the devices of the laws
};
/// Full rate of the scale-up link, one way: of the datasheet, or what a datasheet would have to say
/// for the copies between devices that a calibration holds.
double link_bytes_per_us(const Device& device);
/// What a kernel in a graph takes more than on this project's reference, an H200: 1.166 us, and
/// 0.704 us with programmatic launches (docs/results/2026-11-24-h200-probes.md). 0 when the
/// calibration has none.
double launch_delta_us(const Device& device, bool programmatic);
Rates rates_of(const Device& device);
Rates rates_of(Device&&) = delete; // the names are views into the device
Rates rates_of(const FactDevice& device);

/// The law of one class of kernels: the same on every device, so that a residual can move.
struct KernelLaw {
  double launch_us = 0;
  double compute_share = 1;  // c: of what the operand-feed law gives
  double memory_share = 0.8; // of the datasheet's bandwidth
  double sharpness = 2;      // p: 2 where compute and memory overlap poorly, more where well
  double error = 0.5;        // 90 % half width of the bare law

  KernelTime at(const Work& work, double flops_per_us, double bytes_per_us) const;
};
KernelLaw law_of(KernelOp op);

/// A kernel by what fixes its time beside the two axes of its table.
struct KernelSpec {
  KernelOp op = KernelOp::gemm;
  Precision type = Precision::bf16;
  Precision kv = Precision::bf16;
  std::string_view engine; // whose kernel is wanted, e.g. "vllm"; another's serves when it has none
  std::string_view kernel; // "" = any
  std::string_view variant; // "" = any
  Sizes size{};
};

/// Work of the kernel at table coordinates (a, b), in closed form: what its law is applied to.
/// Collectives: bytes are those that one device sends over the link.
Work kernel_work(const KernelSpec& spec, double a, double b);

/// Time of the kernel's closed-form work at the datasheet's full rates; collectives over the link.
double speed_of_light_us(const Rates& rates, const KernelSpec& spec, double a, double b);

/// Names of the kernels that the tables know for the spec's operator and type, each once; an engine
/// runs the fastest of those that do the same.
std::vector<std::string_view> kernel_names(const KernelSpec& spec);

/// What a hold-out test must not see.
struct Exclusion {
  bool shape = false;      // the rows of the spec's own sizes, on every device
  bool beyond = false;     // also shapes as large where the spec is the largest
  std::string_view family; // every table of this device family
  std::string_view device; // every table of this device
};

/// Prepared residuals of one kernel on one device.
class KernelTimer {
public:
  KernelTimer() = default;
  KernelTimer(const Rates& rates, const KernelSpec& spec, const Exclusion& exclusion = {});
  /// The bare law, for kernels that no table is like.
  static KernelTimer law_only(const Rates& rates, const KernelSpec& spec, const KernelLaw& law);

  /// Time for `work` with the residual at table coordinates (a, b).
  KernelTime at(const Work& work, double a, double b) const;
  /// The law alone, without residual.
  KernelTime law(const Work& work) const {
    KernelTime time = plain_law({work.flops * compute_factor_, work.bytes * memory_factor_});
    time.calibrated = calibrated_;
    return time;
  }
  /// What the law is multiplied by at (a, b), with the half width and the origin of that.
  struct Factor {
    double value = 1;
    double error = 0;
    Origin origin = Origin::roofline;
    bool calibrated = false;
  };
  Factor factor(double a, double b) const;
  /// Time of the spec itself at (a, b).
  KernelTime at(double a, double b) const { return at(kernel_work(spec_, a, b), a, b); }
  Origin origin() const { return origin_; }
  /// A table of this device holds these very sizes.
  bool exact() const { return exact_; }
  /// Table that serves it, or nullptr.
  const FactTable* table() const { return table_; }

private:
  struct Residual {
    double value = 0;
    double error = 0;
    bool on_point = false;
  };
  Residual residual(double a, double b) const;
  void use(const FactTable& table, const Rates& source, double weight, const Exclusion& exclusion);
  double carried(double residual, const Work& work, double flops_per_us, double bytes_per_us) const;
  void widen(const Widths& transfer);
  void use_factors(const Rates& rates);
  void use_measured_rates(const Rates& rates);

  KernelTime plain_law(const Work& work) const {
    return law_.at({work.flops * unpacking_, work.bytes}, flops_per_us_, bytes_per_us_);
  }
  Factor calibrated_factor(double a, double b) const;

  KernelSpec spec_;
  std::shared_ptr<const Calibration> calibration_; // set when it knows this kind of product
  KernelLaw law_;
  double flops_per_us_ = 1;
  double bytes_per_us_ = 1;
  double compute_factor_ = 1;
  double memory_factor_ = 1;
  bool calibrated_ = false; // rates or launches of a calibration stand in the law
  double unpacking_ = 1;    // what turning packed weights into operands adds to the arithmetic
  Origin origin_ = Origin::roofline;
  bool kin_ = false; // transferred within one architecture
  bool exact_ = false;
  const FactTable* table_ = nullptr;
  std::vector<double> a_; // ln of the axis values
  std::vector<double> b_;
  std::vector<float> grid_;   // residuals, a-major
  std::vector<float> errors_; // half widths, a-major
};

} // namespace dsk::perf
