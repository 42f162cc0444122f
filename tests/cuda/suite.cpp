// Everything that needs a GPU, in one program: kernels and plans against double precision and the
// CPU backend, graphs, virtual ranks, lost ranks, bad input. One GPU is enough. usage: gpu_suite
// [doctest options]
#include "tp/layer.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>
#include <utility>

using namespace layer;

namespace {

const char* transport_name() {
  return std::getenv("DSK_TEST_NCCL") ? "nccl" : "peer";
}
dsk_tp_transport transport() {
  return std::getenv("DSK_TEST_NCCL") ? DSK_TP_TRANSPORT_VENDOR : DSK_TP_TRANSPORT_PEER;
}

Owned<dsk_tp_device> cuda() {
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
Bytes fast_tensor(Rng& rng, dsk_dtype dtype, std::size_t count) {
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

std::vector<Owned<dsk_tp_comm>> comms_of(dsk_tp_device* device, std::uint32_t ranks,
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

void wait(dsk_tp_comm* comm, void* stream) {
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

dsk_tp_linear_desc linear_desc(const dsk_tp_weight* weight, dsk_tp_split split,
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

dsk_tp_args device_args(std::size_t m, const Memory& x, const Memory& y, const Memory& space) {
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
double worst_of(const BigWeight& w, const Bytes& x, const Bytes& y, std::size_t m, Rng& rng,
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
bool all_written(const Bytes& y, dsk_dtype dtype) {
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
constexpr Shape shapes[] = {{2112, 7168}, {3072, 1536}, {4096, 512},  {7168, 2048}, {4608, 7168},
                            {7168, 2304}, {512, 7168},  {7168, 256},  {256, 7168},  {1280, 8192},
                            {8192, 1024}, {7168, 8192}, {8192, 3584}, {7392, 8192}, {8192, 3696},
                            {1280, 5120}, {5120, 1024}, {6400, 5120}, {5120, 3200}, {1280, 4096},
                            {4096, 1024}, {384, 4096},  {4096, 192},  {128, 4096}};

dsk_dtype activation_of(dsk_dtype weight) {
  return weight == DSK_DTYPE_F16 || weight == DSK_DTYPE_F32 ? weight : DSK_DTYPE_BF16;
}

} // namespace

TEST_CASE("report") {
  const auto device = cuda();
  dsk_tp_device_info info{};
  info.struct_size = sizeof info;
  dsk_error* error = nullptr;
  ok(dsk_tp_device_get_info(device.get(), &info, &error), error);
  std::printf(
      "device %s, %u SMs, compute %u.%u, %.1f GiB, driver %s, cuBLASLt %s, NCCL %s, libdsk %s\n",
      info.name, info.multiprocessors, info.compute_major, info.compute_minor,
      static_cast<double>(info.memory_bytes) / (1 << 30), info.driver_version, info.blas_version,
      info.collective_version, dsk_version_string());
  CHECK(info.multiprocessors > 0);
  CHECK(info.driver_version[0] != 0);
}

TEST_CASE("products of every shape and format, measured choices") {
  const auto device = cuda();
  const auto comms = comms_of(device.get(), 1);
  Stream stream(device.get());
  Rng rng(41);
  double measure_ms = 0;
  int plans = 0;
  for (const dsk_dtype format : {DSK_DTYPE_BF16, DSK_DTYPE_F16, DSK_DTYPE_F32, DSK_DTYPE_F8E4M3,
                                 DSK_DTYPE_I8, DSK_DTYPE_I4}) {
    const dsk_dtype t = activation_of(format);
    for (const Shape& shape : shapes) {
      const bool full = format == DSK_DTYPE_BF16 || format == DSK_DTYPE_F8E4M3;
      if (!full && &shape - shapes >= 8 && shape.k != 3696)
        continue; // the other formats on fewer shapes
      CAPTURE(format);
      CAPTURE(shape.n);
      CAPTURE(shape.k);
      constexpr std::size_t most = 512;
      const BigWeight weight(rng, format, t, shape.n, shape.k);
      const dsk_tp_weight described = weight.describe();
      const Plan plan(comms[0].get(), linear_desc(&described, DSK_TP_SPLIT_REPLICATED, t, most, 0));
      measure_ms += plan.info.measure_ms;
      ++plans;
      const Bytes x = fast_tensor(rng, t, most * shape.k);
      Memory xs(device.get(), x), ys(device.get(), most * shape.n * size_of(t)),
          space(device.get(), plan.info.workspace_bytes);
      for (const std::size_t m : {1u, 2u, 3u, 4u, 5u, 8u, 16u, 17u, 64u, 65u, 127u, 128u, 512u}) {
        CAPTURE(m);
        ys.poison(0xff);
        const dsk_tp_args args = device_args(m, xs, ys, space);
        dsk_error* error = nullptr;
        ok(dsk_tp_linear_enqueue(plan.handle.get(), &args, stream.raw, &error), error);
        wait(comms[0].get(), stream.raw);
        Bytes y = ys.read_back();
        CHECK(std::all_of(y.begin() + static_cast<std::ptrdiff_t>(m * shape.n * size_of(t)),
                          y.end(), [](std::uint8_t b) { return b == 0xff; }));
        y.resize(m * shape.n * size_of(t));
        CHECK(all_written(y, t));
        CHECK(worst_of(weight, x, y, m, rng, 96, format == DSK_DTYPE_F8E4M3) <= 1.0);
      }
    }
  }
  std::printf("%d plans, %.2f s of measuring\n", plans, measure_ms / 1000);
}

TEST_CASE("own kernels at every m from 1 to 64, and 4096, batch-invariant") {
  const auto device = cuda();
  const auto comms = comms_of(device.get(), 1);
  Stream stream(device.get());
  Rng rng(42);
  for (const dsk_dtype format :
       {DSK_DTYPE_BF16, DSK_DTYPE_F16, DSK_DTYPE_F32, DSK_DTYPE_F8E4M3, DSK_DTYPE_I8, DSK_DTYPE_I4})
    for (const Shape& shape : {Shape{576, 1040}, Shape{264, 3696}, Shape{131, 392}}) {
      for (const std::uint32_t flags : {0u, static_cast<unsigned>(DSK_TP_NO_MEASURE),
                                        static_cast<unsigned>(DSK_TP_BATCH_INVARIANT)}) {
        const dsk_dtype t = activation_of(format);
        CAPTURE(format);
        CAPTURE(shape.k);
        CAPTURE(flags);
        constexpr std::size_t most = 4096;
        const BigWeight weight(rng, format, t, shape.n, shape.k);
        const dsk_tp_weight described = weight.describe();
        const Plan plan(comms[0].get(),
                        linear_desc(&described, DSK_TP_SPLIT_REPLICATED, t, most, flags));
        const Bytes x = fast_tensor(rng, t, most * shape.k);
        Memory xs(device.get(), x), ys(device.get(), most * shape.n * size_of(t)),
            space(device.get(), plan.info.workspace_bytes);
        Bytes last;
        for (std::size_t m = 1; m <= most; m = m < 65     ? m + 1
                                               : m == 65  ? 127
                                               : m == 127 ? 128
                                               : m == 128 ? most
                                                          : most + 1) {
          CAPTURE(m);
          const dsk_tp_args args = device_args(m, xs, ys, space);
          dsk_error* error = nullptr;
          ok(dsk_tp_linear_enqueue(plan.handle.get(), &args, stream.raw, &error), error);
          wait(comms[0].get(), stream.raw);
          Bytes y = ys.read_back();
          y.resize(m * shape.n * size_of(t));
          CHECK(all_written(y, t));
          CHECK(worst_of(weight, x, y, m, rng, m > 128 ? 96 : 32,
                         format == DSK_DTYPE_F8E4M3 && flags == 0) <= 1.0);
          if (flags & DSK_TP_BATCH_INVARIANT)
            CHECK(std::equal(last.begin(), last.end(), y.begin()));
          last = y;
        }
      }
    }
}

TEST_CASE(
    "split layers of 2, 4 and 8 virtual ranks against the CPU backend, eager and as one graph") {
  const auto device = cuda();
  const auto host = cpu();
  Rng rng(43);
  dsk_error* error = nullptr;
  for (const std::uint32_t ranks : {2u, 4u, 8u})
    for (const dsk_dtype format : {DSK_DTYPE_BF16, DSK_DTYPE_F32, DSK_DTYPE_F8E4M3, DSK_DTYPE_I4}) {
      if (std::getenv("DSK_TEST_QUICK") && (ranks != 2 || format != DSK_DTYPE_BF16)) continue;
      const dsk_dtype t = activation_of(format);
      const auto on_gpu = comms_of(device.get(), ranks), on_cpu = comms_of(host.get(), ranks);
      std::vector<dsk_tp_comm*> gpu_raw, cpu_raw;
      for (std::uint32_t r = 0; r < ranks; ++r) {
        gpu_raw.push_back(on_gpu[r].get());
        cpu_raw.push_back(on_cpu[r].get());
      }
      dsk_tp_comm_info comm_info{};
      comm_info.struct_size = sizeof comm_info;
      ok(dsk_tp_comm_get_info(gpu_raw[0], &comm_info, &error), error);
      CHECK(std::string(comm_info.transport) == transport_name());
      constexpr std::size_t n = 384, k = 1024, most = 300;
      const Weight weight(rng, format, t, n, k, true);
      const Bytes gamma = random_tensor(rng, t, n);
      const dsk_tp_weight described = weight.describe();
      for (const int kind : {0, 1, 2}) { // column with gather, row, row with residual and norm
        // The small NCCL that lets ranks share a GPU here carries F32 all-reduces only: on anything
        // else it does nothing.
        if (std::string(transport_name()) == "nccl" && kind != 1 &&
            !(kind == 2 && t == DSK_DTYPE_F32))
          continue;
        for (const std::size_t m : {1u, 7u, 300u}) {
          CAPTURE(ranks);
          CAPTURE(format);
          CAPTURE(kind);
          CAPTURE(m);
          dsk_tp_linear_desc desc =
              linear_desc(&described, kind == 0 ? DSK_TP_SPLIT_COLUMN : DSK_TP_SPLIT_ROW, t, most,
                          DSK_TP_NO_MEASURE | (kind == 0   ? DSK_TP_GATHER_OUTPUT
                                               : kind == 1 ? DSK_TP_REDUCE_F32
                                                           : DSK_TP_RESIDUAL));
          if (kind == 2) desc.gamma = gamma.data();
          const Bytes residual = random_tensor(rng, t, m * n);
          std::vector<Plan> gpu_plans, cpu_plans;
          std::vector<Memory> xs, ys, outs, spaces;
          std::vector<Buffer> cpu_x, cpu_y, cpu_out, cpu_space;
          Memory residuals(device.get(), residual);
          const Buffer cpu_residual(residual);
          std::vector<std::unique_ptr<Stream>> streams;
          Bytes shared_x;
          for (std::uint32_t r = 0; r < ranks; ++r) {
            gpu_plans.emplace_back(gpu_raw[r], desc);
            dsk_tp_linear_desc reference = desc;
            reference.flags |= DSK_TP_REFERENCE;
            cpu_plans.emplace_back(cpu_raw[r], reference);
            const std::size_t columns = gpu_plans[r].info.input_columns;
            REQUIRE(columns == cpu_plans[r].info.input_columns);
            const Bytes x = kind == 0 && r > 0 ? shared_x : random_tensor(rng, t, m * columns);
            if (kind == 0) shared_x = x;
            xs.emplace_back(device.get(), x);
            ys.emplace_back(device.get(), m * gpu_plans[r].info.output_columns * size_of(t));
            outs.emplace_back(device.get(), m * n * size_of(t));
            spaces.emplace_back(device.get(), gpu_plans[r].info.workspace_bytes);
            cpu_x.emplace_back(x);
            cpu_y.emplace_back(ys[r].bytes());
            cpu_out.emplace_back(outs[r].bytes());
            cpu_space.emplace_back(cpu_plans[r].info.workspace_bytes);
            streams.push_back(std::make_unique<Stream>(device.get()));
          }
          const auto gpu_args = [&](std::uint32_t r) {
            dsk_tp_args args = device_args(m, xs[r], ys[r], spaces[r]);
            if (kind == 2) {
              args.residual = residuals.get();
              args.residual_out = outs[r].get();
            }
            return args;
          };
          dsk_tp_group* group = nullptr;
          ok(dsk_tp_group_begin(cpu_raw.data(), ranks, &group, &error), error);
          for (std::uint32_t r = 0; r < ranks; ++r) {
            dsk_tp_args args = arguments(m, cpu_x[r], cpu_y[r], cpu_space[r]);
            if (kind == 2) {
              args.residual = cpu_residual.get();
              args.residual_out = cpu_out[r].get();
            }
            ok(dsk_tp_linear_enqueue(cpu_plans[r].handle.get(), &args, nullptr, &error), error);
          }
          ok(dsk_tp_group_end(group, &error), error);

          ok(dsk_tp_group_begin(gpu_raw.data(), ranks, &group, &error), error);
          for (std::uint32_t r = 0; r < ranks; ++r) {
            const dsk_tp_args args = gpu_args(r);
            ok(dsk_tp_linear_enqueue(gpu_plans[r].handle.get(), &args, streams[r]->raw, &error),
               error);
          }
          ok(dsk_tp_group_end(group, &error), error);
          for (std::uint32_t r = 0; r < ranks; ++r)
            wait(gpu_raw[r], streams[r]->raw);
          const double slack =
              kind == 1 ? 2 : 4; // roundings that may fall either way, in ulp of the largest term
          std::vector<Bytes> eager;
          std::size_t wrong = 0;
          for (std::uint32_t r = 0; r < ranks; ++r) {
            eager.push_back(ys[r].read_back());
            for (std::size_t i = 0; i < eager[r].size() / size_of(t); ++i) {
              const double a = read(eager[r].data(), t, i), b = read(cpu_y[r].get(), t, i);
              wrong += !(std::fabs(a - b) <= slack * ulp(t, std::max(std::fabs(b), 1.0)) +
                                                 static_cast<double>(k) * 0x1p-22 * 8);
            }
            if (kind != 0) CHECK(eager[r] == eager[0]);
          }
          CHECK(wrong == 0);

          dsk_tp_graph* raw_graph = nullptr;
          ok(dsk_tp_graph_create(gpu_raw.data(), ranks, &raw_graph, &error), error);
          const Owned<dsk_tp_graph> graph(raw_graph);
          for (std::uint32_t r = 0; r < ranks; ++r) {
            const dsk_tp_args args = gpu_args(r);
            ok(dsk_tp_graph_add_linear(raw_graph, gpu_plans[r].handle.get(), &args, nullptr,
                                       &error),
               error);
          }
          ok(dsk_tp_graph_capture(raw_graph, &error), error);
          for (Memory& y : ys)
            y.poison(0xff);
          for (int i = 0; i < 5; ++i)
            ok(dsk_tp_graph_replay(raw_graph, streams[0]->raw, &error), error);
          wait(gpu_raw[0], streams[0]->raw);
          for (std::uint32_t r = 0; r < ranks; ++r)
            CHECK(ys[r].read_back() == eager[r]);
        }
      }
    }
}

TEST_CASE("gated MLP of virtual ranks against the CPU backend") {
  const auto device = cuda();
  const auto host = cpu();
  Rng rng(44);
  dsk_error* error = nullptr;
  for (const std::uint32_t ranks : {1u, 2u, 4u, 8u})
    for (const dsk_dtype format :
         {DSK_DTYPE_BF16, DSK_DTYPE_F32, DSK_DTYPE_F8E4M3, DSK_DTYPE_I8, DSK_DTYPE_I4}) {
      const dsk_dtype t = activation_of(format);
      constexpr std::size_t hidden = 256, inner = 1848, m = 5; // 29568 / 16
      const Weight gate(rng, format, t, inner, hidden, false),
          up(rng, format, t, inner, hidden, false), down(rng, format, t, hidden, inner, false);
      const dsk_tp_weight g = gate.describe(), u = up.describe(), d = down.describe();
      const Bytes x = random_tensor(rng, t, m * hidden);
      CAPTURE(ranks);
      CAPTURE(format);
      Bytes results[2];
      for (const bool gpu : {false, true}) {
        dsk_tp_device* on = gpu ? device.get() : host.get();
        const auto comms = comms_of(on, ranks);
        std::vector<dsk_tp_comm*> raw;
        std::vector<Owned<dsk_tp_mlp>> plans;
        std::vector<Memory> ys, spaces;
        Memory xs(on, x);
        for (std::uint32_t r = 0; r < ranks; ++r) {
          raw.push_back(comms[r].get());
          dsk_tp_mlp_desc desc{};
          desc.struct_size = sizeof desc;
          desc.flags = DSK_TP_REDUCE_F32 | DSK_TP_NO_MEASURE;
          desc.activation = static_cast<dsk_tp_activation>(ranks % 3);
          desc.activation_dtype = t;
          desc.max_m = m;
          desc.gate = &g;
          desc.up = &u;
          desc.down = &d;
          dsk_tp_mlp* plan = nullptr;
          ok(dsk_tp_mlp_create(raw[r], &desc, &plan, &error), error);
          plans.emplace_back(plan);
          dsk_tp_plan_info info{};
          info.struct_size = sizeof info;
          ok(dsk_tp_mlp_get_info(plan, &info, &error), error);
          ys.emplace_back(on, m * hidden * size_of(t));
          spaces.emplace_back(on, info.workspace_bytes);
        }
        std::vector<std::unique_ptr<Stream>>
            streams; // one each: NCCL's ranks would wait for each other in one stream
        for (std::uint32_t r = 0; r < ranks; ++r)
          streams.push_back(std::make_unique<Stream>(on));
        dsk_tp_group* group = nullptr;
        ok(dsk_tp_group_begin(raw.data(), ranks, &group, &error), error);
        for (std::uint32_t r = 0; r < ranks; ++r) {
          const dsk_tp_args args = device_args(m, xs, ys[r], spaces[r]);
          ok(dsk_tp_mlp_enqueue(plans[r].get(), &args, streams[r]->raw, &error), error);
        }
        ok(dsk_tp_group_end(group, &error), error);
        for (std::uint32_t r = 0; r < ranks; ++r)
          wait(raw[r], streams[r]->raw);
        results[gpu] = ys[0].read_back();
      }
      double difference = 0, norm = 0;
      for (std::size_t i = 0; i < m * hidden; ++i) {
        const double a = read(results[1].data(), t, i), b = read(results[0].data(), t, i);
        difference += (a - b) * (a - b);
        norm += b * b;
      }
      // h is rounded once more on each side, and with FP8 and INT8 may fall on the next code.
      const double allowed = t == DSK_DTYPE_F32 && format == DSK_DTYPE_F32 ? 1e-5
                             : format == DSK_DTYPE_F8E4M3                  ? 1e-2
                                                                           : 6e-3;
      CHECK(std::sqrt(difference / norm) <= allowed);
    }
}

TEST_CASE(
    "a graph replayed 1,000 times equals the eager chain bit for bit; updates; memory as said") {
  const auto device = cuda();
  const auto comms = comms_of(device.get(), 1);
  Stream stream(device.get());
  Rng rng(45);
  dsk_error* error = nullptr;
  dsk_tp_comm* comm = comms[0].get();
  constexpr std::size_t width = 1024, m = 3;
  constexpr int layers = 80;
  std::vector<BigWeight> weights;
  std::vector<Plan> plans;
  weights.reserve(8);
  for (int i = 0; i < 8; ++i) {
    weights.emplace_back(rng, i % 2 ? DSK_DTYPE_F8E4M3 : DSK_DTYPE_BF16, DSK_DTYPE_BF16, width,
                         width);
    const dsk_tp_weight described = weights.back().describe();
    plans.emplace_back(comm,
                       linear_desc(&described, DSK_TP_SPLIT_REPLICATED, DSK_DTYPE_BF16, 64, 0));
  }
  std::size_t space_bytes = 0;
  for (const Plan& plan : plans)
    space_bytes = std::max<std::size_t>(space_bytes, plan.info.workspace_bytes);
  Memory space(device.get(), space_bytes);
  std::vector<Memory> tensors;
  tensors.emplace_back(device.get(), random_tensor(rng, DSK_DTYPE_BF16, m * width));
  for (int i = 0; i < layers; ++i)
    tensors.emplace_back(device.get(), m * width * 2);
  const auto args_of = [&](std::size_t i) {
    return device_args(m, tensors[i], tensors[i + 1], space);
  };
  for (std::size_t i = 0; i < layers; ++i) {
    const dsk_tp_args args = args_of(i);
    ok(dsk_tp_linear_enqueue(plans[i % 8].handle.get(), &args, stream.raw, &error), error);
  }
  wait(comm, stream.raw);
  const Bytes eager = tensors[layers].read_back();

  dsk_tp_graph* raw = nullptr;
  ok(dsk_tp_graph_create(&comm, 1, &raw, &error), error);
  const Owned<dsk_tp_graph> graph(raw);
  for (std::size_t i = 0; i < layers; ++i) {
    const dsk_tp_args args = args_of(i);
    ok(dsk_tp_graph_add_linear(raw, plans[i % 8].handle.get(), &args, nullptr, &error), error);
  }
  dsk_tp_graph_info before{}, after{};
  before.struct_size = after.struct_size = sizeof before;
  ok(dsk_tp_graph_get_info(raw, &before, &error), error);
  ok(dsk_tp_graph_capture(raw, &error), error);
  ok(dsk_tp_graph_get_info(raw, &after, &error), error);
  std::printf("80-layer chain: capture and instantiate %.2f ms, %llu nodes, memory said before "
              "%.2f MiB, after %.2f MiB\n",
              after.capture_ms, static_cast<unsigned long long>(after.nodes),
              static_cast<double>(before.memory_bytes) / (1 << 20),
              static_cast<double>(after.memory_bytes) / (1 << 20));
  int different = 0;
  for (int i = 0; i < 1000; ++i) {
    ok(dsk_tp_graph_replay(raw, stream.raw, &error), error);
    if (i % 100 != 99 && i > 3) continue;
    wait(comm, stream.raw);
    different += tensors[layers].read_back() != eager;
    tensors[layers].poison(0xff);
  }
  CHECK(different == 0);
  // A new last output, by update in place.
  Memory other(device.get(), m * width * 2);
  dsk_tp_args changed = args_of(layers - 1);
  changed.y = other.get();
  ok(dsk_tp_graph_set(raw, layers - 1, &changed, &error), error);
  ok(dsk_tp_graph_capture(raw, &error), error);
  ok(dsk_tp_graph_get_info(raw, &after, &error), error);
  std::printf("80-layer chain: capture again and update %.2f ms\n", after.capture_ms);
  ok(dsk_tp_graph_replay(raw, stream.raw, &error), error);
  wait(comm, stream.raw);
  CHECK(other.read_back() == eager);
}

TEST_CASE("a lost rank is named within the timeout, the device stays usable, and a new "
          "communicator works") {
  if (std::string(transport_name()) != "peer") return;
  const auto device = cuda();
  Rng rng(46);
  dsk_error* error = nullptr;
  const Weight weight(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, 256, 512, false);
  const dsk_tp_weight described = weight.describe();
  for (const bool again : {false, true}) {
    const auto comms = comms_of(device.get(), 2, 200);
    std::vector<Plan> plans;
    std::vector<Memory> xs, ys, spaces;
    for (std::uint32_t r = 0; r < 2; ++r) {
      plans.emplace_back(comms[r].get(), linear_desc(&described, DSK_TP_SPLIT_ROW, DSK_DTYPE_BF16,
                                                     4, DSK_TP_NO_MEASURE));
      xs.emplace_back(device.get(), random_tensor(rng, DSK_DTYPE_BF16, 4 * 256));
      ys.emplace_back(device.get(), 4 * 256 * 2);
      spaces.emplace_back(device.get(), plans[r].info.workspace_bytes);
    }
    Stream stream(device.get());
    if (!again) {
      const dsk_tp_args args = device_args(4, xs[0], ys[0], spaces[0]);
      ok(dsk_tp_linear_enqueue(plans[0].handle.get(), &args, stream.raw, &error), error);
      const auto start = std::chrono::steady_clock::now();
      dsk_status status = DSK_STATUS_OK;
      status = dsk_tp_comm_wait(comms[0].get(), stream.raw, &error);
      const double ms =
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
              .count();
      std::printf("lost rank named after %.1f ms (limit 200 ms): %s\n", ms,
                  dsk_error_message(error));
      refused(status, error, DSK_STATUS_BACKEND, "rank 1 is lost");
      CHECK(ms < 400);
      const dsk_status later =
          dsk_tp_linear_enqueue(plans[0].handle.get(), &args, stream.raw, &error);
      refused(later, error, DSK_STATUS_CANCELLED, "rank 1");
      continue;
    }
    dsk_tp_comm* raw[] = {comms[0].get(), comms[1].get()};
    dsk_tp_group* group = nullptr;
    ok(dsk_tp_group_begin(raw, 2, &group, &error), error);
    for (std::uint32_t r = 0; r < 2; ++r) {
      const dsk_tp_args args = device_args(4, xs[r], ys[r], spaces[r]);
      ok(dsk_tp_linear_enqueue(plans[r].handle.get(), &args, stream.raw, &error), error);
    }
    ok(dsk_tp_group_end(group, &error), error);
    wait(raw[0], stream.raw);
    CHECK(ys[0].read_back() == ys[1].read_back());
  }
}

TEST_CASE("bad input on the device: a status and a sentence, and the device stays usable") {
  const auto device = cuda();
  dsk_error* error = nullptr;
  dsk_tp_device* none = nullptr;
  const dsk_status far = dsk_tp_device_create("cuda", 4, 99, &none, &error);
  refused(far, error, DSK_STATUS_NOT_FOUND, "no CUDA device 99");
  void* memory = nullptr;
  const dsk_status large =
      dsk_tp_device_memory_create(device.get(), std::uint64_t{1} << 50, &memory, &error);
  refused(large, error, DSK_STATUS_OUT_OF_MEMORY, "memory");
  Memory small(device.get(), Bytes(16, 7));
  CHECK(small.read_back() == Bytes(16, 7));
}

TEST_CASE("a plan from saved choices") {
  const auto device = cuda();
  const auto comms = comms_of(device.get(), 1);
  Rng rng(47);
  dsk_error* error = nullptr;
  dsk_tp_tuning* tuning = nullptr;
  ok(dsk_tp_tuning_create(nullptr, 0, &tuning, &error), error);
  Owned<dsk_tp_tuning> owned(tuning);
  for (const dsk_dtype format : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3}) {
    const BigWeight weight(rng, format, DSK_DTYPE_BF16, 2048, 2048);
    const dsk_tp_weight described = weight.describe();
    dsk_tp_linear_desc desc =
        linear_desc(&described, DSK_TP_SPLIT_REPLICATED, DSK_DTYPE_BF16, 4096, 0);
    desc.tuning = tuning;
    const Plan first(comms[0].get(), desc);
    CHECK(first.info.measured == 1);
    char* text = nullptr;
    std::size_t len = 0;
    ok(dsk_tp_tuning_to_json(tuning, &text, &len, &error), error);
    dsk_tp_tuning* loaded = nullptr;
    ok(dsk_tp_tuning_create(text, len, &loaded, &error), error);
    const Owned<dsk_tp_tuning> second_owned(loaded);
    desc.tuning = loaded;
    const Plan second(comms[0].get(), desc);
    CHECK(second.info.measured == 0);
    std::printf("plan 2048 x 2048, m up to 4096: %.1f ms with measuring (%.1f ms measuring), %.2f "
                "ms from saved choices of %zu bytes\n",
                first.info.create_ms, first.info.measure_ms, second.info.create_ms, len);
    CHECK(second.info.create_ms < 50);
    dsk_free(text);
  }
}

TEST_CASE("a small tour of every kernel, for the sanitizers") {
  const auto device = cuda();
  Rng rng(48);
  dsk_error* error = nullptr;
  for (const std::uint32_t ranks : {1u, 2u})
    for (const dsk_dtype format : {DSK_DTYPE_BF16, DSK_DTYPE_F16, DSK_DTYPE_F32, DSK_DTYPE_F8E4M3,
                                   DSK_DTYPE_I8, DSK_DTYPE_I4}) {
      const dsk_dtype t = activation_of(format);
      const auto comms = comms_of(device.get(), ranks);
      std::vector<dsk_tp_comm*> raw;
      for (const auto& comm : comms)
        raw.push_back(comm.get());
      const Weight weight(rng, format, t, 72, 272, true);
      const dsk_tp_weight described = weight.describe();
      const Bytes gamma = random_tensor(rng, t, 72);
      Stream stream(device.get());
      for (const std::size_t m : {1u, 3u, 19u})
        for (const dsk_tp_split split : {DSK_TP_SPLIT_COLUMN, DSK_TP_SPLIT_ROW}) {
          dsk_tp_linear_desc desc = linear_desc(
              &described, split, t, 19,
              DSK_TP_NO_MEASURE | (split == DSK_TP_SPLIT_COLUMN ? DSK_TP_GATHER_OUTPUT : 0));
          if (split == DSK_TP_SPLIT_ROW) desc.gamma = gamma.data();
          std::vector<Plan> plans;
          std::vector<Memory> xs, ys, spaces;
          dsk_tp_group* group = nullptr;
          ok(dsk_tp_group_begin(raw.data(), ranks, &group, &error), error);
          for (std::uint32_t r = 0; r < ranks; ++r) {
            plans.emplace_back(raw[r], desc);
            xs.emplace_back(device.get(), random_tensor(rng, t, m * plans[r].info.input_columns));
            ys.emplace_back(device.get(), m * 72 * size_of(t));
            spaces.emplace_back(device.get(), plans[r].info.workspace_bytes);
            const dsk_tp_args args = device_args(m, xs[r], ys[r], spaces[r]);
            ok(dsk_tp_linear_enqueue(plans[r].handle.get(), &args, stream.raw, &error), error);
          }
          ok(dsk_tp_group_end(group, &error), error);
          wait(raw[0], stream.raw);
          for (Memory& y : ys)
            CHECK(all_written(y.read_back(), t));
        }
    }
}
