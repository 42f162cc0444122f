// Products by cuBLASLt: its own first choices are timed once each, and the fastest is measured.
#include <algorithm>
#include <cmath>

#include "blas.hpp"
#include "probe/case.hpp"
#include "probe/fill.hpp"
#include "probe/operands.hpp"

namespace dsk::cuda::probe {
namespace {

void check_blas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Failure(status == CUBLAS_STATUS_NOT_SUPPORTED ? DSK_STATUS_UNSUPPORTED : DSK_STATUS_BACKEND,
                std::string(what) + ": " + blas().status_name(status));
}

constexpr std::uint64_t workspace_bytes = std::uint64_t{32} << 20;

class ProductCase : public dsk_backend_bench_case {
public:
  ProductCase(Device& owner, const dsk_backend_bench_desc& desc)
      : dsk_backend_bench_case(owner), m_(desc.m), n_(desc.n), k_(desc.k),
        repeats_(std::max(1u, desc.count)), dtype_(desc.dtype), types_(types_of(desc.dtype)),
        zeros_((desc.flags & DSK_BACKEND_BENCH_ZEROS) != 0) {
    if (!blas().missing.empty() || !owner.blas)
      throw Failure(DSK_STATUS_UNAVAILABLE,
                    blas().missing.empty() ? "cuBLASLt could not be opened" : blas().missing);
    if (m_ == 0 || n_ == 0 || k_ == 0)
      throw Failure(DSK_STATUS_INVALID_ARGUMENT, "m, n and k must be at least 1");
    const std::uint64_t weight = n_ * k_ * types_.input_bytes;
    info.sets = desc.flags & DSK_BACKEND_BENCH_WARM ? 1 : cold_sets(owner, weight);
    x_ = Memory(m_ * k_ * types_.input_bytes);
    y_ = Memory(m_ * n_ * types_.output_bytes);
    workspace_ = Memory(workspace_bytes);
    fill(x_.get(), dtype_, m_ * k_, 1, zeros_, stream_);
    for (std::uint32_t s = 0; s < info.sets; ++s) {
      w_.emplace_back(weight);
      fill(w_.back().get(), dtype_, n_ * k_, 2 + s, zeros_, stream_);
    }
    check(cudaStreamSynchronize(stream_), "filling the operands");
    lay_out();
    choose();
    verify();
    info.flops = 2.0 * static_cast<double>(m_) * static_cast<double>(n_) * static_cast<double>(k_) *
                 repeats_;
    info.bytes = static_cast<double>(repeats_) *
                 (static_cast<double>(weight) + static_cast<double>(m_ * k_ * types_.input_bytes) +
                  static_cast<double>(m_ * n_ * types_.output_bytes));
    describe("cuBLASLt " + blas().version + ", best of " + std::to_string(tried_));
    if (desc.flags & DSK_BACKEND_BENCH_GRAPH) capture(info.sets);
  }

  void enqueue(cudaStream_t stream, std::uint64_t turn) override {
    for (std::uint32_t r = 0; r < repeats_; ++r)
      check_blas(matmul(stream,
                        w_[static_cast<std::size_t>((turn * repeats_ + r) % info.sets)].get(),
                        best_),
                 "cublasLtMatmul");
  }

private:
  // Row-major y[m, n] = x[m, k] w[n, k]^T is, column by column, y^T = w x^T.
  void lay_out() {
    const Blas& b = blas();
    check_blas(b.desc_init(&operation_, sizeof operation_, types_.compute, types_.scale),
               "cublasLtMatmulDescInit");
    const cublasOperation_t transposed = CUBLAS_OP_T;
    check_blas(b.desc_set(&operation_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed),
               "TRANSA");
    const auto layout = [&](cublasLtMatrixLayoutOpaque_t& out, cudaDataType_t type,
                            std::uint64_t rows, std::uint64_t columns) {
      check_blas(
          b.layout_init(&out, sizeof out, type, rows, columns, static_cast<std::int64_t>(rows)),
          "cublasLtMatrixLayoutInit");
    };
    layout(w_layout_, types_.input, k_, n_);
    layout(x_layout_, types_.input, k_, m_);
    layout(y_layout_, types_.output, n_, m_);
  }

  cublasStatus_t matmul(cudaStream_t stream, const void* w,
                        const cublasLtMatmulAlgo_t& algo) const {
    const float one = 1, zero = 0;
    const std::int32_t whole_one = 1, whole_zero = 0;
    const bool whole = types_.scale == CUDA_R_32I;
    return blas().matmul(device.blas, const_cast<cublasLtMatmulDescOpaque_t*>(&operation_),
                         whole ? static_cast<const void*>(&whole_one) : &one, w,
                         const_cast<cublasLtMatrixLayoutOpaque_t*>(&w_layout_), x_.get(),
                         const_cast<cublasLtMatrixLayoutOpaque_t*>(&x_layout_),
                         whole ? static_cast<const void*>(&whole_zero) : &zero, y_.get(),
                         const_cast<cublasLtMatrixLayoutOpaque_t*>(&y_layout_), y_.get(),
                         const_cast<cublasLtMatrixLayoutOpaque_t*>(&y_layout_), &algo,
                         workspace_.get(), workspace_bytes, stream);
  }

  /// Median of replays of a graph over the sets of weights; infinite when the library refuses.
  double time_us(const cublasLtMatmulAlgo_t& algo, int replays) {
    const std::uint32_t launches = std::min(info.sets, 16u);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "beginning a capture");
    bool good = true;
    for (std::uint32_t s = 0; s < launches; ++s)
      good = good && matmul(stream_, w_[s].get(), algo) == CUBLAS_STATUS_SUCCESS;
    good = cudaStreamEndCapture(stream_, &graph) == cudaSuccess && good &&
           cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess;
    if (graph) (void)cudaGraphDestroy(graph);
    if (!good) {
      (void)cudaGetLastError();
      return INFINITY;
    }
    cudaEvent_t from = nullptr, to = nullptr;
    check(cudaEventCreate(&from), "cudaEventCreate");
    check(cudaEventCreate(&to), "cudaEventCreate");
    std::vector<float> times;
    for (int r = 0; r <= replays; ++r) {
      check(cudaEventRecord(from, stream_), "cudaEventRecord");
      check(cudaGraphLaunch(executable, stream_), "launching a graph");
      check(cudaEventRecord(to, stream_), "cudaEventRecord");
      check(cudaEventSynchronize(to), "trying a kernel");
      float ms = 0;
      check(cudaEventElapsedTime(&ms, from, to), "cudaEventElapsedTime");
      if (r > 0) times.push_back(ms); // the first warms up
    }
    (void)cudaEventDestroy(from);
    (void)cudaEventDestroy(to);
    (void)cudaGraphExecDestroy(executable);
    std::sort(times.begin(), times.end());
    return 1e3 * static_cast<double>(times[times.size() / 2]) / launches;
  }

  void choose() {
    const Blas& b = blas();
    cublasLtMatmulPreferenceOpaque_t preference{};
    check_blas(b.preference_init(&preference, sizeof preference), "cublasLtMatmulPreferenceInit");
    const std::size_t most = workspace_bytes;
    check_blas(
        b.preference_set(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most),
        "MAX_WORKSPACE_BYTES");
    cublasLtMatmulHeuristicResult_t found[8];
    int count = 0;
    const cublasStatus_t status =
        b.heuristic(device.blas, &operation_, &w_layout_, &x_layout_, &y_layout_, &y_layout_,
                    &preference, 8, found, &count);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && count == 0))
      throw Failure(DSK_STATUS_UNSUPPORTED,
                    "cuBLASLt " + b.version + " has no kernel for this product on this device");
    check_blas(status, "cublasLtMatmulAlgoGetHeuristic");
    // In a graph, as the product is measured: launched one by one, small products all take the time
    // of a launch. The first three meet again in turns.
    std::vector<std::pair<double, int>> order;
    for (int i = 0; i < count; ++i) {
      if (found[i].state != CUBLAS_STATUS_SUCCESS) continue;
      const double us = time_us(found[i].algo, 3);
      if (std::isfinite(us)) order.emplace_back(us, i);
    }
    tried_ = static_cast<int>(order.size());
    std::sort(order.begin(), order.end());
    if (order.size() > 3) order.resize(3);
    for (auto& [us, i] : order)
      us = INFINITY;
    for (int round = 0; round < 4; ++round)
      for (auto& [us, i] : order)
        us = std::min(us, time_us(found[i].algo, 5));
    if (!order.empty()) best_ = found[std::min_element(order.begin(), order.end())->second].algo;
    if (tried_ == 0)
      throw Failure(DSK_STATUS_UNSUPPORTED,
                    "cuBLASLt " + b.version + " could run none of its kernels for this product");
  }

  // Sixteen places against sums in whole numbers, which are exact.
  void verify() {
    check(cudaMemset(y_.get(), 0xff, m_ * n_ * types_.output_bytes), "cudaMemset");
    check_blas(matmul(stream_, w_[0].get(), best_), "cublasLtMatmul");
    check(cudaStreamSynchronize(stream_), "the first product");
    double difference = 0, size = 0;
    std::vector<char> one(types_.output_bytes);
    for (std::uint64_t i = 0; i < 16; ++i) {
      const std::uint64_t row = (i * 7919) % m_, column = (i * 104729 + 13) % n_;
      check(cudaMemcpy(one.data(), y_.get<char>() + (row * n_ + column) * types_.output_bytes,
                       one.size(), cudaMemcpyDeviceToHost),
            "reading the result");
      double wanted = 0;
      if (!zeros_)
        for (std::uint64_t j = 0; j < k_; ++j)
          wanted += small_integer(row * k_ + j, 1) * small_integer(column * k_ + j, 2);
      const double got = element(one.data(), types_.output);
      difference += (got - wanted) * (got - wanted);
      size += wanted * wanted;
    }
    info.checked = 1;
    info.relative_error = size > 0 ? std::sqrt(difference / size) : std::sqrt(difference);
  }

  std::uint64_t m_, n_, k_;
  std::uint32_t repeats_;
  dsk_dtype dtype_;
  Types types_;
  bool zeros_;
  int tried_ = 0;
  Memory x_, y_, workspace_;
  std::vector<Memory> w_;
  cublasLtMatmulDescOpaque_t operation_{};
  cublasLtMatrixLayoutOpaque_t w_layout_{}, x_layout_{}, y_layout_{};
  cublasLtMatmulAlgo_t best_{};
};

} // namespace

Case make_product(Device& device, const dsk_backend_bench_desc& desc) {
  return std::make_unique<ProductCase>(device, desc);
}

} // namespace dsk::cuda::probe
