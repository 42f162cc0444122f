// What the GPU suite's files share: device memory with guards, weights that are made fast, plans,
// and results held against double precision.
#pragma once

#include "tp/layer.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>

using namespace layer;

inline const char* transport_name() {
  return std::getenv("DSK_TEST_NCCL") ? "nccl" : "peer";
}
inline dsk_tp_transport transport() {
  return std::getenv("DSK_TEST_NCCL") ? DSK_TP_TRANSPORT_VENDOR : DSK_TP_TRANSPORT_PEER;
}

inline Owned<dsk_tp_device> cuda() {
  dsk_tp_device* device = nullptr;
  dsk_error* error = nullptr;
  ok(dsk_tp_device_create("cuda", 4, 0, &device, &error), error);
  return Owned<dsk_tp_device>(device);
}

/// Device memory with a host copy; everything behind the asked-for bytes is a guard.
class Memory {
public:
  Memory(dsk_tp_device* device, std::size_t bytes, std::uint8_t poison = 0xff)
      : device_(device), bytes_(bytes), host_(bytes + guard, poison) {
    dsk_error* error = nullptr;
    ok(dsk_tp_device_memory_create(device, bytes + guard, &pointer_, &error), error);
    upload();
  }
  Memory(dsk_tp_device* device, const Bytes& bytes) : Memory(device, bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), host_.begin());
    upload();
  }
  Memory(Memory&& other) noexcept
      : device_(other.device_), bytes_(other.bytes_), host_(std::move(other.host_)),
        pointer_(std::exchange(other.pointer_, nullptr)) {}
  Memory(const Memory&) = delete;
  ~Memory() { dsk_tp_device_memory_destroy(device_, pointer_); }
  void upload() {
    dsk_error* error = nullptr;
    ok(dsk_tp_device_memory_set(device_, pointer_, host_.data(), host_.size(), &error), error);
  }
  void poison(std::uint8_t value) {
    std::fill(host_.begin(), host_.end(), value);
    upload();
  }
  /// The bytes now; checks the guard.
  Bytes read_back(std::uint8_t poison = 0xff) {
    dsk_error* error = nullptr;
    ok(dsk_tp_device_memory_set(device_, host_.data(), pointer_, host_.size(), &error), error);
    REQUIRE(std::all_of(host_.begin() + static_cast<std::ptrdiff_t>(bytes_), host_.end(),
                        [&](std::uint8_t b) { return b == poison; }));
    return Bytes(host_.begin(), host_.begin() + static_cast<std::ptrdiff_t>(bytes_));
  }
  void* get() const { return pointer_; }
  std::size_t bytes() const { return bytes_; }

private:
  static constexpr std::size_t guard = 256;
  dsk_tp_device* device_;
  std::size_t bytes_;
  Bytes host_;
  void* pointer_ = nullptr;
};

/// Random values that repeat at random places: fast to make.
inline Bytes fast_tensor(Rng& rng, dsk_dtype dtype, std::size_t count) {
  static std::map<dsk_dtype, Bytes> seeds;
  Bytes& seed = seeds[dtype];
  if (seed.empty()) seed = random_tensor(rng, dtype, 1 << 16);
  Bytes out(count * size_of(dtype));
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t from = rng() % 4096 * size_of(dtype),
                      length = std::min(out.size() - at, seed.size() - from);
    std::memcpy(out.data() + at, seed.data() + from, length);
    at += length;
  }
  return out;
}

struct Stream {
  dsk_tp_device* device;
  void* raw = nullptr;
  explicit Stream(dsk_tp_device* d) : device(d) {
    dsk_error* error = nullptr;
    ok(dsk_tp_stream_create(device, &raw, &error), error);
  }
  ~Stream() { dsk_tp_stream_destroy(device, raw); }
  Stream(const Stream&) = delete;
};

inline std::vector<Owned<dsk_tp_comm>> comms_of(dsk_tp_device* device, std::uint32_t ranks,
                                                std::uint64_t timeout_ms = 20000) {
  const std::vector<dsk_tp_device*> devices(ranks, device);
  std::vector<dsk_tp_comm*> raw(ranks);
  dsk_tp_comm_options options{};
  options.struct_size = sizeof options;
  dsk_tp_device_info info{};
  info.struct_size = sizeof info;
  dsk_error* error = nullptr;
  ok(dsk_tp_device_get_info(device, &info, &error), error);
  if (std::string(info.backend) == "cuda") options.transport = transport();
  options.timeout_ms = timeout_ms;
  ok(dsk_tp_comm_create_local(devices.data(), ranks, &options, raw.data(), &error), error);
  std::vector<Owned<dsk_tp_comm>> out;
  for (dsk_tp_comm* comm : raw)
    out.emplace_back(comm);
  return out;
}

inline void wait(dsk_tp_comm* comm, void* stream) {
  dsk_error* error = nullptr;
  ok(dsk_tp_comm_wait(comm, stream, &error), error);
}

/// A weight whose codes repeat, so that large ones are made fast; values are decoded one by one.
struct BigWeight {
  dsk_dtype dtype, activation;
  std::size_t n, k, kb;
  Bytes data;
  std::vector<float> scales;

  BigWeight(Rng& rng, dsk_dtype dtype_, dsk_dtype activation_, std::size_t n_, std::size_t k_)
      : dtype(dtype_), activation(activation_), n(n_), k(k_), kb((k_ + 127) / 128) {
    const Weight seed(rng, dtype, activation, 1, 1 << 16, false);
    const std::size_t bits = dtype == DSK_DTYPE_F32                              ? 32
                             : dtype == DSK_DTYPE_I4                             ? 4
                             : dtype == DSK_DTYPE_BF16 || dtype == DSK_DTYPE_F16 ? 16
                                                                                 : 8;
    data.resize(n * k * bits / 8);
    for (std::size_t at = 0; at < data.size();) {
      const std::size_t from = rng() % 4096 * 4,
                        length = std::min<std::size_t>(data.size() - at, seed.data.size() - from);
      std::memcpy(data.data() + at, seed.data.data() + from, length);
      at += length;
    }
    const std::size_t count = dtype == DSK_DTYPE_F8E4M3 ? (n + 127) / 128 * kb
                              : dtype == DSK_DTYPE_I8   ? n
                              : dtype == DSK_DTYPE_I4   ? n * kb
                                                        : 0;
    for (std::size_t i = 0; i < count; ++i)
      scales.push_back(static_cast<float>(std::exp2(uniform(rng, -9, -5))));
  }
  double value(std::size_t row, std::size_t column) const {
    const std::size_t at = row * k + column;
    switch (dtype) {
    case DSK_DTYPE_F8E4M3:
      return e4m3_value(data[at]) * static_cast<double>(scales[row / 128 * kb + column / 128]);
    case DSK_DTYPE_I8:
      return static_cast<std::int8_t>(data[at]) * static_cast<double>(scales[row]);
    case DSK_DTYPE_I4:
      return (static_cast<int>(at % 2 ? data[at / 2] >> 4 : data[at / 2] & 15) - 8) *
             static_cast<double>(scales[row * kb + column / 128]);
    default:
      return read(data.data(), dtype, at);
    }
  }
  dsk_tp_weight describe() const {
    dsk_tp_weight out{};
    out.struct_size = sizeof out;
    out.dtype = dtype;
    out.n = n;
    out.k = k;
    out.data = data.data();
    out.data_bytes = data.size();
    out.scales = scales.empty() ? nullptr : scales.data();
    out.scales_bytes = scales.size() * 4;
    out.scales_dtype = scales.empty() ? DSK_DTYPE_NONE : DSK_DTYPE_F32;
    return out;
  }
};

inline dsk_tp_linear_desc linear_desc(const dsk_tp_weight* weight, dsk_tp_split split,
                                      dsk_dtype activation, std::size_t m, std::uint32_t flags) {
  dsk_tp_linear_desc desc{};
  desc.struct_size = sizeof desc;
  desc.flags = flags;
  desc.split = split;
  desc.activation_dtype = activation;
  desc.max_m = m;
  desc.weights = weight;
  desc.weight_count = 1;
  return desc;
}

struct Plan {
  Owned<dsk_tp_linear> handle;
  dsk_tp_plan_info info{};
  Plan(dsk_tp_comm* comm, const dsk_tp_linear_desc& desc) {
    dsk_tp_linear* raw = nullptr;
    dsk_error* error = nullptr;
    ok(dsk_tp_linear_create(comm, &desc, &raw, &error), error);
    handle.reset(raw);
    info.struct_size = sizeof info;
    ok(dsk_tp_linear_get_info(raw, &info, &error), error);
  }
};

inline dsk_tp_args device_args(std::size_t m, const Memory& x, const Memory& y,
                               const Memory& space) {
  dsk_tp_args args{};
  args.struct_size = sizeof args;
  args.m = m;
  args.x = x.get();
  args.y = y.get();
  args.workspace = space.get();
  args.workspace_bytes = space.bytes();
  return args;
}

/// Samples of y[m][n] against double precision, tolerance 1 ulp + k 2^-24 sum |x| |w|. FP8 may run
/// on Hopper's FP8 tensor cores through cuBLASLt, which keep about 14 bits of a partial sum: 2^-13
/// sum |x| |w| more.
inline double worst_of(const BigWeight& w, const Bytes& x, const Bytes& y, std::size_t m, Rng& rng,
                       std::size_t samples, bool fp8_cores) {
  double worst = 0;
  for (std::size_t s = 0; s < samples;) {
    const std::size_t row = s == 0 ? 0 : s < 64 ? m - 1 : rng() % m;
    std::vector<double> values(w.k);
    for (std::size_t i = 0; i < w.k; ++i)
      values[i] = read(x.data(), w.activation, row * w.k + i);
    values = seen(w.dtype, values, 0);
    for (int c = 0; c < 32; ++c, ++s) {
      const std::size_t n = c == 0 ? 0 : c == 1 ? w.n - 1 : rng() % w.n;
      double sum = 0, magnitude = 0;
      for (std::size_t i = 0; i < w.k; ++i) {
        const double term = values[i] * w.value(n, i);
        sum += term;
        magnitude += std::fabs(term);
      }
      const double got = read(y.data(), w.activation, row * w.n + n);
      const double allowed =
          ulp(w.activation, sum) +
          (static_cast<double>(w.k) * 0x1p-24 + (fp8_cores ? 0x1p-13 : 0.0)) * magnitude;
      const double off = std::fabs(got - sum) / allowed;
      worst = std::isfinite(got) ? std::max(worst, off) : HUGE_VAL;
    }
  }
  return worst;
}

/// Every element was written: the poison (NaN in all types) is gone.
inline bool all_written(const Bytes& y, dsk_dtype dtype) {
  for (std::size_t i = 0; i < y.size() / size_of(dtype); ++i)
    if (dtype == DSK_DTYPE_F32 ? (y[4 * i] & y[4 * i + 1] & y[4 * i + 2] & y[4 * i + 3]) == 0xff
                               : (y[2 * i] & y[2 * i + 1]) == 0xff)
      return false;
  return true;
}

struct Shape {
  std::size_t n, k;
};
// One rank's weights at TP 8 of the published shapes, and odd ones.
inline constexpr Shape shapes[] = {
    {2112, 7168}, {3072, 1536}, {4096, 512},  {7168, 2048}, {4608, 7168}, {7168, 2304},
    {512, 7168},  {7168, 256},  {256, 7168},  {1280, 8192}, {8192, 1024}, {7168, 8192},
    {8192, 3584}, {7392, 8192}, {8192, 3696}, {1280, 5120}, {5120, 1024}, {6400, 5120},
    {5120, 3200}, {1280, 4096}, {4096, 1024}, {384, 4096},  {4096, 192},  {128, 4096}};

inline dsk_dtype activation_of(dsk_dtype weight) {
  return weight == DSK_DTYPE_F16 || weight == DSK_DTYPE_F32 ? weight : DSK_DTYPE_BF16;
}
