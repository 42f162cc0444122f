// A product with its measured choices: for every range of m, cuBLASLt with one of its algorithms or
// an own kernel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blas.hpp"
#include "device.hpp"
#include "linear/product.hpp"

namespace dsk::cuda {

enum class Route : std::uint32_t {
  gemv = 'g',
  skinny = 's',
  wide = 'w',
  tile = 't',
  plain = 'p',
  blas = 'b'
};

/// What runs for m up to `m` that are multiples of `step`; the entry behind it takes the others.
struct Choice {
  std::uint64_t m = 0;
  std::uint64_t step = 1;
  Route route = Route::tile;
  GemvChoice gemv{1, 1};
  SkinnyChoice skinny{1, 64, 1, false};
  WideChoice wide{128, 128, 1, 1};
  cublasLtMatmulAlgo_t algo{};
  std::size_t algo_workspace = 0;
  double us = 0.0; // when measured
};

class Gemm {
public:
  Gemm(Device& device, const dsk_backend_gemm_desc& desc);
  ~Gemm();
  Gemm(const Gemm&) = delete;
  Gemm& operator=(const Gemm&) = delete;

  void enqueue(std::uint64_t m, const void* x, void* y, void* workspace, cudaStream_t stream) const;
  std::uint64_t workspace_bytes() const { return workspace_bytes_; }
  bool measured() const { return measured_; }
  double measure_ms() const { return measure_ms_; }
  const std::string& choices_text() const { return text_; }

private:
  friend class Tuner;

  /// x and the way the library wants it, for one m. Filled on the stack: nothing is allocated.
  struct BlasCall {
    cublasLtMatmulDescOpaque_t desc;
    cublasLtMatrixLayoutOpaque_t w, x, y;
  };
  bool blas_takes() const;
  bool make_call(BlasCall& call, std::uint64_t m, const float* x_scales) const;
  /// `w` replaces the weight: a copy of it, for measuring.
  void run(const Choice& choice, std::uint64_t m, const void* x, void* y, void* workspace,
           cudaStream_t stream, const void* w = nullptr) const;
  const Choice& choice_for(std::uint64_t m) const;
  Choice fallback() const;
  SkinnyDevice skinny_device() const;
  WideDevice wide_device() const;
  bool quantises() const {
    return view_.weight == DSK_DTYPE_F8E4M3 || view_.weight == DSK_DTYPE_I8;
  }
  std::uint64_t code_bytes(std::uint64_t m) const; // workspace of the quantised x
  std::uint64_t scale_bytes(std::uint64_t m) const;
  void set_text();
  bool read_text(const char* text, std::size_t len);
  void prepare_block_scales();

  Device& device_;
  ProductView view_{};
  std::uint64_t max_m_ = 0;
  std::uint32_t flags_ = 0;
  std::uint32_t n_phase_ = irregular_rows; // FP8: rows of the first scale block on other ranks
  float* blas_scales_ =
      nullptr; // weight scales as cuBLASLt wants them, or NULL when it cannot take this shard
  std::vector<Choice> choices_; // by rising m
  std::uint64_t workspace_bytes_ = 0, blas_workspace_ = 0;
  std::string text_;
  bool measured_ = false;
  double measure_ms_ = 0.0;
};

} // namespace dsk::cuda

struct dsk_backend_gemm {
  dsk::cuda::Gemm gemm;
  dsk_backend_gemm(dsk::cuda::Device& device, const dsk_backend_gemm_desc& desc)
      : gemm(device, desc) {}
};
