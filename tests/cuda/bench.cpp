// Times on one GPU: measured choices against every cuBLASLt heuristic, graphs against eager
// launches, plan creation, and the own all-reduce with virtual ranks. usage: gpu_bench OUT.jsonl
// [products | bf16] ; one JSON line for each figure.
//
// Method: a graph of launches that rotate over enough copies of the weight to leave none in L2 (at
// least 512 MB together), random data, replayed; the median of 7 replays divided by the launches.
// Rivals alternate with own choices.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench_kernels.hpp"
#include "blas.hpp"
#include "check.hpp"
#include "comm/comm.hpp"
#include "driver.hpp"
#include "linear/elementwise.hpp"
#include "linear/gemm.hpp"

using namespace dsk::cuda;

namespace {

std::FILE* out = nullptr;

struct Timing {
  double us = 0, low = 0, high = 0;
};

class Replay {
public:
  /// Captures `body`, which enqueues `launches` pieces of work on the stream it is given.
  Replay(int launches, const std::function<void(cudaStream_t)>& body) : launches_(launches) {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
    check(cudaEventCreate(&begin_), "event");
    check(cudaEventCreate(&end_), "event");
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "capture");
    body(stream_);
    cudaGraph_t graph = nullptr;
    check(cudaStreamEndCapture(stream_, &graph), "capture");
    check(cudaGraphInstantiate(&exec_, graph, 0), "instantiate");
    check(cudaGraphDestroy(graph), "graph");
    run();
  }
  ~Replay() {
    (void)cudaGraphExecDestroy(exec_);
    (void)cudaEventDestroy(begin_);
    (void)cudaEventDestroy(end_);
    (void)cudaStreamDestroy(stream_);
  }
  Replay(const Replay&) = delete;
  double run() {
    check(cudaEventRecord(begin_, stream_), "event");
    check(cudaGraphLaunch(exec_, stream_), "launch");
    check(cudaEventRecord(end_, stream_), "event");
    check(cudaEventSynchronize(end_), "replay");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, begin_, end_), "event");
    return static_cast<double>(ms) * 1000 / launches_;
  }
  Timing time(int groups = 7) {
    std::vector<double> us;
    for (int i = 0; i < groups; ++i)
      us.push_back(run());
    std::sort(us.begin(), us.end());
    return {us[us.size() / 2], us.front(), us.back()};
  }

private:
  int launches_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
  cudaGraphExec_t exec_ = nullptr;
};

struct DeviceBytes {
  void* at = nullptr;
  explicit DeviceBytes(std::size_t bytes) { check(cudaMalloc(&at, bytes), "cudaMalloc"); }
  ~DeviceBytes() { (void)cudaFree(at); }
  DeviceBytes(const DeviceBytes&) = delete;
};

struct Layer {
  const char* name;
  std::uint64_t n, k;
};
// One rank at TP 8; figures from the models' published config.json files.
constexpr Layer layers[] = {{"dsv3 q_a+kv_a", 2112, 7168},
                            {"dsv3 q_b tp8", 3072, 1536},
                            {"dsv3 kv_b tp8", 4096, 512},
                            {"dsv3 o tp8", 7168, 2048},
                            {"dsv3 gate_up tp8", 4608, 7168},
                            {"dsv3 down tp8", 7168, 2304},
                            {"dsv3 shared gate_up tp8", 512, 7168},
                            {"dsv3 shared down tp8", 7168, 256},
                            {"dsv3 router", 256, 7168},
                            {"l70b qkv tp8", 1280, 8192},
                            {"l70b o tp8", 8192, 1024},
                            {"l70b gate_up tp8", 7168, 8192},
                            {"l70b down tp8", 8192, 3584},
                            {"q2.5 gate_up tp8", 7392, 8192},
                            {"q2.5 down tp8", 8192, 3696},
                            {"q3-32b qkv tp8", 1280, 5120},
                            {"q3-32b o tp8", 5120, 1024},
                            {"q3-32b gate_up tp8", 6400, 5120},
                            {"q3-32b down tp8", 5120, 3200},
                            {"q3-235b qkv tp8", 1280, 4096},
                            {"q3-235b o tp8", 4096, 1024},
                            {"q3-235b gate_up tp8", 384, 4096},
                            {"q3-235b down tp8", 4096, 192},
                            {"q3-235b router", 128, 4096}};

/// Copies of one weight and the products on them.
struct Bank {
  Device& device;
  dsk_dtype weight;
  std::uint64_t n, k, max_m;
  std::vector<std::unique_ptr<DeviceBytes>> data;
  std::unique_ptr<DeviceBytes> scales, rows;

  Bank(Device& d, dsk_dtype w, std::uint64_t n_, std::uint64_t k_, std::uint64_t m)
      : device(d), weight(w), n(n_), k(k_), max_m(m) {
    const std::uint64_t bytes = n * k * (weight == DSK_DTYPE_BF16 ? 2 : 1);
    const std::uint64_t copies = std::clamp<std::uint64_t>((512u << 20) / bytes + 1, 2, 64);
    for (std::uint64_t i = 0; i < copies; ++i) {
      data.push_back(std::make_unique<DeviceBytes>(bytes));
      if (weight == DSK_DTYPE_BF16) {
        fill_random(data.back()->at, DSK_DTYPE_BF16, n * k, static_cast<std::uint32_t>(i + 7),
                    nullptr);
      } else {
        std::vector<std::uint8_t> codes(bytes);
        std::uint32_t state = static_cast<std::uint32_t>(i) * 977 + 1;
        for (std::uint8_t& code : codes) {
          state = state * 1664525u + 1013904223u;
          code = static_cast<std::uint8_t>((state >> 24 & 0x80) | ((state >> 16 & 0x7f) % 0x50));
        }
        check(cudaMemcpy(data.back()->at, codes.data(), bytes, cudaMemcpyHostToDevice), "copy");
      }
    }
    if (weight == DSK_DTYPE_F8E4M3) {
      std::vector<float> s((n + 127) / 128 * ((k + 127) / 128), 0.01f);
      std::vector<std::int32_t> r(n);
      for (std::size_t i = 0; i < n; ++i)
        r[i] = static_cast<std::int32_t>(i / 128);
      scales = std::make_unique<DeviceBytes>(s.size() * 4);
      rows = std::make_unique<DeviceBytes>(r.size() * 4);
      check(cudaMemcpy(scales->at, s.data(), s.size() * 4, cudaMemcpyHostToDevice), "copy");
      check(cudaMemcpy(rows->at, r.data(), r.size() * 4, cudaMemcpyHostToDevice), "copy");
    }
    check(cudaDeviceSynchronize(), "filling");
  }
  std::unique_ptr<Gemm> gemm(std::size_t copy, const std::string& choices) const {
    dsk_backend_gemm_desc desc{};
    desc.struct_size = sizeof desc;
    desc.activation_dtype = desc.output_dtype = DSK_DTYPE_BF16;
    desc.weight_dtype = weight;
    desc.n = n;
    desc.k = k;
    desc.max_m = max_m;
    desc.weight = data[copy]->at;
    if (scales) {
      desc.weight_scales = static_cast<const float*>(scales->at);
      desc.scale_rows = static_cast<const std::int32_t*>(rows->at);
      desc.scale_row_count = (n + 127) / 128;
    }
    desc.choices = choices.empty() ? nullptr : choices.data();
    desc.choices_len = choices.size();
    if (!choices.empty())
      desc.flags = DSK_BACKEND_GEMM_NO_MEASURE; // text that is refused must not start measuring
    return std::make_unique<Gemm>(device, desc);
  }
};

/// Every algorithm that cuBLASLt's heuristic names for m rows, as choices of one product.
std::vector<std::string> heuristics(Device& device, const Bank& bank, std::uint64_t m) {
  const Blas& lt = blas();
  const bool fp8 = bank.weight == DSK_DTYPE_F8E4M3;
  cublasLtMatmulDescOpaque_t desc;
  cublasLtMatrixLayoutOpaque_t a, b, c;
  lt.desc_init(&desc, sizeof desc, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  const auto set = [&](cublasLtMatmulDescAttributes_t what, const auto& value) {
    lt.desc_set(&desc, what, &value, sizeof value);
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  if (fp8) {
    set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F);
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, bank.scales->at);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, bank.scales->at);
  }
  const cudaDataType_t in = fp8 ? CUDA_R_8F_E4M3 : CUDA_R_16BF;
  lt.layout_init(&a, sizeof a, in, bank.k, bank.n, static_cast<std::int64_t>(bank.k));
  lt.layout_init(&b, sizeof b, in, bank.k, m, static_cast<std::int64_t>(bank.k));
  lt.layout_init(&c, sizeof c, CUDA_R_16BF, bank.n, m, static_cast<std::int64_t>(bank.n));
  cublasLtMatmulPreferenceOpaque_t preference;
  lt.preference_init(&preference, sizeof preference);
  const std::size_t space = 32u << 20;
  lt.preference_set(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &space, sizeof space);
  cublasLtMatmulHeuristicResult_t found[32];
  int count = 0;
  std::vector<std::string> texts;
  if (lt.heuristic(device.blas, &desc, &a, &b, &c, &c, &preference, 32, found, &count) !=
      CUBLAS_STATUS_SUCCESS)
    return texts;
  for (int i = 0; i < count; ++i) {
    if (found[i].state != CUBLAS_STATUS_SUCCESS) continue;
    char hex[2 * sizeof found[i].algo + 1];
    unsigned char bytes[sizeof found[i].algo];
    std::memcpy(bytes, &found[i].algo, sizeof bytes);
    for (std::size_t j = 0; j < sizeof bytes; ++j)
      std::snprintf(hex + 2 * j, 3, "%02x", bytes[j]);
    texts.push_back(std::to_string(m) + "/" + std::to_string(m) +
                    ":b:" + std::to_string(found[i].workspaceSize) + "," + hex + ";" +
                    std::to_string(bank.max_m) + ":t");
  }
  return texts;
}

std::unique_ptr<Replay> rotate(const Bank& bank, const std::string& choices, std::uint64_t m,
                               const void* x, void* y, void* space,
                               std::vector<std::unique_ptr<Gemm>>& keep) {
  // Large products take long enough that x and y alone push a weight out of L2.
  const std::size_t copies = std::min<std::size_t>(bank.data.size(), m >= 1024  ? 4
                                                                     : m >= 256 ? 16
                                                                                : 64);
  keep.clear();
  for (std::size_t i = 0; i < copies; ++i) {
    keep.push_back(bank.gemm(i, choices));
    if (keep.back()->choices_text() != choices)
      return nullptr; // the library refuses this algorithm here
  }
  try {
    return std::make_unique<Replay>(static_cast<int>(copies), [&](cudaStream_t stream) {
      for (const auto& gemm : keep)
        gemm->enqueue(m, x, y, space, stream);
    });
  } catch (const Failure&) {
    (void)cudaGetLastError();
    return nullptr;
  }
}

void products(Device& device, dsk_dtype weight, const std::vector<std::uint64_t>& rows,
              double& worst, double& log_sum, int& points) {
  const std::uint64_t max_m = rows.back();
  for (const Layer& layer : layers) {
    if (weight == DSK_DTYPE_F8E4M3 && layer.k % 128 != 0) continue;
    const Bank bank(device, weight, layer.n, layer.k, max_m);
    const auto start = std::chrono::steady_clock::now();
    const auto tuned = bank.gemm(0, "");
    const double create_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    std::fprintf(out,
                 "{\"figure\":\"plan creation with "
                 "measuring\",\"layer\":\"%s\",\"weight\":%d,\"n\":%llu,\"k\":%llu,\"max_m\":%llu,"
                 "\"ms\":%.1f}\n",
                 layer.name, weight, static_cast<unsigned long long>(layer.n),
                 static_cast<unsigned long long>(layer.k), static_cast<unsigned long long>(max_m),
                 create_ms);
    const DeviceBytes x(max_m * layer.k * 2), y(max_m * layer.n * 2),
        space(tuned->workspace_bytes() + (64u << 20));
    fill_random(x.at, DSK_DTYPE_BF16, max_m * layer.k, 3, nullptr);
    check(cudaDeviceSynchronize(), "filling");
    for (const std::uint64_t m : rows) {
      std::vector<std::unique_ptr<Gemm>> own_gemms, lt_gemms;
      const auto own = rotate(bank, tuned->choices_text(), m, x.at, y.at, space.at, own_gemms);
      if (!own) continue;
      // First every rival roughly, then the best against the own choice in turns.
      std::string best_text;
      double best = 1e30;
      int tried = 0;
      for (const std::string& text : heuristics(device, bank, m)) {
        const auto rival = rotate(bank, text, m, x.at, y.at, space.at, lt_gemms);
        if (!rival) continue;
        ++tried;
        const double us = rival->time(3).us;
        if (us < best) {
          best = us;
          best_text = text;
        }
      }
      Timing mine = own->time(), theirs{};
      if (tried) {
        const auto rival = rotate(bank, best_text, m, x.at, y.at, space.at, lt_gemms);
        theirs = rival->time();
        const Timing again = own->time();
        mine.us = std::min(mine.us, again.us);
        const Timing rival_again = rival->time();
        theirs.us = std::min(theirs.us, rival_again.us);
      }
      const double ratio = tried ? mine.us / theirs.us : 0;
      if (tried) {
        worst = std::max(worst, ratio);
        log_sum += std::log(ratio);
        ++points;
      }
      std::fprintf(out,
                   "{\"figure\":\"product\",\"layer\":\"%s\",\"weight\":\"%s\",\"n\":%llu,\"k\":%"
                   "llu,\"m\":%llu,\"own_us\":%.2f,\"own_low\":%.2f,\"own_high\":%.2f,\"cublaslt_"
                   "best_us\":%.2f,\"heuristics\":%d,\"ratio\":%.3f}\n",
                   layer.name, weight == DSK_DTYPE_BF16 ? "bf16" : "fp8 block",
                   static_cast<unsigned long long>(layer.n),
                   static_cast<unsigned long long>(layer.k), static_cast<unsigned long long>(m),
                   mine.us, mine.low, mine.high, theirs.us, tried, ratio);
      std::fflush(out);
    }
  }
}

/// 64 tiny kernels: launches one by one against one graph.
void tiny_chain(Device& device) {
  const DeviceBytes a(1 << 16), b(1 << 16);
  fill_random(a.at, DSK_DTYPE_BF16, 1 << 15, 5, nullptr);
  check(cudaDeviceSynchronize(), "filling");
  const auto chain = [&](cudaStream_t stream) {
    for (int i = 0; i < 64; ++i)
      activate(DSK_DTYPE_BF16, DSK_BACKEND_SILU, 1, 512, i % 2 ? b.at : a.at, i % 2 ? a.at : b.at,
               Launch{stream, device.programmatic_launch});
  };
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  const auto wall = [&](const std::function<void()>& body) {
    std::vector<double> us;
    for (int i = 0; i < 41; ++i) {
      const auto start = std::chrono::steady_clock::now();
      body();
      check(cudaStreamSynchronize(stream), "chain");
      us.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
              .count());
    }
    std::sort(us.begin(), us.end());
    return us[us.size() / 2];
  };
  const double eager = wall([&] { chain(stream); });
  Replay graph(1, chain);
  const double device_time = graph.time(41).us;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  chain(stream);
  cudaGraph_t raw = nullptr;
  cudaGraphExec_t exec = nullptr;
  check(cudaStreamEndCapture(stream, &raw), "capture");
  check(cudaGraphInstantiate(&exec, raw, 0), "instantiate");
  const double replayed = wall([&] { check(cudaGraphLaunch(exec, stream), "launch"); });
  std::fprintf(
      out,
      "{\"figure\":\"64 tiny "
      "kernels\",\"eager_us\":%.1f,\"graph_us\":%.1f,\"graph_device_us\":%.1f,\"saved\":%.3f}\n",
      eager, replayed, device_time, 1 - replayed / eager);
  std::printf(
      "64 tiny kernels: eager %.1f us, graph %.1f us (%.0f %% less), on the device %.1f us\n",
      eager, replayed, 100 * (1 - replayed / eager), device_time);
  (void)cudaGraphExecDestroy(exec);
  (void)cudaGraphDestroy(raw);
  (void)cudaStreamDestroy(stream);
}

/// The four products of a Llama-70B layer at TP 8, m = 1, 20 layers of distinct weights: eager
/// against graph.
void layer_chain(Device& device) {
  constexpr Layer parts[] = {
      {"qkv", 1280, 8192}, {"o", 8192, 1024}, {"gate_up", 7168, 8192}, {"down", 8192, 3584}};
  constexpr int depth = 20;
  std::vector<std::unique_ptr<DeviceBytes>> weights;
  std::vector<std::unique_ptr<Gemm>> gemms;
  std::string texts[4];
  std::uint64_t space_bytes = 0;
  for (int layer = 0; layer < depth; ++layer)
    for (int i = 0; i < 4; ++i) {
      weights.push_back(std::make_unique<DeviceBytes>(parts[i].n * parts[i].k * 2));
      fill_random(weights.back()->at, DSK_DTYPE_BF16, parts[i].n * parts[i].k,
                  static_cast<std::uint32_t>(layer * 4 + i), nullptr);
      check(cudaDeviceSynchronize(), "filling");
      dsk_backend_gemm_desc desc{};
      desc.struct_size = sizeof desc;
      desc.activation_dtype = desc.output_dtype = desc.weight_dtype = DSK_DTYPE_BF16;
      desc.n = parts[i].n;
      desc.k = parts[i].k;
      desc.max_m = 1;
      desc.weight = weights.back()->at;
      desc.choices = texts[i].empty() ? nullptr : texts[i].data();
      desc.choices_len = texts[i].size();
      gemms.push_back(std::make_unique<Gemm>(device, desc));
      texts[i] = gemms.back()->choices_text();
      space_bytes = std::max(space_bytes, gemms.back()->workspace_bytes());
    }
  const DeviceBytes x(1 << 16), y(1 << 16), space(space_bytes + 256);
  fill_random(x.at, DSK_DTYPE_BF16, 1 << 15, 9, nullptr);
  check(cudaDeviceSynchronize(), "filling");
  const auto chain = [&](cudaStream_t stream) {
    for (const auto& gemm : gemms)
      gemm->enqueue(1, x.at, y.at, space.at, stream);
  };
  Replay graph(depth, chain);
  const Timing replayed = graph.time(15);
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  std::vector<double> us;
  for (int i = 0; i < 15; ++i) {
    const auto start = std::chrono::steady_clock::now();
    chain(stream);
    check(cudaStreamSynchronize(stream), "chain");
    us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
                     .count() /
                 depth);
  }
  std::sort(us.begin(), us.end());
  (void)cudaStreamDestroy(stream);
  std::fprintf(out,
               "{\"figure\":\"llama-70b tp8 layer, "
               "m=1\",\"graph_us\":%.2f,\"graph_low\":%.2f,\"graph_high\":%.2f,\"eager_us\":%.2f,"
               "\"choices\":\"%s | %s | %s | %s\"}\n",
               replayed.us, replayed.low, replayed.high, us[us.size() / 2],
               texts[0].substr(0, 12).c_str(), texts[1].substr(0, 12).c_str(),
               texts[2].substr(0, 12).c_str(), texts[3].substr(0, 12).c_str());
  std::printf("llama-70b tp8 layer's four products, m = 1: graph %.2f us, eager %.2f us\n",
              replayed.us, us[us.size() / 2]);
}

/// Own all-reduce of virtual ranks: 20 in one graph.
void all_reduce(Device& device) {
  for (const std::uint32_t ranks : {2u, 4u, 8u}) {
    dsk_backend_comm_options options{};
    options.struct_size = sizeof options;
    options.timeout_ms = 5000;
    options.max_bytes = 1 << 20;
    const auto comms = make_peer_comms(std::vector<Device*>(ranks, &device), options);
    for (const std::uint64_t bytes : {2048u, 16384u, 65536u, 262144u, 1048576u}) {
      std::vector<std::unique_ptr<DeviceBytes>> in, result;
      for (std::uint32_t r = 0; r < ranks; ++r) {
        in.push_back(std::make_unique<DeviceBytes>(bytes));
        result.push_back(std::make_unique<DeviceBytes>(bytes));
        fill_random(in.back()->at, DSK_DTYPE_BF16, bytes / 2, r, nullptr);
      }
      check(cudaDeviceSynchronize(), "filling");
      constexpr int repeats = 20;
      Replay graph(repeats, [&](cudaStream_t stream) {
        for (int i = 0; i < repeats; ++i) {
          std::vector<dsk_backend_collective> calls;
          for (std::uint32_t r = 0; r < ranks; ++r)
            calls.push_back(
                {comms[r].get(), DSK_DTYPE_BF16, bytes / 2, in[r]->at, result[r]->at, stream});
          comms[0]->all_reduce(calls.data(), ranks);
        }
      });
      const Timing timing = graph.time(15);
      CopyRanks copies{};
      for (std::uint32_t r = 0; r < ranks; ++r) {
        copies.in[r] = in[r]->at;
        copies.out[r] = result[r]->at;
      }
      Replay without(repeats, [&](cudaStream_t stream) {
        for (int i = 0; i < repeats; ++i)
          copy_ranks(copies, ranks, bytes, stream);
      });
      const Timing bare = without.time(15);
      std::fprintf(out,
                   "{\"figure\":\"own all-reduce, virtual "
                   "ranks\",\"ranks\":%u,\"bytes\":%llu,\"us\":%.2f,\"low\":%.2f,\"high\":%.2f,"
                   "\"copy_us\":%.2f,\"protocol_us\":%.2f}\n",
                   ranks, static_cast<unsigned long long>(bytes), timing.us, timing.low,
                   timing.high, bare.us, timing.us - bare.us);
      std::printf("own all-reduce, %u virtual ranks, %llu bytes: %.2f us; the same grid copying "
                  "%.2f us; protocol %.2f us\n",
                  ranks, static_cast<unsigned long long>(bytes), timing.us, bare.us,
                  timing.us - bare.us);
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  out = std::fopen(argc > 1 ? argv[1] : "bench.jsonl", "w");
  if (!out) return 2;
  try {
    Device device(0);
    dsk_backend_device_info info{};
    std::string why;
    describe(0, info, why);
    std::fprintf(out,
                 "{\"figure\":\"device\",\"name\":\"%s\",\"driver\":\"%s\",\"cublaslt\":\"%s\","
                 "\"nccl\":\"%s\",\"sms\":%u}\n",
                 info.name, driver().version.c_str(), blas().version.c_str(),
                 nccl_version().c_str(), info.multiprocessors);
    tiny_chain(device);
    all_reduce(device);
    layer_chain(device);
    if (argc > 2) {
      for (const dsk_dtype weight : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3}) {
        if (std::strcmp(argv[2], "bf16") == 0 && weight != DSK_DTYPE_BF16) continue;
        double worst = 0, log_sum = 0;
        int points = 0;
        const auto start = std::chrono::steady_clock::now();
        const std::vector<std::uint64_t> rows =
            weight == DSK_DTYPE_BF16
                ? std::vector<std::uint64_t>{1,   2,   4,   8,    16,   32,  64,
                                             128, 256, 512, 1024, 4096, 8192}
                : std::vector<std::uint64_t>{1, 16, 64, 512, 4096};
        products(device, weight, rows, worst, log_sum, points);
        std::printf(
            "%s: %d points, own / best cuBLASLt: worst %.3f, geometric mean %.3f, %.0f s\n",
            weight == DSK_DTYPE_BF16 ? "bf16" : "fp8 block", points, worst,
            points ? std::exp(log_sum / points) : 0.0,
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      }
    }
  } catch (const std::exception& e) {
    std::printf("failed: %s\n", e.what());
    return 1;
  }
  std::fclose(out);
  return 0;
}
