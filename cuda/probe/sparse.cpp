// 2:4-sparse products by cuSPARSELt, opened at run time: of four weights in a row two are zero, and
// the tensor cores skip them.
#include <algorithm>
#include <cmath>

#include "library.hpp"
#include "probe/case.hpp"
#include "probe/fill.hpp"
#include "probe/operands.hpp"

namespace dsk::cuda::probe {
namespace {

/// What is needed of cuSPARSELt's C interface (versions 0.6 to 0.8). Its structures are opaque, 512
/// bytes, aligned to 16; here they are larger, in case they grow.
struct alignas(16) Opaque {
  unsigned char data[4096] = {};
};
constexpr int not_transposed = 0, transposed = 1; // cusparseOperation_t
constexpr int by_columns = 1;                     // cusparseOrder_t
constexpr int half_of_four = 0;                   // cusparseLtSparsity_t
constexpr int first_algorithm = 0;                // cusparseLtMatmulAlg_t
constexpr int prune_tiles = 0;                    // cusparseLtPruneAlg_t
constexpr int compute_i32 = 0, compute_f32 = 2;   // cusparseComputeType

struct SparseLibrary {
  Library library{{"libcusparseLt.so.0", "libcusparseLt.so"}};
  std::string missing;
  int (*init)(Opaque*) = nullptr;
  int (*get_version)(const Opaque*, int*) = nullptr;
  const char* (*error_name)(int) = nullptr;
  int (*dense)(const Opaque*, Opaque*, std::int64_t, std::int64_t, std::int64_t, std::uint32_t, int,
               int) = nullptr;
  int (*structured)(const Opaque*, Opaque*, std::int64_t, std::int64_t, std::int64_t, std::uint32_t,
                    int, int, int) = nullptr;
  int (*describe)(const Opaque*, Opaque*, int, int, const Opaque*, const Opaque*, const Opaque*,
                  const Opaque*, int) = nullptr;
  int (*select)(const Opaque*, Opaque*, const Opaque*, int) = nullptr;
  int (*plan)(const Opaque*, Opaque*, const Opaque*, const Opaque*) = nullptr;
  int (*workspace)(const Opaque*, const Opaque*, std::size_t*) = nullptr;
  int (*prune)(const Opaque*, const Opaque*, const void*, void*, int, cudaStream_t) = nullptr;
  int (*compressed_size)(const Opaque*, const Opaque*, std::size_t*, std::size_t*) = nullptr;
  int (*compress)(const Opaque*, const Opaque*, const void*, void*, void*, cudaStream_t) = nullptr;
  int (*search)(const Opaque*, Opaque*, const void*, const void*, const void*, const void*,
                const void*, void*, void*, cudaStream_t*, std::int32_t) = nullptr;
  int (*matmul)(const Opaque*, const Opaque*, const void*, const void*, const void*, const void*,
                const void*, void*, void*, cudaStream_t*, std::int32_t) = nullptr;

  SparseLibrary() {
    if (!library.is_open()) {
      missing = "cuSPARSELt was not found: " + library.missing();
      return;
    }
    const bool complete =
        library.bind(init, "cusparseLtInit") && library.bind(get_version, "cusparseLtGetVersion") &&
        library.bind(error_name, "cusparseLtGetErrorName") &&
        library.bind(dense, "cusparseLtDenseDescriptorInit") &&
        library.bind(structured, "cusparseLtStructuredDescriptorInit") &&
        library.bind(describe, "cusparseLtMatmulDescriptorInit") &&
        library.bind(select, "cusparseLtMatmulAlgSelectionInit") &&
        library.bind(plan, "cusparseLtMatmulPlanInit") &&
        library.bind(workspace, "cusparseLtMatmulGetWorkspace") &&
        library.bind(prune, "cusparseLtSpMMAPrune") &&
        library.bind(compressed_size, "cusparseLtSpMMACompressedSize") &&
        library.bind(compress, "cusparseLtSpMMACompress") &&
        library.bind(search, "cusparseLtMatmulSearch") && library.bind(matmul, "cusparseLtMatmul");
    if (!complete) missing = "this cuSPARSELt lacks an entry that 0.6 has";
  }
};

const SparseLibrary& sparse() {
  static const SparseLibrary instance;
  return instance;
}

void check_sparse(int status, const char* what) {
  if (status == 0) return;
  constexpr int not_supported = 10; // CUSPARSE_STATUS_NOT_SUPPORTED
  const char* name = sparse().error_name(status);
  throw Failure(status == not_supported ? DSK_STATUS_UNSUPPORTED : DSK_STATUS_BACKEND,
                std::string(what) + ": " + (name ? name : "unknown"));
}

class SparseCase : public dsk_backend_bench_case {
public:
  SparseCase(Device& owner, const dsk_backend_bench_desc& desc)
      : dsk_backend_bench_case(owner), m_(desc.m), n_(desc.n), k_(desc.k),
        types_(types_of(desc.dtype)) {
    if (!sparse().missing.empty()) throw Failure(DSK_STATUS_UNAVAILABLE, sparse().missing);
    if (m_ == 0 || n_ == 0 || k_ == 0 || m_ % 32 || n_ % 32 || k_ % 32)
      throw Failure(DSK_STATUS_INVALID_ARGUMENT,
                    "m, n and k of a sparse product must be multiples of 32");
    check_sparse(sparse().init(&handle_), "cusparseLtInit");
    int version = 0;
    check_sparse(sparse().get_version(&handle_, &version), "cusparseLtGetVersion");
    lay_out();
    x_ = Memory(m_ * k_ * types_.input_bytes);
    y_ = Memory(m_ * n_ * types_.output_bytes);
    fill(x_.get(), desc.dtype, m_ * k_, 1, false, stream_);
    pruned_ = Memory(n_ * k_ * types_.input_bytes);
    std::size_t packed = 0, buffer = 0;
    check_sparse(sparse().compressed_size(&handle_, &plan_, &packed, &buffer),
                 "cusparseLtSpMMACompressedSize");
    const Memory scratch(std::max<std::size_t>(buffer, 16));
    info.sets = cold_sets(owner, packed);
    for (std::uint32_t s = 0; s < info.sets; ++s) {
      fill(pruned_.get(), desc.dtype, n_ * k_, 2 + s, false, stream_);
      check_sparse(sparse().prune(&handle_, &description_, pruned_.get(), pruned_.get(),
                                  prune_tiles, stream_),
                   "cusparseLtSpMMAPrune");
      w_.emplace_back(packed);
      check_sparse(sparse().compress(&handle_, &plan_, pruned_.get(), w_.back().get(),
                                     scratch.get(), stream_),
                   "cusparseLtSpMMACompress");
      check(cudaStreamSynchronize(stream_), "packing the weights");
    }
    const float one = 1, zero = 0;
    check_sparse(sparse().search(&handle_, &plan_, &one, w_[0].get(), x_.get(), &zero, y_.get(),
                                 y_.get(), nullptr, &stream_, 1),
                 "cusparseLtMatmulSearch");
    std::size_t space = 0;
    check_sparse(sparse().workspace(&handle_, &plan_, &space), "cusparseLtMatmulGetWorkspace");
    workspace_ = Memory(std::max<std::size_t>(space, 16));
    verify();
    info.flops = 2.0 * static_cast<double>(m_) * static_cast<double>(n_) * static_cast<double>(k_);
    info.bytes = static_cast<double>(packed) + static_cast<double>(m_ * k_ * types_.input_bytes) +
                 static_cast<double>(m_ * n_ * types_.output_bytes);
    describe("cuSPARSELt " + std::to_string(version / 1000) + "." +
             std::to_string(version / 100 % 10) + "." + std::to_string(version % 100) +
             ", its own search");
    if (desc.flags & DSK_BACKEND_BENCH_GRAPH) capture(info.sets);
  }

  void enqueue(cudaStream_t stream, std::uint64_t turn) override {
    const float one = 1, zero = 0;
    check_sparse(sparse().matmul(&handle_, &plan_, &one,
                                 w_[static_cast<std::size_t>(turn % info.sets)].get(), x_.get(),
                                 &zero, y_.get(), y_.get(), workspace_.get(), &stream, 1),
                 "cusparseLtMatmul");
  }

private:
  // Column by column, y^T[n, m] = w[k, n]^T x[k, m], as the dense product has it.
  void lay_out() {
    const SparseLibrary& lt = sparse();
    constexpr std::uint32_t alignment = 16;
    const auto rows = [](std::uint64_t count) { return static_cast<std::int64_t>(count); };
    check_sparse(lt.structured(&handle_, &w_layout_, rows(k_), rows(n_), rows(k_), alignment,
                               types_.input, by_columns, half_of_four),
                 "cusparseLtStructuredDescriptorInit");
    check_sparse(lt.dense(&handle_, &x_layout_, rows(k_), rows(m_), rows(k_), alignment,
                          types_.input, by_columns),
                 "cusparseLtDenseDescriptorInit");
    check_sparse(lt.dense(&handle_, &y_layout_, rows(n_), rows(m_), rows(n_), alignment,
                          types_.output, by_columns),
                 "cusparseLtDenseDescriptorInit");
    check_sparse(lt.describe(&handle_, &description_, transposed, not_transposed, &w_layout_,
                             &x_layout_, &y_layout_, &y_layout_,
                             types_.scale == CUDA_R_32I ? compute_i32 : compute_f32),
                 "cusparseLtMatmulDescriptorInit");
    check_sparse(lt.select(&handle_, &selection_, &description_, first_algorithm),
                 "cusparseLtMatmulAlgSelectionInit");
    check_sparse(lt.plan(&handle_, &plan_, &description_, &selection_), "cusparseLtMatmulPlanInit");
  }

  // Sixteen places against sums in whole numbers over the weights that pruning left; the last set
  // is still at hand.
  void verify() {
    check(cudaMemset(y_.get(), 0xff, m_ * n_ * types_.output_bytes), "cudaMemset");
    enqueue(stream_, info.sets - 1);
    check(cudaStreamSynchronize(stream_), "the first product");
    double difference = 0, size = 0;
    std::vector<char> one(types_.output_bytes), weights(k_ * types_.input_bytes);
    for (std::uint64_t i = 0; i < 16; ++i) {
      const std::uint64_t row = (i * 7919) % m_, column = (i * 104729 + 13) % n_;
      check(cudaMemcpy(one.data(), y_.get<char>() + (row * n_ + column) * types_.output_bytes,
                       one.size(), cudaMemcpyDeviceToHost),
            "reading the result");
      check(cudaMemcpy(weights.data(), pruned_.get<char>() + column * weights.size(),
                       weights.size(), cudaMemcpyDeviceToHost),
            "reading the weights");
      double wanted = 0;
      for (std::uint64_t j = 0; j < k_; ++j)
        wanted += small_integer(row * k_ + j, 1) *
                  element(weights.data() + j * types_.input_bytes, types_.input);
      const double got = element(one.data(), types_.output);
      difference += (got - wanted) * (got - wanted);
      size += wanted * wanted;
    }
    info.checked = 1;
    info.relative_error = size > 0 ? std::sqrt(difference / size) : std::sqrt(difference);
  }

  std::uint64_t m_, n_, k_;
  Types types_;
  Memory x_, y_, pruned_, workspace_;
  std::vector<Memory> w_;
  Opaque handle_, w_layout_, x_layout_, y_layout_, description_, selection_, plan_;
};

} // namespace

Case make_sparse(Device& device, const dsk_backend_bench_desc& desc) {
  return std::make_unique<SparseCase>(device, desc);
}

} // namespace dsk::cuda::probe
