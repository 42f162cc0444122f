#include "perf/ops_time.hpp"

#include <algorithm>
#include <cmath>

#include "perf/tables_rules.hpp"
#include "perf/tables_shapes.hpp"

namespace dsk::perf {

const char* origin_name(Origin origin) {
  static constexpr const char* names[] = {"measured", "interpolated", "transferred", "roofline"};
  return names[static_cast<std::size_t>(origin)];
}

// The share of the peak that large products reach falls with the peak's ratio to the memory
// bandwidth: 0.86 on A100, 0.79 and 0.60 on H100 (16 bit, fp8), 0.69 / 0.42 / 0.40 on B200, 0.61 /
// 0.46 on L40S, 0.29 for fp4 on B300 (aiconfigurator 095f58a5), 0.9 and more on H20 (InferSim
// f2293dab). One law gives all of them within a few points: time per operation is 1.05 / peak plus
// a feed of operands in proportion to the bandwidth, 953 operations a byte.
constexpr double peak_overhead = 1.05;
constexpr double feed_flops_per_byte = 953;

// Share of the datasheet's one-way rate that a lone message to another device reaches: 0.81 over
// NVLink 4 (ncclSend of 268 MB in 738 us, H100; microsoft/apex_plus 8769096), the same assumed over
// PCIe.
constexpr double lone_copy_share = 0.81;

double link_bytes_per_us(const Device& device) {
  if (device.calibration && device.calibration->peer_bytes_per_us > 0)
    return device.calibration->peer_bytes_per_us / lone_copy_share;
  return std::max(1.0, device.scale_up.bandwidth_gbs) * 1e3;
}

double launch_delta_us(const Device& device, bool programmatic) {
  if (!device.calibration) return 0;
  const CalibratedLaunch& launch = device.calibration->launch;
  if (programmatic && launch.programmatic_us > 0) return launch.programmatic_us - 0.704;
  return launch.in_graph_us > 0 ? launch.in_graph_us - 1.166 : 0;
}

Rates rates_of(const Device& device) {
  Rates rates;
  rates.bytes_per_us = device.bandwidth_gbs * 1e3;
  for (std::size_t i = 0; i < element_count; ++i)
    rates.flops_per_us[i] = device.dense_tflops[i] * 1e6;
  rates.link_bytes_per_us = link_bytes_per_us(device);
  rates.name = device.name;
  rates.family = device.family;
  rates.calibration = device.calibration;
  // GeForce cards sum in fp32 at half the rate that their matrix units can be fed at: the wait for
  // operands passes while they sum.
  if (const double full = device.fp16_sum_tflops * 1e6; full > 0) {
    const double peak = rates.flops_per_us[static_cast<std::size_t>(Element::fp16)];
    const double feed = 1 / (feed_flops_per_byte * rates.bytes_per_us);
    const double hidden = std::min(feed, 1 / peak - 1 / full);
    rates.product_factor = 1 - hidden / (peak_overhead / peak + feed);
  }
  rates.launch_delta_us = launch_delta_us(device, false);
  return rates;
}

Rates rates_of(const FactDevice& device) {
  Rates rates;
  rates.bytes_per_us = device.bytes_per_us;
  std::copy(std::begin(device.flops_per_us), std::end(device.flops_per_us),
            rates.flops_per_us.begin());
  rates.link_bytes_per_us = device.link_bytes_per_us;
  rates.name = device.name;
  rates.family = device.family;
  return rates;
}

namespace {

double us_per_flop(double flops_per_us, double bytes_per_us) {
  return peak_overhead / flops_per_us + 1 / (feed_flops_per_byte * bytes_per_us);
}

} // namespace

KernelTime KernelLaw::at(const Work& work, double flops_per_us, double bytes_per_us) const {
  const double compute = work.flops / compute_share * us_per_flop(flops_per_us, bytes_per_us);
  const double memory = work.bytes / (bytes_per_us * memory_share);
  KernelTime time;
  time.launch_us = launch_us;
  const double larger = std::max(compute, memory);
  if (larger > 0) {
    const double ratio = std::min(compute, memory) / larger;
    const double joined = sharpness == 2 ? std::sqrt(1 + ratio * ratio)
                                         : std::pow(1 + std::pow(ratio, sharpness), 1 / sharpness);
    time.us = larger * joined;
  }
  time.us += launch_us;
  time.error = error;
  time.compute_bound = compute > memory;
  return time;
}

// Launch: the floor of tiny kernels over all devices. Shares: round medians of the same tables.
KernelLaw law_of(KernelOp op) {
  switch (op) {
  case KernelOp::gemm:
    return {4, 1, 0.80, 2, 0.6};
  case KernelOp::generation_attention:
    return {7, 0.8, 0.80, 2, 0.6};
  case KernelOp::context_attention:
    return {8, 0.8, 0.80, 2, 0.6};
  case KernelOp::context_mla:
    return {10, 0.8, 0.80, 2, 0.6};
  case KernelOp::generation_mla:
    return {12, 0.9, 0.90, 6, 0.6};
  case KernelOp::moe:
    return {25, 0.9, 0.80, 2, 0.7};
  case KernelOp::custom_allreduce:
    return {6, 1, 0.80, 2, 0.6};
  case KernelOp::nccl_all_reduce:
  case KernelOp::nccl_all_gather:
  case KernelOp::nccl_reduce_scatter:
  case KernelOp::nccl_alltoall:
    return {10, 1, 0.80, 2, 0.6};
  case KernelOp::deepep_ll_dispatch:
  case KernelOp::deepep_ll_combine:
    return {14, 1, 0.60, 2, 0.7};
  }
  return {};
}

namespace {

// Share of the datasheet's bandwidth that reads reach: 0.94 on an H200
// (docs/results/2026-11-24-h200-probes.md).
constexpr double read_share = 0.94;

Element math_of(const KernelSpec& spec) {
  // Attention of an fp8 cache converts to 16 bit unless the kernel itself is fp8.
  return math_element(spec.type);
}

double peak_of(const Rates& rates, Element math) {
  const double peak = rates.flops_per_us[static_cast<std::size_t>(math)];
  return peak > 0 ? peak : rates.flops_per_us[static_cast<std::size_t>(Element::bf16)];
}

bool is_collective(KernelOp op) {
  return op >= KernelOp::custom_allreduce;
}

double cache_bytes(Precision kv) {
  return kv == Precision::bf16 ? 2 : 1;
}

double weight_bytes(Precision type) {
  switch (type) {
  case Precision::bf16:
    return 2;
  case Precision::fp8:
  case Precision::fp8_block:
  case Precision::int8:
    return 1;
  case Precision::nvfp4:
  case Precision::weight_only:
    break;
  }
  return 9.0 / 16;
}

double element_bytes_of_message(Precision type) {
  return type == Precision::int8 ? 1 : 2;
}

} // namespace

Work kernel_work(const KernelSpec& spec, double a, double b) {
  const auto& d = spec.size;
  switch (spec.op) {
  case KernelOp::gemm:
    return gemm_work(a, d[0], d[1], 1, d[0] * d[1] * weight_bytes(spec.type),
                     input_element_bytes(spec.type));
  case KernelOp::context_attention:
  case KernelOp::generation_attention: {
    AttentionShape shape;
    shape.heads = d[0];
    shape.kv_heads = d[1];
    shape.qk_dim = shape.v_dim = shape.prefill_qk_dim = shape.prefill_v_dim = d[2];
    shape.entry_bytes = 2 * d[2] * cache_bytes(spec.kv);
    return spec.op == KernelOp::context_attention ? a * prefill_attention_work(shape, b, 0)
                                                  : decode_attention_work(shape, a, b);
  }
  case KernelOp::context_mla:
  case KernelOp::generation_mla: {
    AttentionShape shape; // DeepSeek's widths: latent 512 + 64, heads of 128 + 64 and 128
    shape.kind = AttentionShape::Kind::latent;
    shape.heads = d[0];
    shape.kv_heads = 1;
    shape.qk_dim = 576;
    shape.v_dim = 512;
    shape.prefill_qk_dim = 192;
    shape.prefill_v_dim = 128;
    shape.entry_bytes = 576 * cache_bytes(spec.kv);
    return spec.op == KernelOp::context_mla
               ? a * prefill_attention_work(shape, b, 0)
               : padded_decode_work(shape, decode_attention_work(shape, a, b));
  }
  case KernelOp::moe: {
    const double tp = d[4];
    const double ep = d[5];
    const double local = a * d[2] / ep;
    // Balanced rows route to min(E, t k) experts; what is executed follows the engine's contract.
    const double hit = std::min(d[3] / ep, std::max(1.0, local));
    const double slots = executes_remote(spec.engine, spec.kernel) ? a * d[2] : local;
    return experts_work(slots, hit, d[0], d[1] / tp, 3 * d[0] * d[1] / tp * weight_bytes(spec.type),
                        input_element_bytes(spec.type));
  }
  case KernelOp::custom_allreduce:
  case KernelOp::nccl_all_reduce:
    return {0, a * element_bytes_of_message(spec.type) * 2 * (d[0] - 1) / d[0]};
  case KernelOp::nccl_all_gather:
  case KernelOp::nccl_reduce_scatter:
  case KernelOp::nccl_alltoall:
    return {0, a * element_bytes_of_message(spec.type) * (d[0] - 1) / d[0]};
  case KernelOp::deepep_ll_dispatch:
    return {0, a * d[1] * d[0] * (1 + 4.0 / 128) * (d[3] - 1) / d[3]};
  case KernelOp::deepep_ll_combine:
    return {0, a * d[1] * d[0] * 2 * (d[3] - 1) / d[3]};
  }
  return {};
}

namespace {

double speed_of_light_us(const Work& work, double flops_per_us, double bytes_per_us, KernelOp op) {
  // Reduction inside the switch halves what each device sends.
  if (is_collective(op)) return 0.5 * work.bytes / bytes_per_us;
  return std::max(work.flops / flops_per_us, work.bytes / bytes_per_us);
}

} // namespace

double speed_of_light_us(const Rates& rates, const KernelSpec& spec, double a, double b) {
  return speed_of_light_us(kernel_work(spec, a, b), peak_of(rates, math_of(spec)),
                           is_collective(spec.op) ? rates.link_bytes_per_us : rates.bytes_per_us,
                           spec.op);
}

namespace {

// How well a table serves a spec; below 0 not at all. A table that a rule calls an artefact serves
// only the engine that asked for it by name when nothing else does.
int score(const FactTable& table, const KernelSpec& spec) {
  int points = 0;
  if (table.type == spec.type) points += 32;
  if (table.kv == spec.kv) points += 16;
  if (!spec.kernel.empty() && table.kernel == spec.kernel) points += 8;
  if (table.engine == spec.engine) points += 4;
  if (spec.variant.empty() ? table.variant != "eager" : table.variant == spec.variant) points += 8;
  // An artefact is right for a row of its own kind only.
  const bool own = table.engine == spec.engine && table.kernel == spec.kernel;
  if (!own && is_artefact(table)) points -= 24;
  return points;
}

const FactTable* best_table(const KernelSpec& spec, std::size_t device, bool same_type) {
  const FactTable* best = nullptr;
  int most = -100;
  for (const FactTable& table : fact_tables()) {
    if (table.op != spec.op || table.device != device) continue;
    if (same_type && (table.type != spec.type || (!is_collective(spec.op) && table.kv != spec.kv)))
      continue;
    if (const int points = score(table, spec); points > most) {
      most = points;
      best = &table;
    }
  }
  return best;
}

} // namespace

std::vector<std::string_view> kernel_names(const KernelSpec& spec) {
  std::vector<std::string_view> names;
  for (const FactTable& table : fact_tables())
    if (table.op == spec.op && table.type == spec.type && table.variant == spec.variant &&
        std::find(names.begin(), names.end(), table.kernel) == names.end())
      names.push_back(table.kernel);
  return names;
}

namespace {

KernelSpec as_measured(const KernelSpec& spec, const FactTable& table) {
  KernelSpec measured = spec;
  measured.engine = table.engine;
  measured.kernel = table.kernel;
  measured.type = table.type;
  measured.kv = table.kv;
  return measured;
}

// The 16-bit table of a device stands in for formats that it lacks.
KernelSpec other_format(KernelSpec spec) {
  spec.type = Precision::bf16;
  spec.kv = Precision::bf16;
  return spec;
}

// Families whose multiprocessors are the same but for rates and memory: one's kernels are the
// other's.
std::string_view architecture(std::string_view family) {
  return family == "blackwell-ultra" ? "blackwell" : family;
}

// Packed weights that are multiplied in 16 bit are unpacked in registers on the way to the tensor
// cores, which only the older instructions allow: those reach Ampere's and Ada's peak, and half of
// Hopper's, whose own instructions take operands from shared memory. gpt-oss prompts on Hopper ran
// at 0.22 and 0.35 of the 16-bit peak (vLLM, TensorRT-LLM; InferenceX to 2026-08), half of what
// 16-bit experts reach. No table holds such kernels.
double unpacking(std::string_view family) {
  return family == "ampere" || family == "ada" ? 1.2 : 2;
}

// Half widths by what differs (docs/results/kernels.md).
constexpr double weight_other_type = 0.35;
constexpr float error_repeat = 0.03F;
// A kernel that is not named is the kernel of some project, at some version: H800 and H20 rows of
// DeepGEMM, FlashMLA and InferSim against tables of serving engines (make_errors.py has no such).
constexpr float error_unnamed = 0.43F;
constexpr double error_axis = 0.05;   // between measured points of an axis
constexpr double error_octave = 0.10; // more for each octave beyond the measured range

} // namespace

KernelTimer::KernelTimer(const Rates& rates, const KernelSpec& spec, const Exclusion& exclusion)
    : spec_(spec), law_(law_of(spec.op)), flops_per_us_(peak_of(rates, math_of(spec))),
      bytes_per_us_(is_collective(spec.op) ? rates.link_bytes_per_us : rates.bytes_per_us) {
  if (spec.type == Precision::weight_only) unpacking_ = unpacking(rates.family);
  use_factors(rates);
  if (is_collective(spec.op) && rates.calibration && rates.calibration->peer_bytes_per_us > 0)
    calibrated_ = true;
  if (spec.op == KernelOp::gemm && rates.calibration &&
      rates.calibration->find(precision_name(spec.type)))
    calibration_ = rates.calibration;
  const auto devices = fact_devices();
  const auto usable = [&](const FactDevice& device) {
    return device.name != exclusion.device &&
           (exclusion.family.empty() || device.family != exclusion.family);
  };
  for (std::size_t i = 0; i < devices.size(); ++i)
    if (devices[i].name == rates.name && usable(devices[i]))
      if (const FactTable* own = best_table(spec, i, true)) {
        origin_ = Origin::interpolated;
        use(*own, rates_of(devices[i]), 1, exclusion);
        return;
      }
  // No table of this device: the mean residual of others, of its own architecture where there are
  // any.
  // Tables in other formats count for less: with one device of the right format they steady it.
  for (const bool kin : {true, false}) {
    struct Candidate {
      const FactTable* table;
      const FactDevice* device;
      double weight;
    };
    std::vector<Candidate> sources;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      if (!usable(devices[i]) ||
          (kin && architecture(devices[i].family) != architecture(rates.family)))
        continue;
      const FactTable* same = best_table(spec, i, true);
      const FactTable* any = best_table(other_format(spec), i, false);
      if (same) sources.push_back({same, &devices[i], 1});
      if (any && any != same)
        sources.push_back({any, &devices[i], kin && same ? 0 : weight_other_type});
    }
    // An artefact serves only where there is nothing else.
    const auto sound =
        std::stable_partition(sources.begin(), sources.end(), [](const Candidate& s) {
          return s.weight > 0 && !is_artefact(*s.table);
        });
    if (sound != sources.begin()) sources.erase(sound, sources.end());
    if (sources.empty()) continue;
    double total = 0;
    for (const Candidate& s : sources)
      total += s.weight;
    origin_ = Origin::transferred;
    kin_ = kin;
    for (const Candidate& s : sources)
      use(*s.table, rates_of(*s.device), s.weight / total, exclusion);
    widen(transfer_widths({spec.op, kin, rates.name, rates.family, spec.engine, spec.type, spec.kv})
              .widths);
    break;
  }
  // Nothing of this kind was measured on this device; what its user measured still says more than
  // the datasheet.
  use_measured_rates(rates);
}

// What the move from other devices adds to the widths of the shapes.
void KernelTimer::widen(const Widths& transfer) {
  const float unnamed = spec_.kernel.empty() && !is_collective(spec_.op) ? error_unnamed : 0;
  for (std::size_t i = 0; i < a_.size(); ++i)
    for (std::size_t j = 0; j < b_.size(); ++j) {
      float& error = errors_[i * b_.size() + j];
      error = std::hypot(error, unnamed,
                         static_cast<float>(transfer.at(
                             size_class(spec_.op, spec_.size, table_->a[i], table_->b[j]))));
    }
}

// A residual measured at other rates, for this device. What a kernel takes beyond the best that its
// work allows is latency and waves: the same time, not the same share, on a device of the same
// architecture or with slower memory; arithmetic's part of it goes with the law's arithmetic. Where
// the memory is faster and the architecture another, latencies were shorter too: the share is kept.
double KernelTimer::carried(double residual, const Work& work, double flops_per_us,
                            double bytes_per_us) const {
  if (!kin_ && bytes_per_us < bytes_per_us_) return residual;
  KernelLaw best = law_;
  best.memory_share = read_share;
  const double there_us = law_.at(work, flops_per_us, bytes_per_us).us * std::exp(residual);
  const double best_there_us = best.at(work, flops_per_us, bytes_per_us).us;
  const double best_here_us = best.at(work, flops_per_us_, bytes_per_us_).us;
  const double flop_us = us_per_flop(flops_per_us, bytes_per_us);
  const double compute_us = work.flops * flop_us;
  const double arithmetic = compute_us / (compute_us + work.bytes / bytes_per_us);
  const double scale = 1 + arithmetic * (us_per_flop(flops_per_us_, bytes_per_us_) / flop_us - 1);
  const double here_us = there_us > best_there_us
                             ? best_here_us + (there_us - best_there_us) * scale
                             : best_here_us * there_us / best_there_us;
  return std::log(here_us / law_.at(work, flops_per_us_, bytes_per_us_).us);
}

void KernelTimer::use(const FactTable& table, const Rates& source, double weight,
                      const Exclusion& exclusion) {
  const KernelSpec measured = as_measured(spec_, table);
  const double flops = peak_of(source, math_of(measured));
  const double bytes = is_collective(table.op) ? source.link_bytes_per_us : source.bytes_per_us;
  const auto law_at = [&](std::span<const std::int32_t> sizes, double a, double b) {
    KernelSpec row = measured;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      row.size[i] = sizes[i];
    const Work work = kernel_work(row, a, b);
    return ShapeBlend::Law{std::log(law_.at(work, flops, bytes).us),
                           std::log(speed_of_light_us(work, flops, bytes, table.op))};
  };
  if (grid_.empty()) { // the first source lays out the axes
    table_ = &table;
    for (const std::int32_t a : table.a)
      a_.push_back(std::log(static_cast<double>(a)));
    for (const std::int32_t b : table.b)
      b_.push_back(std::log(std::max(1.0, static_cast<double>(b))));
    grid_.assign(a_.size() * b_.size(), 0);
    errors_.assign(grid_.size(), 0);
  }
  const ShapeBlend blend(table, spec_.size, {exclusion.shape || exclusion.beyond, exclusion.beyond},
                         law_at);
  exact_ = blend.exact() && origin_ == Origin::interpolated;
  const std::size_t nb = b_.size();
  std::vector<double> residuals(grid_.size());
  for (std::size_t i = 0; i < a_.size(); ++i)
    for (std::size_t j = 0; j < nb; ++j) {
      const double a = table_->a[i];
      const double b = table_->b[j];
      const ShapeBlend::Value value = blend.at(a, b);
      residuals[i * nb + j] =
          origin_ == Origin::transferred && !is_collective(table.op)
              ? carried(value.residual, kernel_work(measured, a, b), flops, bytes)
              : value.residual;
      float& error = errors_[i * nb + j];
      const float width =
          blend.empty() ? static_cast<float>(law_.error)
          : value.measured
              ? error_repeat
              : static_cast<float>(value.scale *
                                   table.shape_widths.at(size_class(spec_.op, spec_.size, a, b)));
      error = std::max(error, width);
    }
  // A kriged product leans a little on the neighbouring numbers of rows: it steadies the estimate.
  const double lean = table.op == KernelOp::gemm && !blend.exact() ? 0.05 : 0;
  for (std::size_t at = 0; at < grid_.size(); ++at) {
    double value = residuals[at];
    if (lean > 0 && at >= nb && at + nb < grid_.size())
      value += lean * (residuals[at - nb] + residuals[at + nb] - 2 * residuals[at]);
    grid_[at] += static_cast<float>(weight * value);
  }
}

KernelTimer::Residual KernelTimer::residual(double a, double b) const {
  if (grid_.empty()) return {0, law_.error, false};
  const auto place = [](const std::vector<double>& axis, double value, std::size_t& at,
                        double& fraction, double& outside) {
    const double x = std::log(std::max(value, 1e-9));
    outside = std::max({0.0, axis.front() - x, x - axis.back()}) / std::log(2.0);
    if (axis.size() == 1) {
      at = 0;
      fraction = 0;
      outside = 0;
      return;
    }
    const double inside = std::clamp(x, axis.front(), axis.back());
    at = static_cast<std::size_t>(std::upper_bound(axis.begin(), axis.end() - 1, inside) -
                                  axis.begin());
    at = std::clamp<std::size_t>(at, 1, axis.size() - 1) - 1;
    fraction = (inside - axis[at]) / (axis[at + 1] - axis[at]);
  };
  std::size_t i = 0, j = 0;
  double fa = 0, fb = 0, outside_a = 0, outside_b = 0;
  place(a_, a, i, fa, outside_a);
  place(b_, b, j, fb, outside_b);
  const std::size_t nb = b_.size();
  const std::size_t di = a_.size() > 1 ? nb : 0;
  const std::size_t dj = nb > 1 ? 1 : 0;
  const std::size_t at = i * nb + j;
  const auto blend = [&](const std::vector<float>& v) {
    const double low = (1 - fb) * v[at] + fb * v[at + dj];
    const double high = (1 - fb) * v[at + di] + fb * v[at + di + dj];
    return (1 - fa) * low + fa * high;
  };
  Residual residual;
  residual.value = blend(grid_);
  residual.error = blend(errors_);
  const auto off = [](double fraction) { return fraction > 1e-6 && fraction < 1 - 1e-6; };
  residual.on_point = !off(fa) && !off(fb) && outside_a == 0 && outside_b == 0;
  if (!residual.on_point)
    residual.error =
        std::hypot(residual.error, error_axis) + error_octave * std::max(outside_a, outside_b);
  return residual;
}

KernelTimer KernelTimer::law_only(const Rates& rates, const KernelSpec& spec,
                                  const KernelLaw& law) {
  KernelTimer timer;
  timer.spec_ = spec;
  timer.law_ = law;
  timer.flops_per_us_ = peak_of(rates, math_of(spec));
  timer.bytes_per_us_ = is_collective(spec.op) ? rates.link_bytes_per_us : rates.bytes_per_us;
  timer.use_factors(rates);
  timer.use_measured_rates(rates);
  return timer;
}

// What large products of this device were measured to take, and what runs of an engine say about
// its kernels.
void KernelTimer::use_factors(const Rates& rates) {
  if (is_collective(spec_.op)) return;
  compute_factor_ = rates.compute_factor * rates.product_factor;
  memory_factor_ = rates.memory_factor;
  calibrated_ = rates.compute_factor != 1 || rates.memory_factor != 1;
}

// Rates and launches of a calibration in the law. The tables' residuals hold read_share. The laws'
// fixed times are those of the devices of the tables.
void KernelTimer::use_measured_rates(const Rates& rates) {
  if (rates.calibration && rates.calibration->memory_bytes_per_us > 0 && !is_collective(spec_.op)) {
    bytes_per_us_ = rates.calibration->memory_bytes_per_us / read_share;
    calibrated_ = true;
  }
  if (rates.launch_delta_us != 0 && law_.launch_us > 0) {
    law_.launch_us = std::max(0.5, law_.launch_us + rates.launch_delta_us);
    calibrated_ = true;
  }
}

// What was measured on the user's own device stands before every table.
KernelTimer::Factor KernelTimer::calibrated_factor(double a, double b) const {
  const CalibratedProducts& products = *calibration_->find(precision_name(spec_.type));
  const double n = spec_.size[0];
  const double k = spec_.size[1];
  const double m = std::max(1.0, a);
  Factor out;
  out.value = products.us(m, n, k) / plain_law(kernel_work(spec_, m, b)).us;
  const bool measured = products.measured(m, n, k);
  out.error = measured ? error_repeat : products.error;
  if (!products.inside(m, n, k)) out.error = std::hypot(out.error, 2 * error_octave);
  out.origin = measured ? Origin::measured : Origin::interpolated;
  out.calibrated = true;
  return out;
}

KernelTimer::Factor KernelTimer::factor(double a, double b) const {
  if (calibration_) return calibrated_factor(a, b);
  if (grid_.empty()) return {1, law_.error, Origin::roofline, calibrated_};
  const Residual r = residual(a, b);
  const bool measured =
      origin_ == Origin::interpolated && r.on_point && r.error <= error_repeat * 1.001;
  return {std::exp(r.value), r.error, measured ? Origin::measured : origin_, calibrated_};
}

KernelTime KernelTimer::at(const Work& work, double a, double b) const {
  KernelTime time = law(work);
  const Factor f = factor(a, b);
  time.us *= f.value;
  time.launch_us *= f.value;
  time.error = f.error;
  time.origin = f.origin;
  time.calibrated = f.calibrated;
  return time;
}

} // namespace dsk::perf
