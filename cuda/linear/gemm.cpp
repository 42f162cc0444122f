#include "linear/gemm.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "check.hpp"
#include "linear/tuner.hpp"

namespace dsk::cuda {
namespace {

constexpr std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + 255) / 256 * 256;
}

cudaDataType_t blas_type(dsk_dtype dtype) {
  switch (dtype) {
  case DSK_DTYPE_F32:
    return CUDA_R_32F;
  case DSK_DTYPE_BF16:
    return CUDA_R_16BF;
  case DSK_DTYPE_F8E4M3:
    return CUDA_R_8F_E4M3;
  default:
    return CUDA_R_16F;
  }
}

} // namespace

Gemm::Gemm(Device& device, const dsk_backend_gemm_desc& desc)
    : device_(device), max_m_(desc.max_m), flags_(desc.flags) {
  if (desc.n > 0x7fffffff || desc.k > 0x7fffffff)
    throw Failure(DSK_STATUS_INVALID_ARGUMENT, "n and k must be below 2^31");
  view_.activation = desc.activation_dtype;
  view_.weight = desc.weight_dtype;
  view_.output = desc.output_dtype;
  view_.n = static_cast<std::uint32_t>(desc.n);
  view_.k = static_cast<std::uint32_t>(desc.k);
  view_.k_phase = desc.k_phase;
  view_.scale_columns = static_cast<std::uint32_t>((desc.k_phase + desc.k + 127) / 128);
  view_.w = desc.weight;
  view_.w_scales = desc.weight_scales;
  view_.scale_rows = desc.scale_rows;
  view_.bias = desc.bias;
  const Current current(device_.ordinal);
  prepare_block_scales();
  try {
    const bool saved = desc.choices && read_text(desc.choices, desc.choices_len);
    if (!saved) {
      choices_.clear();
      if (flags_ & DSK_BACKEND_GEMM_BATCH_INVARIANT) {
        choices_.push_back(fallback());
      } else if (flags_ & DSK_BACKEND_GEMM_NO_MEASURE) {
        if (gemv_takes(view_, 1, device_.shared_limit)) {
          Choice first;
          first.m = 1;
          first.route = Route::gemv;
          choices_.push_back(first);
        }
        choices_.push_back(fallback());
      } else {
        const auto start = std::chrono::steady_clock::now();
        Tuner tuner(*this);
        for (std::uint64_t m = 1;; m = std::min(2 * m, max_m_)) {
          if (m > tuner.most_rows() && !choices_.empty()) break;
          for (const Choice& choice : tuner.best(std::min(m, tuner.most_rows()),
                                                 choices_.empty() ? 1 : choices_.back().m + 1))
            choices_.push_back(choice);
          if (m >= max_m_) break;
        }
        measured_ = true;
        measure_ms_ =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                .count();
      }
      // The last measured choices hold for all larger m.
      for (const std::uint64_t last = choices_.back().m; Choice & choice : choices_)
        if (choice.m == last) choice.m = max_m_;
      set_text();
    }
  } catch (...) {
    (void)cudaFree(blas_scales_);
    throw;
  }
  for (const Choice& choice : choices_)
    blas_workspace_ = std::max(blas_workspace_, aligned(choice.algo_workspace));
  workspace_bytes_ = code_bytes(max_m_) + scale_bytes(max_m_) + blas_workspace_;
}

Gemm::~Gemm() {
  (void)cudaFree(blas_scales_);
}

std::uint64_t Gemm::code_bytes(std::uint64_t m) const {
  return quantises() ? aligned(m * view_.k * 2) : 0;
}
std::uint64_t Gemm::scale_bytes(std::uint64_t m) const {
  return quantises() ? aligned((m + 3) / 4 * 4 * view_.scale_columns * 4) : 0;
}

/// cuBLASLt's block mode wants whole blocks from the first column and row on, and its weight scales
/// in rows padded to 4.
void Gemm::prepare_block_scales() {
  if (view_.weight != DSK_DTYPE_F8E4M3 || device_.compute != 90) return;
  std::vector<std::int32_t> rows(view_.n);
  check(cudaMemcpy(rows.data(), view_.scale_rows, rows.size() * 4, cudaMemcpyDeviceToHost),
        "reading the scale rows");
  const auto change = static_cast<std::size_t>(
      std::find_if(rows.begin(), rows.end(), [&](std::int32_t r) { return r != rows[0]; }) -
      rows.begin());
  const std::size_t phase = change < rows.size() && change < 128 ? 128 - change : 0;
  for (std::size_t n = 0; n < rows.size(); ++n)
    if (rows[n] != rows[0] + static_cast<std::int32_t>((n + phase) / 128))
      return; // blocks of several parts
  n_phase_ = static_cast<std::uint32_t>(phase);
  if (phase != 0 || rows[0] != 0 || view_.k_phase != 0 || view_.k % 128 != 0 || view_.n % 16 != 0)
    return;
  const std::size_t blocks = (view_.n + 127) / 128, columns = view_.scale_columns,
                    padded = (columns + 3) / 4 * 4;
  std::vector<float> given(blocks * columns), wanted(blocks * padded, 0.0f);
  check(cudaMemcpy(given.data(), view_.w_scales, given.size() * 4, cudaMemcpyDeviceToHost),
        "reading the scales");
  for (std::size_t b = 0; b < blocks; ++b)
    for (std::size_t c = 0; c < columns; ++c)
      wanted[b * padded + c] = given[b * columns + c];
  check(cudaMalloc(reinterpret_cast<void**>(&blas_scales_), wanted.size() * 4), "cudaMalloc");
  check(cudaMemcpy(blas_scales_, wanted.data(), wanted.size() * 4, cudaMemcpyHostToDevice),
        "writing the scales");
}

bool Gemm::blas_takes() const {
  if (!device_.blas || view_.weight == DSK_DTYPE_I8 || view_.weight == DSK_DTYPE_I4) return false;
  return view_.weight != DSK_DTYPE_F8E4M3 || blas_scales_;
}

/// Column-major, y^T[n, m] = w[k, n]^T x[k, m].
bool Gemm::make_call(BlasCall& call, std::uint64_t m, const float* x_scales) const {
  const Blas& lt = blas();
  const bool fp8 = view_.weight == DSK_DTYPE_F8E4M3;
  const cublasComputeType_t compute =
      view_.weight == DSK_DTYPE_F32 && (flags_ & DSK_BACKEND_GEMM_TF32)
          ? CUBLAS_COMPUTE_32F_FAST_TF32
          : CUBLAS_COMPUTE_32F;
  bool good =
      lt.desc_init(&call.desc, sizeof call.desc, compute, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS;
  const auto set = [&](cublasLtMatmulDescAttributes_t what, const auto& value) {
    good = good && lt.desc_set(&call.desc, what, &value, sizeof value) == CUBLAS_STATUS_SUCCESS;
  };
  const cublasOperation_t transposed = CUBLAS_OP_T;
  set(CUBLASLT_MATMUL_DESC_TRANSA, transposed);
  if (view_.bias) {
    const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, view_.bias);
    const std::int32_t type = blas_type(view_.activation);
    set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type);
  }
  if (fp8) {
    const cublasLtMatmulMatrixScale_t of_w = CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F,
                                      of_x = CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F;
    set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, of_w);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, of_x);
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, blas_scales_);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, x_scales);
  }
  const cudaDataType_t w_type = blas_type(view_.weight),
                       x_type = fp8 ? CUDA_R_8F_E4M3 : blas_type(view_.activation);
  good = good && lt.layout_init(&call.w, sizeof call.w, w_type, view_.k, view_.n, view_.k) ==
                     CUBLAS_STATUS_SUCCESS;
  good = good && lt.layout_init(&call.x, sizeof call.x, x_type, view_.k, m, view_.k) ==
                     CUBLAS_STATUS_SUCCESS;
  good = good && lt.layout_init(&call.y, sizeof call.y, blas_type(view_.output), view_.n, m,
                                view_.n) == CUBLAS_STATUS_SUCCESS;
  return good;
}

Choice Gemm::fallback() const {
  Choice choice;
  choice.m = max_m_;
  choice.route = tile_takes(view_) ? Route::tile : Route::plain;
  return choice;
}

SkinnyDevice Gemm::skinny_device() const {
  return {device_.compute == 90, static_cast<std::uint32_t>(device_.multiprocessors),
          device_.shared_limit};
}

WideDevice Gemm::wide_device() const {
  return {device_.compute == 90, static_cast<std::uint32_t>(device_.multiprocessors),
          device_.shared_limit};
}

const Choice& Gemm::choice_for(std::uint64_t m) const {
  for (const Choice& choice : choices_)
    if (m <= choice.m && m % choice.step == 0) return choice;
  return choices_.back();
}

void Gemm::run(const Choice& choice, std::uint64_t m, const void* x, void* y, void* workspace,
               cudaStream_t stream, const void* w) const {
  ProductView view = view_;
  if (w) view.w = w;
  const Launch launch{stream, device_.programmatic_launch};
  const auto rows = static_cast<std::uint32_t>(m);
  auto* codes = static_cast<std::byte*>(workspace);
  auto* scales = reinterpret_cast<float*>(codes + code_bytes(max_m_));
  switch (choice.route) {
  case Route::gemv:
    gemv(view, choice.gemv, rows, x, y, launch);
    break;
  case Route::skinny: {
    const SkinnyDevice device = skinny_device();
    // A choice holds for a range of m and for any x; what it does not take the fallback does.
    if (!skinny_takes(view, choice.skinny, device, rows) ||
        reinterpret_cast<std::uintptr_t>(x) % 16 != 0)
      return run(fallback(), m, x, y, workspace, stream, w);
    const bool codes_first = quantises() && !choice.skinny.quantises;
    if (codes_first) quantise_narrow(view, rows, x, codes, scales, launch);
    if (!skinny(view, choice.skinny, device, rows, codes_first ? codes : x, scales, y, launch)) {
      check(cudaGetLastError(), "launching the product");
      throw Failure(DSK_STATUS_BACKEND, "the driver refuses to describe the product's tensors");
    }
    break;
  }
  case Route::wide: {
    if (reinterpret_cast<std::uintptr_t>(workspace) % 16 != 0)
      return run(fallback(), m, x, y, workspace, stream, w);
    quantise_narrow(view, rows, x, codes, scales, launch);
    if (!wide(view, choice.wide, wide_device(), n_phase_, rows, codes, scales, y, launch)) {
      check(cudaGetLastError(), "launching the product");
      throw Failure(DSK_STATUS_BACKEND, "the driver refuses to describe the product's tensors");
    }
    break;
  }
  case Route::plain:
    plain(view, rows, static_cast<const float*>(x), y, launch);
    break;
  case Route::tile:
    if (quantises()) quantise_wide(view_, rows, x, codes, scales, launch);
    tile(view, rows, quantises() ? codes : x, scales, y, launch);
    break;
  case Route::blas: {
    const bool fp8 = view_.weight == DSK_DTYPE_F8E4M3;
    if (fp8) quantise_narrow(view_, rows, x, codes, scales, launch);
    BlasCall call;
    if (!make_call(call, m, scales))
      throw Failure(DSK_STATUS_BACKEND, "cuBLASLt refuses the product's description");
    const float one = 1.0f, zero = 0.0f;
    void* space = codes + code_bytes(max_m_) + scale_bytes(max_m_);
    const cublasStatus_t status = blas().matmul(
        device_.blas, &call.desc, &one, view.w, &call.w, fp8 ? codes : x, &call.x, &zero, y,
        &call.y, y, &call.y, &choice.algo, space, choice.algo_workspace, stream);
    if (status != CUBLAS_STATUS_SUCCESS)
      throw Failure(DSK_STATUS_BACKEND,
                    std::string("cublasLtMatmul: ") + blas().status_name(status));
    break;
  }
  }
  check(cudaPeekAtLastError(), "launching the product");
}

void Gemm::enqueue(std::uint64_t m, const void* x, void* y, void* workspace,
                   cudaStream_t stream) const {
  const Current current(device_.ordinal);
  run(choice_for(m), m, x, y, workspace, stream);
}

/* Choices as text: M[/STEP]:ROUTE[:DETAIL] joined by ';'. A gemv's detail is ROWS,SPLIT; a skinny
   product's SPLIT,ROWS,SHARE,QUANTISES; a wide one's ROWS,COLUMNS,SPLIT,PAIR; cuBLASLt's is its
   workspace and the opaque algorithm in hexadecimal, which holds for one version of the library
   only (the tuning key has it). */

void Gemm::set_text() {
  text_.clear();
  constexpr const char* digits = "0123456789abcdef";
  for (const Choice& choice : choices_) {
    if (!text_.empty()) text_ += ';';
    text_ += std::to_string(choice.m) + (choice.step > 1 ? "/" + std::to_string(choice.step) : "") +
             ":" + static_cast<char>(choice.route);
    if (choice.route == Route::gemv)
      text_ +=
          ":" + std::to_string(choice.gemv.rows_per_warp) + "," + std::to_string(choice.gemv.split);
    if (choice.route == Route::skinny)
      text_ += ":" + std::to_string(choice.skinny.split) + "," +
               std::to_string(choice.skinny.rows) + "," + std::to_string(choice.skinny.share) +
               (choice.skinny.quantises ? ",1" : ",0");
    if (choice.route == Route::wide)
      text_ += ":" + std::to_string(choice.wide.rows) + "," + std::to_string(choice.wide.columns) +
               "," + std::to_string(choice.wide.split) + "," + std::to_string(choice.wide.pair);
    if (choice.route == Route::blas) {
      text_ += ":" + std::to_string(choice.algo_workspace) + ",";
      unsigned char bytes[sizeof choice.algo];
      std::memcpy(bytes, &choice.algo, sizeof bytes);
      for (const unsigned char byte : bytes) {
        text_ += digits[byte >> 4];
        text_ += digits[byte & 15];
      }
    }
  }
}

bool Gemm::read_text(const char* text, std::size_t len) {
  const char* at = text;
  const char* end = text + len;
  const auto number = [&](auto& value) {
    const auto [next, failed] = std::from_chars(at, end, value);
    at = next;
    return failed == std::errc{};
  };
  const auto take = [&](char wanted) { return at < end && *at == wanted && ++at; };
  while (at < end) {
    Choice choice;
    if (!number(choice.m)) return false;
    if (take('/') && (!number(choice.step) || choice.step == 0)) return false;
    if (!take(':') || at == end) return false;
    choice.route = static_cast<Route>(*at++);
    switch (choice.route) {
    case Route::gemv: {
      GemvChoice& g = choice.gemv;
      if (!take(':') || !number(g.rows_per_warp) || !take(',') || !number(g.split)) return false;
      const bool known = (g.rows_per_warp == 1 || g.rows_per_warp == 2) &&
                         (g.split == 1 || g.split == 2 || g.split == 4 || g.split == 8);
      if (!known || choice.m > gemv_most_rows ||
          !gemv_takes(view_, static_cast<std::uint32_t>(choice.m), device_.shared_limit))
        return false;
      break;
    }
    case Route::skinny: {
      SkinnyChoice& c = choice.skinny;
      std::uint32_t quantises_x = 0;
      if (!take(':') || !number(c.split) || !take(',') || !number(c.rows) || !take(',') ||
          !number(c.share) || !take(',') || !number(quantises_x))
        return false;
      c.quantises = quantises_x == 1;
      const bool known =
          (c.split == 1 || c.split == 2 || c.split == 4 || c.split == 8 || c.split == 16) &&
          c.rows % 8 == 0 && c.rows >= 40 && c.rows <= 64 && c.share >= 1 && c.share <= 3 &&
          quantises_x <= 1;
      if (!known || choice.m > skinny_most_rows ||
          !skinny_takes(view_, c, skinny_device(), static_cast<std::uint32_t>(choice.m)))
        return false;
      break;
    }
    case Route::wide: {
      WideChoice& c = choice.wide;
      if (!take(':') || !number(c.rows) || !take(',') || !number(c.columns) || !take(',') ||
          !number(c.split) || !take(',') || !number(c.pair) || !wide_takes(view_, c, wide_device()))
        return false;
      break;
    }
    case Route::blas: {
      if (!blas_takes() || !take(':') || !number(choice.algo_workspace) || !take(',')) return false;
      if (choice.algo_workspace > (std::size_t{256} << 20)) return false;
      unsigned char bytes[sizeof choice.algo];
      for (unsigned char& byte : bytes) {
        unsigned value = 0;
        if (end - at < 2 || std::from_chars(at, at + 2, value, 16).ptr != at + 2) return false;
        byte = static_cast<unsigned char>(value);
        at += 2;
      }
      std::memcpy(&choice.algo, bytes, sizeof bytes);
      BlasCall call;
      cublasLtMatmulHeuristicResult_t result{};
      if (!make_call(call,
                     std::max(choice.step, std::min(choice.m, max_m_) / choice.step * choice.step),
                     blas_scales_) ||
          blas().algo_check(device_.blas, &call.desc, &call.w, &call.x, &call.y, &call.y,
                            &choice.algo, &result) != CUBLAS_STATUS_SUCCESS ||
          result.workspaceSize > choice.algo_workspace)
        return false;
      break;
    }
    case Route::tile:
      if (!tile_takes(view_)) return false;
      break;
    case Route::plain:
      if (tile_takes(view_)) return false;
      break;
    default:
      return false;
    }
    if (!choices_.empty() && (choice.m < choices_.back().m ||
                              (choice.m == choices_.back().m && choices_.back().step == 1)))
      return false;
    choices_.push_back(choice);
    if (at < end && !take(';')) return false;
  }
  if (choices_.empty() || choices_.back().m < max_m_ || choices_.back().step != 1) return false;
  text_.assign(text, len);
  return true;
}

} // namespace dsk::cuda
