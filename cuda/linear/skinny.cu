// The kernel for few rows, seen from the host: what it takes, the choices worth measuring, how
// tiles are shared among blocks, and the launch.
#include <algorithm>

#include "linear/skinny_kernel.cuh"
#include "linear/tensor_map.hpp"

namespace dsk::cuda {
namespace {

using namespace skinny_detail;

constexpr std::uint32_t most_stages = 24;

using Kernel = void (*)(CUtensorMap, CUtensorMap, ProductView, Shape, const void*, const float*,
                        void*);

/// A kernel and what its launch needs to know.
struct Entry {
  Kernel kernel;
  std::uint32_t threads, turns, stage_bytes;
  std::uint32_t (*shared_bytes)(const Shape&);
};

template <class V> Entry entry() {
  return {skinny_kernel<V>, V::threads, V::turns, V::stage_bytes,
          [](const Shape& s) { return Layout<V>(s).total; }};
}

template <class Element, Source source> Entry pick(std::uint32_t m) {
  if (m <= 8) return entry<Variant<Element, 8, source>>();
  if constexpr (source == Source::copied) {
    if (m > 32) return entry<Variant<Element, 64, source>>();
    if (m > 16) return entry<Variant<Element, 32, source>>();
  }
  return entry<Variant<Element, 16, source>>();
}

Entry pick(const ProductView& p, const SkinnyChoice& choice, std::uint32_t m) {
  if (p.weight == DSK_DTYPE_F8E4M3)
    return choice.quantises ? pick<__nv_fp8_e4m3, Source::quantised_here>(m)
                            : pick<__nv_fp8_e4m3, Source::copied>(m);
  return p.weight == DSK_DTYPE_BF16 ? pick<__nv_bfloat16, Source::copied>(m)
                                    : pick<__half, Source::copied>(m);
}

std::uint32_t blocks_of(const ProductView& p) {
  return p.weight == DSK_DTYPE_F8E4M3 ? p.scale_columns : (p.k + 63) / 64;
}

/// How the tiles are shared, and as many stages as let
/// `choice.share` blocks live on a multiprocessor. No stages when that is too few.
Shape shape_of(const ProductView& p, const SkinnyChoice& choice, std::uint32_t m,
               const Entry& kernel, const SkinnyDevice& device) {
  Shape s{m, choice.rows, (p.n + choice.rows - 1) / choice.rows, blocks_of(p), choice.split,
          0, 0,           m > 1 ? 0xffffffffu / m + 1 : 0};
  // One block takes several tiles in turn, so that copies of the next run while one is added up. A
  // cluster takes one: its blocks would wait for each other after every tile.
  const std::uint32_t most = choice.share * device.multiprocessors;
  const std::uint32_t each = choice.split > 1 ? 1 : (s.tiles + most - 1) / most;
  s.clusters = (s.tiles + each - 1) / each;
  // A multiprocessor has 1 KiB more than one block may take, and each block costs 1 KiB.
  const std::size_t budget =
      std::min(device.shared_limit, (device.shared_limit + 1024) / choice.share - 1024);
  const std::size_t fixed = kernel.shared_bytes(s), stage = kernel.stage_bytes + 16;
  if (fixed + 4 * stage > budget) return s;
  const std::size_t all = std::size_t{(s.blocks + s.split - 1) / s.split} * each;
  const std::size_t useful = (all + kernel.turns - 1) / kernel.turns * kernel.turns;
  s.stages = static_cast<std::uint32_t>(
      std::min({(budget - fixed) / stage, std::size_t{most_stages}, useful}));
  s.stages -= s.stages % kernel.turns;
  return s;
}

} // namespace

bool skinny_takes(const ProductView& p, const SkinnyChoice& choice, const SkinnyDevice& device,
                  std::uint32_t m) {
  if (!device.usable) return false;
  const bool fp8 = p.weight == DSK_DTYPE_F8E4M3;
  if (!fp8 && p.weight != DSK_DTYPE_BF16 && p.weight != DSK_DTYPE_F16) return false;
  if (p.activation != DSK_DTYPE_BF16 && p.activation != DSK_DTYPE_F16) return false;
  if (m == 0 || m > skinny_most_rows || (choice.quantises && (!fp8 || m > 16))) return false;
  const std::uint32_t per_16 = fp8 ? 16 : 8; // elements of 16 bytes
  if (p.k % per_16 != 0 || p.k_phase % per_16 != 0 ||
      reinterpret_cast<std::uintptr_t>(p.w) % 16 != 0)
    return false;
  if (choice.split > blocks_of(p) || (choice.rows != most_rows && choice.split > 1)) return false;
  return shape_of(p, choice, m, pick(p, choice, m), device).stages > 0;
}

std::vector<SkinnyChoice> skinny_candidates(const ProductView& p, const SkinnyDevice& device,
                                            std::uint32_t m) {
  std::vector<SkinnyChoice> out;
  const auto add = [&](SkinnyChoice choice) {
    for (const bool quantises : {false, true}) {
      choice.quantises = quantises;
      if (skinny_takes(p, choice, device, m)) out.push_back(choice);
    }
  };
  for (const std::uint32_t split : {1u, 2u, 4u, 8u, 16u}) {
    // More blocks than fill the device a few times only wait for each other.
    const std::uint64_t blocks = std::uint64_t{(p.n + most_rows - 1) / most_rows} * split;
    if (split > 1 && blocks > 4 * std::uint64_t{device.multiprocessors}) continue;
    for (const std::uint32_t share : {1u, 2u, 3u})
      add({split, most_rows, share, false});
  }
  // Tiles of fewer rows, one for each multiprocessor.
  const std::uint32_t even =
      ((p.n + device.multiprocessors - 1) / device.multiprocessors + 7) / 8 * 8;
  if (even >= 40 && even < most_rows)
    for (const std::uint32_t share : {1u, 2u})
      add({1, even, share, false});
  return out;
}

void skinny_prepare(std::size_t shared_limit) {
  ProductView p{};
  for (const dsk_dtype weight : {DSK_DTYPE_BF16, DSK_DTYPE_F16, DSK_DTYPE_F8E4M3})
    for (const std::uint32_t m : {8u, 16u, 32u, 64u})
      for (const bool quantises : {false, true}) {
        if (quantises && (weight != DSK_DTYPE_F8E4M3 || m > 16)) continue;
        p.weight = weight;
        const auto* kernel =
            reinterpret_cast<const void*>(pick(p, {1, most_rows, 1, quantises}, m).kernel);
        (void)cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(shared_limit));
        (void)cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
      }
}

bool skinny(const ProductView& p, const SkinnyChoice& choice, const SkinnyDevice& device,
            std::uint32_t m, const void* x, const float* x_scales, void* y, Launch launch) {
  const Entry kernel = pick(p, choice, m);
  const Shape s = shape_of(p, choice, m, kernel, device);
  CUtensorMap w_map{}, x_map{};
  if (s.stages == 0 || reinterpret_cast<std::uintptr_t>(x) % 16 != 0 ||
      !make_tensor_map(w_map, p.weight, p.w, p.n, p.k, s.rows))
    return false;
  if (choice.quantises)
    x_map = w_map; // not used
  else if (!make_tensor_map(x_map, p.weight, x, m, p.k,
                            m <= 8    ? 8
                            : m <= 16 ? 16
                            : m <= 32 ? 32
                                      : 64))
    return false;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(s.clusters * s.split);
  config.blockDim = dim3(kernel.threads);
  config.dynamicSmemBytes = kernel.shared_bytes(s);
  config.stream = launch.stream;
  cudaLaunchAttribute attributes[2]{};
  attributes[0].id = cudaLaunchAttributeClusterDimension;
  attributes[0].val.clusterDim.x = s.split;
  attributes[0].val.clusterDim.y = attributes[0].val.clusterDim.z = 1;
  attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[1].val.programmaticStreamSerializationAllowed = 1;
  config.attrs = attributes;
  config.numAttrs = launch.programmatic ? 2 : 1;
  return cudaLaunchKernelEx(&config, kernel.kernel, w_map, x_map, p, s, x, x_scales, y) ==
         cudaSuccess;
}

} // namespace dsk::cuda
