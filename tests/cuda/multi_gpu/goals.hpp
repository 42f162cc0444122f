// The project's goals for several H200s of one host, NVLink multicast off (set 2026-11), with the
// best public H200 figures that they stand against.
#pragma once

#include <cmath>
#include <cstdint>

namespace multi {

struct Goal {
  const char* id;
  std::uint32_t world; // 0: any
  const char* what;
  double bound;
  bool at_most; // else: at least
  const char* unit;
  double published; // aiconfigurator's H200 tables (best of SGLang, TensorRT-LLM, vLLM); NaN: none
};

constexpr Goal goals[] = {
    {"G1", 2, "all-reduce 16 KiB", 2.3, true, "us", 2.60},
    {"G1", 4, "all-reduce 16 KiB", 2.6, true, "us", 2.89},
    {"G1", 8, "all-reduce 16 KiB", 3.2, true, "us", 3.49},
    {"G2", 2, "all-reduce 128 KiB", 2.8, true, "us", 3.12},
    {"G2", 4, "all-reduce 128 KiB", 3.7, true, "us", 4.18},
    {"G2", 8, "all-reduce 128 KiB", 5.6, true, "us", 6.39},
    {"G3", 8, "all-reduce 256 KiB", 7.0, true, "us", 8.02},
    {"G4", 2, "all-reduce 512 KiB", 3.9, true, "us", 4.34},
    {"G4", 4, "all-reduce 512 KiB", 6.2, true, "us", 7.04},
    {"G4", 8, "all-reduce 512 KiB", 8.8, true, "us", 11.1},
    {"G5", 2, "all-reduce 1 MiB", 5.2, true, "us", 5.90},
    {"G5", 4, "all-reduce 1 MiB", 9.0, true, "us", 10.4},
    {"G5", 8, "all-reduce 1 MiB", 10.8, true, "us", 13.1},
    {"G6", 2, "all-reduce 4 MiB", 13.5, true, "us", 16.6},
    {"G6", 4, "all-reduce 4 MiB", 20.5, true, "us", 24.6},
    {"G6", 8, "all-reduce 4 MiB", 25.5, true, "us", 28.4},
    {"G7", 2, "all-reduce 8 MiB", 25.5, true, "us", 29.5},
    {"G7", 4, "all-reduce 8 MiB", 37.5, true, "us", 43.4},
    {"G7", 8, "all-reduce 8 MiB", 45.0, true, "us", 48.4},
    {"G8", 8, "bus bandwidth, least of 64 to 512 MiB", 365, false, "GB/s", NAN},
    {"G9", 0, "own / NCCL in graphs, worst size", 1.00, true, "x", NAN},
    {"G9 choice", 0, "the library's choice / the better of own and NCCL, worst size", 1.03, true,
     "x", NAN},
    {"G10", 8, "all-reduce + residual + RMSNorm, h 8192, worst of m 1, 4, 16", 4.2, true, "us",
     NAN},
    {"G11", 8, "row-linear 8192x8192, m 1: more than its product", 1.8, true, "us", NAN},
    {"G12 bf16", 8, "80 layers of Llama-70B, m 1", 4.85, true, "ms", 5.8},
    {"G12 fp8", 8, "80 layers of Llama-70B, m 1", 3.1, true, "ms", 4.9},
    {"G13 ratio", 0, "prefill: time / max(product, all-reduce), worst", 1.12, true, "x", NAN},
    {"G13 serial", 0, "prefill: overlapped / serial, worst", 1.00, true, "x", NAN},
    {"G14", 0, "all-gather hidden behind a column-linear, least", 0.85, false, "share", NAN},
    {"G15 replays", 0, "wrong states after replays with random host delays", 0, true, "", NAN},
    {"G15 report", 0, "a rank is lost: last survivor's report after the limit", 1000, true, "ms",
     NAN},
    {"G15 recreate", 0, "a new communicator after a lost rank, checked", 2000, true, "ms", NAN},
    {"G16", 0, "topology and peer matrix", 60, true, "s", NAN},
};

} // namespace multi
