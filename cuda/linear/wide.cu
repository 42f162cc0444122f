// The kernel for many rows, seen from the host: what it takes, the choices worth measuring, and the
// launch.
#include <algorithm>

#include "linear/tensor_map.hpp"
#include "linear/wide_kernel.cuh"

namespace dsk::cuda {
namespace {

using namespace wide_detail;

using Kernel = void (*)(CUtensorMap, CUtensorMap, ProductView, Shape, const float*, void*);

/// A kernel and what its launch needs to know.
struct Entry {
  std::uint32_t rows, columns;
  bool takes_two;
  Kernel kernel;
  std::uint32_t (*shared_bytes)(std::uint32_t stages);
};

template <int Subtiles, int Columns> constexpr Entry entry() {
  using T = Tile<Subtiles, Columns>;
  return {T::rows, T::columns, T::takes_two, wide_kernel<T>,
          [](std::uint32_t stages) { return Layout<T>(stages).total; }};
}

constexpr Entry entries[] = {entry<1, 64>(), entry<1, 96>(),  entry<1, 112>(), entry<1, 128>(),
                             entry<2, 64>(), entry<2, 112>(), entry<2, 128>()};

const Entry* find(const WideChoice& choice) {
  for (const Entry& e : entries)
    if (e.rows == choice.rows && e.columns == choice.columns) return &e;
  return nullptr;
}

std::uint32_t stages_of(const Entry& e, std::size_t shared_limit) {
  std::uint32_t stages = 0;
  while (stages < 16 && e.shared_bytes(stages + 1) <= shared_limit)
    ++stages;
  return stages;
}

std::uint32_t over(std::uint32_t a, std::uint32_t b) {
  return (a + b - 1) / b;
}

} // namespace

bool wide_takes(const ProductView& p, const WideChoice& choice, const WideDevice& device) {
  const Entry* const e = find(choice);
  if (!device.usable || !e || p.weight != DSK_DTYPE_F8E4M3 || p.k % 16 != 0 ||
      p.k_phase % 16 != 0 || reinterpret_cast<std::uintptr_t>(p.w) % 16 != 0)
    return false;
  if (choice.split != 1 && choice.split != 2 && choice.split != 4 && choice.split != 8)
    return false;
  // The large tiles have neither: registers, and they are for much work.
  if (choice.rows > 128 && (choice.split > 1 || p.output == DSK_DTYPE_F32)) return false;
  if (choice.pair != 1 && (choice.pair != 2 || choice.split != 1)) return false;
  return choice.split <= p.scale_columns && stages_of(*e, device.shared_limit) >= 3;
}

std::vector<WideChoice> wide_candidates(const ProductView& p, const WideDevice& device,
                                        std::uint32_t m) {
  std::vector<WideChoice> out;
  std::vector<double> expected;
  double least = 1e30;
  for (const Entry& e : entries) {
    if (m <= e.rows / 2) continue;
    const std::uint32_t tiles = over(m, e.rows) * over(p.n, e.columns);
    for (const std::uint32_t split : {1u, 2u, 4u, 8u}) {
      if (split > 1 && tiles * split > 2 * device.multiprocessors) continue;
      // Clocks, from what was measured on an H200: a block of k takes what the tensor cores or what
      // the way from L2 takes; a tile and the sums of a split have their own.
      const double block = 90.0 + std::max(e.rows * e.columns / 40.0, (e.rows + e.columns) * 1.35);
      const double clocks = over(tiles * split, device.multiprocessors) *
                            (over(p.scale_columns, split) * block + 1500.0 +
                             (split > 1 ? 1000.0 + 250.0 * split : 0.0));
      for (const std::uint32_t pair : {1u, 2u}) {
        const WideChoice choice{e.rows, e.columns, split, pair};
        if (!wide_takes(p, choice, device)) continue;
        out.push_back(choice);
        expected.push_back(clocks);
        least = std::min(least, clocks);
      }
    }
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < out.size(); ++i)
    if (expected[i] <= 1.42 * least) out[kept++] = out[i];
  out.resize(kept);
  return out;
}

void wide_prepare(std::size_t shared_limit) {
  for (const Entry& e : entries)
    (void)cudaFuncSetAttribute(reinterpret_cast<const void*>(e.kernel),
                               cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared_limit));
}

bool wide(const ProductView& p, const WideChoice& choice, const WideDevice& device,
          std::uint32_t n_phase, std::uint32_t m, const void* x, const float* x_scales, void* y,
          Launch launch) {
  const Entry& e = *find(choice);
  Shape s{};
  s.m = m;
  s.m_tiles = over(m, e.rows);
  s.n_tiles = over(p.n, e.columns);
  s.blocks = p.scale_columns;
  s.stages = stages_of(e, device.shared_limit);
  s.split = choice.split;
  s.pair = choice.pair;
  // Two rows of scales meet between groups of eight columns.
  s.scales = n_phase == 0 && 128 % e.columns == 0                          ? Scales::one
             : e.takes_two && n_phase < irregular_rows && n_phase % 8 == 0 ? Scales::two
                                                                           : Scales::any;
  s.n_phase = n_phase;
  CUtensorMap w_map{}, x_map{};
  if (!make_tensor_map(w_map, p.weight, p.w, p.n, p.k, e.columns) ||
      !make_tensor_map(x_map, p.weight, x, m, p.k, e.rows / choice.pair))
    return false;
  const std::uint32_t in_cluster = choice.split * choice.pair;
  const std::uint32_t units = s.m_tiles * over(s.n_tiles, choice.pair);
  const std::uint32_t clusters =
      choice.split > 1 ? units : std::min(units, device.multiprocessors / in_cluster);
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(clusters * in_cluster);
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = e.shared_bytes(s.stages);
  config.stream = launch.stream;
  cudaLaunchAttribute attributes[2]{};
  attributes[0].id = cudaLaunchAttributeClusterDimension;
  attributes[0].val.clusterDim.x = in_cluster;
  attributes[0].val.clusterDim.y = attributes[0].val.clusterDim.z = 1;
  attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[1].val.programmaticStreamSerializationAllowed = 1;
  config.attrs = attributes;
  config.numAttrs = launch.programmatic ? 2 : 1;
  return cudaLaunchKernelEx(&config, e.kernel, w_map, x_map, p, s, x_scales, y) == cudaSuccess;
}

} // namespace dsk::cuda
