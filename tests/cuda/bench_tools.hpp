// What the benchmarks share: replayed graphs with their times, device memory, the layers that are
// measured and banks of their weights.
//
// Method: a graph of launches that rotate over enough copies of the weight to leave none in L2 (at
// least 512 MB together), random data, replayed; the median of 7 replays divided by the launches.
// Rivals alternate with own choices.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "blas.hpp"
#include "check.hpp"
#include "linear/gemm.hpp"

namespace bench {

using namespace dsk::cuda;

extern std::FILE* out; // one JSON line for each figure

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
inline constexpr Layer layers[] = {{"dsv3 q_a+kv_a", 2112, 7168},
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
  std::uint32_t phase; // FP8: rows and columns of the first scale block that lie on other ranks
  std::vector<std::unique_ptr<DeviceBytes>> data;
  std::unique_ptr<DeviceBytes> scales, rows;

  Bank(Device& d, dsk_dtype w, std::uint64_t n_, std::uint64_t k_, std::uint64_t m,
       std::uint32_t phase_ = 0)
      : device(d), weight(w), n(n_), k(k_), max_m(m), phase(phase_) {
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
      std::vector<float> s((n + phase + 127) / 128 * ((k + phase + 127) / 128));
      for (std::size_t i = 0; i < s.size(); ++i)
        s[i] = 0.01f * (1.0f + static_cast<float>(i * 7 % 11) * 0.1f);
      std::vector<std::int32_t> r(n);
      for (std::size_t i = 0; i < n; ++i)
        r[i] = static_cast<std::int32_t>((i + phase) / 128);
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
      desc.scale_row_count = (n + phase + 127) / 128;
      desc.k_phase = phase;
    }
    desc.choices = choices.empty() ? nullptr : choices.data();
    desc.choices_len = choices.size();
    if (!choices.empty())
      desc.flags = DSK_BACKEND_GEMM_NO_MEASURE; // text that is refused must not start measuring
    return std::make_unique<Gemm>(device, desc);
  }
};

/// Measured choices against every algorithm of cuBLASLt's heuristics, for these rows of x.
struct Against {
  double worst = 0, log_sum = 0;
  int points = 0;
};
Against products(Device& device, dsk_dtype weight, const std::vector<std::uint64_t>& rows);
/// Every configuration of the kernel for few rows: checked against the fixed-order kernel, then
/// timed if that is asked for. False when one was wrong.
bool skinny_choices(Device& device, dsk_dtype weight, const std::vector<std::uint64_t>& rows,
                    const std::vector<Layer>& some, bool timed);
/// Every configuration of the kernel for many rows likewise, FP8, beside the best of cuBLASLt's
/// block mode if timed; the result, where it is timed, also over the points.
bool wide_choices(Device& device, const std::vector<std::uint64_t>& rows,
                  const std::vector<Layer>& some, std::uint32_t phase, bool timed, Against* all);

} // namespace bench
