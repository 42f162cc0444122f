#include "bench/device_case.hpp"

#include <algorithm>

#include "backend/loader.hpp"
#include "base/error.hpp"
#include "bench/clock.hpp"

namespace dsk::bench {

BenchDevice::BenchDevice(const std::string& backend, int ordinal) : api_(backend::load(backend)) {
  dsk_backend_error error{};
  dsk_backend_probe probe{};
  probe.struct_size = sizeof probe;
  backend::check(api_.probe(&probe, &error), error, "the backend " + backend);
  if (probe.device_count == 0)
    throw Error(DSK_STATUS_UNAVAILABLE,
                probe.missing[0] ? probe.missing : "the backend " + backend + " sees no device");
  count_ = static_cast<int>(probe.device_count);
  info_.struct_size = sizeof info_;
  backend::check(api_.device_info(ordinal, &info_, &error), error, "");
  bench_ = static_cast<const dsk_backend_bench_api*>(api_.extension(DSK_BACKEND_BENCH));
  if (!bench_ || bench_->struct_size < sizeof(dsk_backend_bench_api))
    throw Error(DSK_STATUS_UNSUPPORTED, "the backend " + backend + " has no probes");
  backend::check(api_.device_open(ordinal, &device_, &error), error, "");
}

BenchDevice::~BenchDevice() {
  if (device_) api_.device_close(device_);
}

Prepared BenchDevice::prepare(const dsk_backend_bench_desc& desc) const {
  const dsk_backend_bench_api& bench = *bench_;
  dsk_backend_error error{};
  dsk_backend_bench_case* raw = nullptr;
  backend::check(bench.create(device_, &desc, &raw, &error), error, "");
  const std::shared_ptr<dsk_backend_bench_case> work(raw, bench.destroy);
  dsk_backend_bench_info info{};
  info.struct_size = sizeof info;
  backend::check(bench.info(work.get(), &info, &error), error, "");
  if (info.checked && !(info.relative_error < 0.1))
    throw Error(DSK_STATUS_BACKEND, std::string(info.kernel) +
                                        " gives wrong results: relative error " +
                                        std::to_string(info.relative_error));
  Prepared out;
  out.bytes = info.bytes;
  out.flops = info.flops;
  out.facts["kernel"] = info.kernel;
  out.facts["buffer_sets"] = info.sets;
  if (info.checked) out.facts["relative_error"] = json::significant(info.relative_error, 3);
  out.subject = [work, &bench](std::uint64_t iterations) {
    dsk_backend_error why{};
    dsk_backend_bench_times times{};
    times.struct_size = sizeof times;
    backend::check(bench.run(work.get(), iterations, &times, &why), why, "");
    Sample sample;
    sample.device_s = times.device_ns > 0 ? 1e-9 * times.device_ns : -1;
    sample.enqueue_s = times.enqueue_ns > 0 ? 1e-9 * times.enqueue_ns : -1;
    return sample;
  };
  return out;
}

DeviceWatch::DeviceWatch(const std::string& uuid) : index_(Nvml::instance().find(uuid)) {}

void DeviceWatch::read() {
  last_ = Nvml::instance().state(*index_, false);
  last_read_s_ = now_s();
  ++readings_;
  clock_sum_ += last_.sm_clock_mhz.value_or(0);
  power_sum_ += last_.power_w.value_or(0);
  const unsigned clock = last_.sm_clock_mhz.value_or(0);
  least_clock_mhz_ = readings_ == 1 ? clock : std::min(least_clock_mhz_, clock);
  hottest_c_ = std::max(hottest_c_, last_.temperature_c.value_or(0));
  most_processes_ = std::max(most_processes_, last_.processes.value_or(0));
  reasons_ |= last_.throttle_bits.value_or(0);
}

void DeviceWatch::begin() {
  if (index_) read();
}

bool DeviceWatch::accept() {
  if (!index_) return true;
  // A reading takes the driver up to a millisecond; the clock does not change faster than this.
  if (now_s() - last_read_s_ > 0.02) read();
  return !throttle_spoils(last_.throttle_bits.value_or(0));
}

void DeviceWatch::end(Json& measurement, std::vector<Doubt>& doubts) {
  if (!index_ || readings_ == 0) return;
  Json device;
  device["readings"] = readings_;
  device["mean_sm_clock_mhz"] = json::significant(clock_sum_ / readings_, 4);
  device["least_sm_clock_mhz"] = least_clock_mhz_;
  device["mean_power_w"] = json::significant(power_sum_ / readings_, 4);
  device["hottest_c"] = hottest_c_;
  device["throttle_reasons"] = throttle_reasons(reasons_);
  measurement["device_state"] = std::move(device);
  if (most_processes_ > 1)
    doubts.push_back(
        {"shared_gpu", std::to_string(most_processes_) + " processes have a context on this GPU"});
}

} // namespace dsk::bench
