// Products: own choices against cuBLASLt, and every configuration of one kernel.
#include <cmath>

#include "bench_tools.hpp"

namespace bench {
namespace {

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

} // namespace

Against products(Device& device, dsk_dtype weight, const std::vector<std::uint64_t>& rows) {
  Against all;
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
        all.worst = std::max(all.worst, ratio);
        all.log_sum += std::log(ratio);
        ++all.points;
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
  return all;
}

bool skinny_choices(Device& device, dsk_dtype weight, const std::vector<std::uint64_t>& rows,
                    const std::vector<Layer>& some, bool timed) {
  bool right = true;
  float* result = nullptr;
  check(cudaMalloc(reinterpret_cast<void**>(&result), 2 * sizeof(float)), "cudaMalloc");
  for (const Layer& layer : some) {
    const Bank bank(device, weight, layer.n, layer.k, rows.back());
    const DeviceBytes x(rows.back() * layer.k * 2), y(rows.back() * layer.n * 2),
        expected(rows.back() * layer.n * 2), space(64u << 20);
    fill_random(x.at, DSK_DTYPE_BF16, rows.back() * layer.k, 3, nullptr);
    check(cudaDeviceSynchronize(), "filling");
    std::vector<std::unique_ptr<Gemm>> keep;
    for (const std::uint64_t m : rows) {
      const std::string fixed = std::to_string(rows.back()) + ":t";
      bank.gemm(0, fixed)->enqueue(m, x.at, expected.at, space.at, nullptr);
      check(cudaDeviceSynchronize(), "the fixed-order kernel");
      const auto one = [&](const std::string& detail) {
        const std::string text =
            std::to_string(m) + ":" + detail + (m < rows.back() ? ";" + fixed : "");
        try {
          const auto gemm = bank.gemm(0, text);
          if (gemm->choices_text() != text) return;
          check(cudaMemset(y.at, 0xff, m * layer.n * 2), "cudaMemset");
          gemm->enqueue(m, x.at, y.at, space.at, nullptr);
          float got[2] = {};
          compare(y.at, expected.at, DSK_DTYPE_BF16, m * layer.n, result, nullptr);
          check(cudaMemcpy(got, result, sizeof got, cudaMemcpyDeviceToHost), "comparing");
          const double off = static_cast<double>(got[0]) / static_cast<double>(got[1]);
          if (!(off <= 0.01)) {
            right = false;
            std::printf("WRONG %s m %llu %s: off by %.4f\n", layer.name,
                        static_cast<unsigned long long>(m), detail.c_str(), off);
          }
          if (!timed) return;
          const auto replay = rotate(bank, text, m, x.at, y.at, space.at, keep);
          if (!replay) return;
          const Timing timing = replay->time(5);
          std::fprintf(out,
                       "{\"figure\":\"choice\",\"layer\":\"%s\",\"weight\":\"%s\",\"n\":%llu,"
                       "\"k\":%llu,\"m\":%llu,\"choice\":\"%s\",\"us\":%.2f,\"off\":%.5f,"
                       "\"right\":%d}\n",
                       layer.name, weight == DSK_DTYPE_BF16 ? "bf16" : "fp8 block",
                       static_cast<unsigned long long>(layer.n),
                       static_cast<unsigned long long>(layer.k), static_cast<unsigned long long>(m),
                       detail.c_str(), timing.us, off, off <= 0.01);
        } catch (const Failure& e) {
          std::printf("refused %s m %llu %s: %s\n", layer.name, static_cast<unsigned long long>(m),
                      detail.c_str(), e.what());
        }
        std::fflush(out);
      };
      ProductView view{};
      view.activation = view.output = DSK_DTYPE_BF16;
      view.weight = weight;
      view.n = static_cast<std::uint32_t>(layer.n);
      view.k = static_cast<std::uint32_t>(layer.k);
      view.scale_columns = (view.k + 127) / 128;
      for (const SkinnyChoice& c : skinny_candidates(
               view,
               {device.compute == 90, static_cast<std::uint32_t>(device.multiprocessors),
                device.shared_limit},
               static_cast<std::uint32_t>(m)))
        one("s:" + std::to_string(c.split) + "," + std::to_string(c.rows) + "," +
            std::to_string(c.share) + (c.quantises ? ",1" : ",0"));
      if (m <= gemv_most_rows)
        for (const std::uint32_t warp_rows : {1u, 2u})
          for (const std::uint32_t split : {1u, 2u, 4u, 8u})
            one("g:" + std::to_string(warp_rows) + "," + std::to_string(split));
    }
  }
  (void)cudaFree(result);
  return right;
}

bool wide_choices(Device& device, const std::vector<std::uint64_t>& rows,
                  const std::vector<Layer>& some, std::uint32_t phase, bool timed, Against* all) {
  bool right = true;
  const DeviceBytes result(2 * sizeof(float));
  for (const Layer& layer : some) {
    const Bank bank(device, DSK_DTYPE_F8E4M3, layer.n, layer.k, rows.back(), phase);
    const std::string fixed = std::to_string(rows.back()) + ":t";
    const DeviceBytes x(rows.back() * layer.k * 2), y(rows.back() * layer.n * 2),
        expected(rows.back() * layer.n * 2),
        space(bank.gemm(0, fixed)->workspace_bytes() + (64u << 20));
    fill_random(x.at, DSK_DTYPE_BF16, rows.back() * layer.k, 3, nullptr);
    check(cudaDeviceSynchronize(), "filling");
    ProductView view{};
    view.activation = view.output = DSK_DTYPE_BF16;
    view.weight = DSK_DTYPE_F8E4M3;
    view.n = static_cast<std::uint32_t>(layer.n);
    view.k = static_cast<std::uint32_t>(layer.k);
    view.k_phase = phase;
    view.scale_columns = (view.k + phase + 127) / 128;
    for (const std::uint64_t m : rows) {
      std::vector<std::unique_ptr<Gemm>> keep, lt_keep;
      bank.gemm(0, fixed)->enqueue(m, x.at, expected.at, space.at, nullptr);
      check(cudaDeviceSynchronize(), "the fixed-order kernel");
      std::string best_text, line;
      double best = 1e30;
      for (const WideChoice& c : wide_candidates(
               view,
               {device.compute == 90, static_cast<std::uint32_t>(device.multiprocessors),
                device.shared_limit},
               static_cast<std::uint32_t>(m))) {
        const std::string detail = std::to_string(c.rows) + "," + std::to_string(c.columns) + "," +
                                   std::to_string(c.split) + "," + std::to_string(c.pair);
        const std::string text =
            std::to_string(m) + ":w:" + detail + (m < rows.back() ? ";" + fixed : "");
        const auto gemm = bank.gemm(0, text);
        if (gemm->choices_text() != text) continue;
        check(cudaMemset(y.at, 0xff, m * layer.n * 2), "cudaMemset");
        gemm->enqueue(m, x.at, y.at, space.at, nullptr);
        float got[2] = {};
        compare(y.at, expected.at, DSK_DTYPE_BF16, m * layer.n, static_cast<float*>(result.at),
                nullptr);
        check(cudaMemcpy(got, result.at, sizeof got, cudaMemcpyDeviceToHost), "comparing");
        const double off = static_cast<double>(got[0]) / static_cast<double>(got[1]);
        if (!(off <= 0.01)) {
          right = false;
          std::printf("WRONG %s m %llu %s: off by %.4f\n", layer.name,
                      static_cast<unsigned long long>(m), detail.c_str(), off);
        }
        if (!timed) continue;
        const auto replay = rotate(bank, text, m, x.at, y.at, space.at, keep);
        if (!replay) continue;
        const double us = replay->time(3).us;
        char part[64];
        std::snprintf(part, sizeof part, " %s=%.1f", detail.c_str(), us);
        line += part;
        if (off <= 0.01 && us < best) {
          best = us;
          best_text = text;
        }
      }
      if (!timed || best_text.empty()) continue;
      double rival = 1e30;
      std::string rival_text;
      for (const std::string& text : heuristics(device, bank, m)) {
        const auto replay = rotate(bank, text, m, x.at, y.at, space.at, lt_keep);
        if (!replay) continue;
        const double us = replay->time(3).us;
        if (us < rival) {
          rival = us;
          rival_text = text;
        }
      }
      double mine = 1e30, theirs = 0.0;
      const auto own = rotate(bank, best_text, m, x.at, y.at, space.at, keep);
      const auto lt =
          rival_text.empty() ? nullptr : rotate(bank, rival_text, m, x.at, y.at, space.at, lt_keep);
      if (lt) theirs = 1e30;
      for (int turn = 0; turn < 2; ++turn) {
        mine = std::min(mine, own->time().us);
        if (lt) theirs = std::min(theirs, lt->time().us);
      }
      Replay quantise(8, [&](cudaStream_t stream) {
        for (int i = 0; i < 8; ++i)
          quantise_narrow(view, static_cast<std::uint32_t>(m), x.at, space.at,
                          reinterpret_cast<float*>(static_cast<std::byte*>(space.at) +
                                                   (m * layer.k + 255) / 256 * 256),
                          {stream, true});
      });
      const double quantise_us = quantise.time().us;
      const double flop = 2.0 * static_cast<double>(m) * static_cast<double>(layer.n) *
                          static_cast<double>(layer.k);
      if (all && lt) {
        all->worst = std::max(all->worst, mine / theirs);
        all->log_sum += std::log(mine / theirs);
        ++all->points;
      }
      std::fprintf(out,
                   "{\"figure\":\"wide\",\"layer\":\"%s\",\"n\":%llu,\"k\":%llu,\"m\":%llu,"
                   "\"own_us\":%.2f,\"cublaslt_best_us\":%.2f,\"ratio\":%.3f,\"quantise_us\":%.2f,"
                   "\"own_tflops_without_quantise\":%.0f,\"choice\":\"%s\",\"all\":\"%s\"}\n",
                   layer.name, static_cast<unsigned long long>(layer.n),
                   static_cast<unsigned long long>(layer.k), static_cast<unsigned long long>(m),
                   mine, theirs, lt ? mine / theirs : 0.0, quantise_us,
                   flop / (mine - quantise_us) * 1e-6, best_text.c_str(), line.c_str());
      std::printf(
          "%-24s %5llu x %5llu m %4llu: own %8.2f us, cuBLASLt %8.2f, ratio %.3f (quantising "
          "%.1f; %.0f / %.0f TFLOP/s without) %s\n",
          layer.name, static_cast<unsigned long long>(layer.n),
          static_cast<unsigned long long>(layer.k), static_cast<unsigned long long>(m), mine,
          theirs, lt ? mine / theirs : 0.0, quantise_us, flop / (mine - quantise_us) * 1e-6,
          lt ? flop / (theirs - quantise_us) * 1e-6 : 0.0, best_text.c_str());
      std::fflush(out);
    }
  }
  return right;
}

} // namespace bench
