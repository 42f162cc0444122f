#include "linear/tuner.hpp"

#include <algorithm>
#include <cmath>

#include "check.hpp"

namespace dsk::cuda {
namespace {

constexpr std::size_t blas_workspace = std::size_t{32} << 20;
constexpr int most_heuristics = 16;
constexpr std::uint64_t most_measured = 8192;
constexpr double never = 1e30;
constexpr std::uint64_t most_copies = 64;
constexpr std::uint64_t checked_rows = 64; // at a time: the first, those in the middle, the last

std::uint64_t element_bytes(dsk_dtype dtype) {
  return dtype == DSK_DTYPE_F32 ? 4 : 2;
}

std::uint64_t weight_bits(dsk_dtype dtype) {
  return dtype == DSK_DTYPE_F32                               ? 32
         : dtype == DSK_DTYPE_I4                              ? 4
         : dtype == DSK_DTYPE_F8E4M3 || dtype == DSK_DTYPE_I8 ? 8
                                                              : 16;
}

} // namespace

Tuner::Tuner(const Gemm& gemm) : gemm_(gemm) {
  const ProductView& p = gemm_.view_;
  try {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaEventCreate(&begin_), "cudaEventCreate");
    check(cudaEventCreate(&end_), "cudaEventCreate");
    check(cudaMalloc(reinterpret_cast<void**>(&result_), 2 * sizeof(float)), "cudaMalloc");
    // Copies of the weight that push each other out of L2, where memory allows.
    int l2 = 0;
    std::size_t free_bytes = 0, total = 0;
    check(cudaDeviceGetAttribute(&l2, cudaDevAttrL2CacheSize, gemm_.device_.ordinal),
          "cudaDeviceGetAttribute");
    check(cudaMemGetInfo(&free_bytes, &total), "cudaMemGetInfo");
    const std::uint64_t weight_bytes =
        (std::uint64_t{p.n} * p.k * weight_bits(p.weight) / 8 + 255) / 256 * 256;
    const std::uint64_t wanted = std::clamp<std::uint64_t>(
        4 * static_cast<std::uint64_t>(l2) / weight_bytes, 1, most_copies - 1);
    const std::uint64_t copies = std::min(wanted, free_bytes / 4 / weight_bytes);
    weights_.push_back(p.w);
    if (copies > 0) check(cudaMalloc(&copies_, copies * weight_bytes), "cudaMalloc");
    for (std::uint64_t i = 0; i < copies; ++i) {
      weights_.push_back(static_cast<std::byte*>(copies_) + i * weight_bytes);
      check(cudaMemcpyAsync(const_cast<void*>(weights_.back()), p.w,
                            std::uint64_t{p.n} * p.k * weight_bits(p.weight) / 8,
                            cudaMemcpyDeviceToDevice, stream_),
            "cudaMemcpy");
    }
    // As many rows as memory allows, leaving most of it to the caller.
    check(cudaMemGetInfo(&free_bytes, &total), "cudaMemGetInfo");
    const std::uint64_t row = p.k * element_bytes(p.activation) +
                              2 * p.n * element_bytes(p.output) + 3 * std::uint64_t{p.k};
    most_rows_ =
        std::min({gemm_.max_m_, most_measured, std::max<std::uint64_t>(1, free_bytes / 3 / row)});
    check(cudaMalloc(&x_, most_rows_ * p.k * element_bytes(p.activation)), "cudaMalloc");
    check(cudaMalloc(&y_, most_rows_ * p.n * element_bytes(p.output)), "cudaMalloc");
    check(
        cudaMalloc(&expected_, std::min(most_rows_, checked_rows) * p.n * element_bytes(p.output)),
        "cudaMalloc");
    check(cudaMalloc(&workspace_, gemm_.code_bytes(gemm_.max_m_) + gemm_.scale_bytes(gemm_.max_m_) +
                                      blas_workspace),
          "cudaMalloc");
    fill_random(x_, p.activation, most_rows_ * p.k, 1, stream_);
    check(cudaStreamSynchronize(stream_), "measuring the product");
  } catch (...) {
    release();
    throw;
  }
}

Tuner::~Tuner() {
  release();
}

void Tuner::release() {
  for (void* memory : {x_, y_, expected_, workspace_, copies_, static_cast<void*>(result_)})
    (void)cudaFree(memory);
  if (begin_) (void)cudaEventDestroy(begin_);
  if (end_) (void)cudaEventDestroy(end_);
  if (stream_) (void)cudaStreamDestroy(stream_);
}

std::vector<Choice> Tuner::candidates(std::uint64_t m) const {
  std::vector<Choice> out;
  const ProductView& p = gemm_.view_;
  const auto add = [&](Choice choice) {
    choice.m = m;
    out.push_back(choice);
  };
  if (m <= gemv_most_rows &&
      gemv_takes(p, static_cast<std::uint32_t>(m), gemm_.device_.shared_limit))
    for (const std::uint32_t rows : {1u, 2u})
      for (const std::uint32_t split : {1u, 2u, 4u, 8u}) {
        Choice choice;
        choice.route = Route::gemv;
        choice.gemv = {rows, split};
        add(choice);
      }
  if (m <= skinny_most_rows)
    for (const SkinnyChoice& skinny :
         skinny_candidates(p, gemm_.skinny_device(), static_cast<std::uint32_t>(m))) {
      Choice choice;
      choice.route = Route::skinny;
      choice.skinny = skinny;
      add(choice);
    }
  for (const WideChoice& wide :
       wide_candidates(p, gemm_.wide_device(), static_cast<std::uint32_t>(m))) {
    Choice choice;
    choice.route = Route::wide;
    choice.wide = wide;
    add(choice);
  }
  add(gemm_.fallback());
  if (!gemm_.blas_takes()) return out;
  Gemm::BlasCall call;
  cublasLtMatmulPreferenceOpaque_t preference;
  const Blas& lt = blas();
  const std::size_t space = blas_workspace;
  cublasLtMatmulHeuristicResult_t found[most_heuristics];
  int count = 0;
  if (!gemm_.make_call(call, m, gemm_.blas_scales_) ||
      lt.preference_init(&preference, sizeof preference) != CUBLAS_STATUS_SUCCESS ||
      lt.preference_set(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &space,
                        sizeof space) != CUBLAS_STATUS_SUCCESS ||
      lt.heuristic(gemm_.device_.blas, &call.desc, &call.w, &call.x, &call.y, &call.y, &preference,
                   most_heuristics, found, &count) != CUBLAS_STATUS_SUCCESS)
    return out;
  for (int i = 0; i < count; ++i) {
    if (found[i].state != CUBLAS_STATUS_SUCCESS) continue;
    Choice choice;
    choice.route = Route::blas;
    choice.algo = found[i].algo;
    choice.algo_workspace = found[i].workspaceSize;
    add(choice);
  }
  return out;
}

bool Tuner::runs_right(const Choice& choice, std::uint64_t m) {
  const ProductView& p = gemm_.view_;
  const std::uint64_t rows = std::min(m, checked_rows);
  const auto row = [&](void* base, std::uint64_t width, std::uint64_t r) {
    return static_cast<std::byte*>(base) + r * width;
  };
  const std::uint64_t x_row = p.k * element_bytes(p.activation),
                      y_row = p.n * element_bytes(p.output);
  const float allowed = p.output == DSK_DTYPE_BF16 ? 0.01f
                        : p.weight == DSK_DTYPE_F32 && (gemm_.flags_ & DSK_BACKEND_GEMM_TF32)
                            ? 0.004f
                            : 0.002f;
  try {
    check(cudaMemsetAsync(y_, 0xff, m * y_row, stream_),
          "cudaMemset"); // NaN where nothing is written
    gemm_.run(choice, m, x_, y_, workspace_, stream_);
    for (const std::uint64_t from : {std::uint64_t{0}, (m - rows) / 2, m - rows}) {
      if (from > 0 && rows == m) break;
      gemm_.run(gemm_.fallback(), rows, row(x_, x_row, from), expected_, workspace_, stream_);
      compare(row(y_, y_row, from), expected_, p.output, rows * p.n, result_, stream_);
      float result[2] = {};
      check(cudaMemcpyAsync(result, result_, sizeof result, cudaMemcpyDeviceToHost, stream_),
            "cudaMemcpy");
      check(cudaStreamSynchronize(stream_), "trying a choice");
      if (!std::isfinite(result[0]) || result[0] > allowed * result[1]) return false;
    }
    return true;
  } catch (const Failure&) {
    return false; // the library refuses this algorithm here
  }
}

/// Median of replays of a graph that runs the product once on every copy of the weight.
double Tuner::time_us(const Choice& choice, std::uint64_t m, int replays) {
  const std::size_t launches =
      m >= 1024 ? std::min<std::size_t>(5, weights_.size()) : weights_.size();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  bool captured = true;
  try {
    for (std::size_t i = 0; i < launches; ++i)
      gemm_.run(choice, m, x_, y_, workspace_, stream_, weights_[i]);
  } catch (const Failure&) {
    captured = false;
  }
  const cudaError_t ended = cudaStreamEndCapture(stream_, &graph);
  captured = captured && ended == cudaSuccess &&
             cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess;
  if (graph) (void)cudaGraphDestroy(graph);
  if (!captured) {
    (void)cudaGetLastError();
    return never; // what cannot be captured is no choice for a chain
  }
  std::vector<float> times;
  for (int i = 0; i <= replays; ++i) {
    check(cudaEventRecord(begin_, stream_), "cudaEventRecord");
    check(cudaGraphLaunch(executable, stream_), "cudaGraphLaunch");
    check(cudaEventRecord(end_, stream_), "cudaEventRecord");
    check(cudaEventSynchronize(end_), "measuring a choice");
    float ms = 0.0f;
    check(cudaEventElapsedTime(&ms, begin_, end_), "cudaEventElapsedTime");
    if (i > 0) times.push_back(ms); // the first replay warms up
  }
  (void)cudaGraphExecDestroy(executable);
  std::sort(times.begin(), times.end());
  return static_cast<double>(times[times.size() / 2]) * 1000.0 / static_cast<double>(launches);
}

std::uint64_t Tuner::step_of(const Choice& choice, std::uint64_t m, std::uint64_t from) const {
  if (choice.route != Route::blas) return 1;
  for (const std::uint64_t step : {1u, 2u, 4u, 8u, 16u}) {
    bool all = m % step == 0;
    // Every multiple near the ends and some between: the library's limits are on alignment, not on
    // single values.
    for (std::uint64_t i = 0, at = (from + step - 1) / step * step; all && at <= m;
         ++i, at += i < 8 ? step : std::max(step, (m - from) / 8 / step * step + step)) {
      Gemm::BlasCall call;
      cublasLtMatmulHeuristicResult_t result{};
      all = gemm_.make_call(call, at, gemm_.blas_scales_) &&
            blas().algo_check(gemm_.device_.blas, &call.desc, &call.w, &call.x, &call.y, &call.y,
                              &choice.algo, &result) == CUBLAS_STATUS_SUCCESS &&
            result.workspaceSize <= choice.algo_workspace;
    }
    if (all) return step;
  }
  return 0;
}

std::vector<Choice> Tuner::best(std::uint64_t m, std::uint64_t from) {
  constexpr int first_runs = 3, last_runs = 5;
  constexpr std::size_t finalists = 4;
  std::vector<Choice> right;
  for (Choice& choice : candidates(m)) {
    choice.step = step_of(choice, m, from);
    if (choice.step == 0 || !runs_right(choice, m)) continue;
    choice.us = time_us(choice, m, first_runs);
    if (choice.us < never) right.push_back(choice);
  }
  const auto faster = [](const Choice& a, const Choice& b) { return a.us < b.us; };
  std::sort(right.begin(), right.end(), faster);
  if (right.size() > finalists) {
    std::vector<Choice> general;
    for (std::size_t i = finalists; i < right.size() && general.empty(); ++i)
      if (right[i].step == 1) general.push_back(right[i]);
    right.resize(finalists);
    right.insert(right.end(), general.begin(), general.end());
  }
  // In turns, because clocks drift: the median of each one's rounds. More rounds for those that the
  // first have left close together.
  std::vector<std::vector<double>> rounds(right.size());
  const auto measure = [&](int count, double close) {
    double best = never;
    for (const Choice& choice : right)
      best = std::min(best, choice.us);
    for (int round = 0; round < count; ++round)
      for (std::size_t i = 0; i < right.size(); ++i)
        if (right[i].us <= close * best) rounds[i].push_back(time_us(right[i], m, last_runs));
    for (std::size_t i = 0; i < right.size(); ++i) {
      if (rounds[i].empty()) continue;
      std::sort(rounds[i].begin(), rounds[i].end());
      right[i].us = rounds[i][rounds[i].size() / 2];
    }
  };
  measure(5, never);
  measure(6, 1.03);
  std::sort(right.begin(), right.end(), faster);
  std::vector<Choice> out;
  for (const Choice& choice : right) {
    if (choice.step > 1 && !out.empty()) continue;
    out.push_back(choice);
    if (choice.step == 1) return out;
  }
  out.push_back(gemm_.fallback()); // takes any m, and cannot be refused
  out.back().m = m;
  return out;
}

} // namespace dsk::cuda
