// Work that a device backend prepared, as a subject of the harness; and what the device did
// meanwhile.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bench/harness.hpp"
#include "bench/host_probes.hpp"
#include "bench/nvml.hpp"
#include "dsk/backend_bench.h"

namespace dsk::bench {

/// A device of a backend with its optional bench part.
class BenchDevice {
public:
  /// Throws UNAVAILABLE or UNSUPPORTED with what is missing.
  BenchDevice(const std::string& backend, int ordinal);
  ~BenchDevice();
  BenchDevice(const BenchDevice&) = delete;
  BenchDevice& operator=(const BenchDevice&) = delete;

  const dsk_backend_device_info& info() const { return info_; }
  int count() const { return count_; }
  /// Throws what the backend says when this device cannot do it.
  Prepared prepare(const dsk_backend_bench_desc& desc) const;

private:
  const dsk_backend_api& api_;
  const dsk_backend_bench_api* bench_ = nullptr;
  dsk_backend_device_info info_{};
  dsk_backend_device* device_ = nullptr;
  int count_ = 0;
};

/// Clocks, power, temperature and throttling while something is measured. Samples taken while heat
/// or a hardware slowdown held the clock down are discarded.
class DeviceWatch : public Watch {
public:
  explicit DeviceWatch(const std::string& uuid);
  void begin() override;
  bool accept() override;
  void end(Json& measurement, std::vector<Doubt>& doubts) override;

private:
  void read();

  std::optional<std::size_t> index_;
  GpuState last_;
  double last_read_s_ = 0;
  double clock_sum_ = 0;
  double power_sum_ = 0;
  unsigned readings_ = 0;
  unsigned least_clock_mhz_ = 0;
  unsigned hottest_c_ = 0;
  unsigned most_processes_ = 0;
  std::uint64_t reasons_ = 0;
};

} // namespace dsk::bench
