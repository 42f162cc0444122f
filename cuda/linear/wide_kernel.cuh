// FP8 block products with many rows of x on Hopper: the tensor cores are what the kernel is built
// around. One warp copies tiles of x and w by the bulk tensor engine; two warpgroups multiply in
// turns, one on the tensor cores while the other scales its products of 128 columns of k and adds
// them up in single precision. Blocks stay and take tile after tile, neighbours in two dimensions
// at a time so that L2 serves them; two blocks of a cluster may share a tile of x. Where tiles are
// few the blocks of a cluster share k instead: their sums are added in rank order.
#pragma once

#include "linear/async_copy.cuh"
#include "linear/device_math.cuh"
#include "linear/wgmma.cuh"

namespace dsk::cuda::wide_detail {

constexpr std::uint32_t row_bytes = 128; // of a tile: one block of k, which is one scale block
constexpr int consumers = 256;           // threads of the two warpgroups
constexpr int threads = consumers + 128; // one warp copies; registers are dealt by warpgroups
constexpr std::uint32_t piece = 64;      // columns of y that a warp stores at a time
constexpr std::uint32_t piece_bytes = 16 * piece * 2; // for 16 rows

/// A tile of y: 64 rows for each warpgroup, `Subtiles` times, and Columns columns.
template <int Subtiles_, int Columns_> struct Tile {
  static constexpr int subtiles = Subtiles_, columns = Columns_;
  static constexpr std::uint32_t rows = 128 * subtiles;
  static constexpr std::uint32_t x_bytes = rows * row_bytes, w_bytes = columns * row_bytes;
  static constexpr std::uint32_t stage_bytes = x_bytes + w_bytes;
  static constexpr bool takes_two = rows * columns < 256 * 128; // Scales::two: registers
};

/// Rows of weight scales that a tile lies in: one, two that meet between groups of eight columns,
/// or any.
enum class Scales : std::uint32_t { one, two, any };

struct Shape {
  std::uint32_t m, m_tiles, n_tiles, blocks, stages;
  std::uint32_t split; // blocks of a cluster that share k; then a cluster has one tile
  std::uint32_t pair;  // 2: the two blocks of a cluster have neighbouring columns and share x
  Scales scales;
  std::uint32_t n_phase; // rows of the first scale block that lie on other ranks
};

/// Shared memory behind the stages, in bytes: scales of x and w by stage, a place for each warp to
/// turn a piece of y, barriers. Sums of a split are exchanged where the stages were.
template <class T> struct Layout {
  std::uint32_t x_scales, w_scales, pieces, barriers, total;
  __host__ __device__ explicit Layout(std::uint32_t stages) {
    x_scales = stages * T::stage_bytes;
    w_scales = x_scales + stages * T::rows * 4;
    pieces = w_scales + stages * T::columns * 4;
    barriers = pieces + consumers / 32 * piece_bytes;
    total = barriers + (2 * stages + 1) * 8;
  }
};

/// Where a block is in its tiles: eight tiles of rows go through the columns together.
struct Place {
  std::uint32_t row, column; // first of the tile
  template <class T> static __device__ Place of(const Shape& s, std::uint32_t unit) {
    constexpr std::uint32_t together = 8;
    const std::uint32_t units = (s.n_tiles + s.pair - 1) / s.pair; // along n
    const std::uint32_t first = unit / (together * units) * together;
    const std::uint32_t high = min(together, s.m_tiles - first);
    const std::uint32_t at = unit - first * units;
    const std::uint32_t rank = s.pair > 1 ? rank_in_cluster() : 0;
    return {(first + at % high) * T::rows, (at / high * s.pair + rank) * T::columns};
  }
};

/// The same in all lanes, and known to be: descriptors are then made in uniform registers.
__device__ __forceinline__ std::uint32_t warp_index() {
  return __shfl_sync(0xffffffffu, threadIdx.x / 32, 0);
}

/// Adds the bias to 16 rows of sums; `turn` is the warp's place in shared memory.
template <int Columns>
__device__ __forceinline__ void add_bias(const ProductView& p, std::uint32_t column, float* turn,
                                         float (&sums)[Columns / 2]) {
  const std::uint32_t lane = threadIdx.x % 32;
#pragma unroll 1
  for (std::uint32_t i = lane; i < Columns; i += 32)
    turn[i] = column + i < p.n ? load_as_float(p.bias, p.activation, column + i) : 0.0f;
  __syncwarp();
#pragma unroll
  for (int q = 0; q < Columns / 8; ++q) {
    const float2 two = *reinterpret_cast<const float2*>(turn + 8 * q + lane % 4 * 2);
    sums[4 * q] += two.x;
    sums[4 * q + 1] += two.y;
    sums[4 * q + 2] += two.x;
    sums[4 * q + 3] += two.y;
  }
  __syncwarp();
}

/// Two values as BF16 or F16, without a branch.
__device__ __forceinline__ std::uint32_t packed(bool bf16, float low, float high) {
  std::uint32_t out;
  asm("{\n.reg .pred p;\nsetp.ne.u32 p, %3, 0;\n"
      "cvt.rn.bf16x2.f32 %0, %2, %1;\n@!p cvt.rn.f16x2.f32 %0, %2, %1;\n}\n"
      : "=r"(out)
      : "f"(low), "f"(high), "r"(static_cast<std::uint32_t>(bf16)));
  return out;
}

/// 16 rows of y from a warp's sums: 16-bit types are turned in shared memory, at `turn`, so that
/// eight lanes store 128 bytes of a row.
template <int Columns, bool with_f32>
__device__ __forceinline__ void store_rows(const ProductView& p, void* y, std::uint32_t m,
                                           std::uint32_t row, std::uint32_t column,
                                           std::uint8_t* turn, const float (&sums)[Columns / 2]) {
  std::uint32_t lane; // read here, so that no address is kept in a register meanwhile
  asm volatile("mov.u32 %0, %%laneid;" : "=r"(lane));
  if (with_f32 && p.output == DSK_DTYPE_F32) {
    float* const out = static_cast<float*>(y) + std::uint64_t{row} * p.n;
#pragma unroll
    for (int i = 0; i < Columns / 2; ++i) {
      const std::uint32_t n = column + 8 * (i / 4) + lane % 4 * 2 + i % 2;
      const std::uint32_t r = lane / 4 + 8 * (i / 2 % 2);
      if (row + r < m && n < p.n) out[std::uint64_t{r} * p.n + n] = sums[i];
    }
    return;
  }
  const bool bf16 = p.output == DSK_DTYPE_BF16;
  const bool together = p.n % 8 == 0 && reinterpret_cast<std::uintptr_t>(y) % 16 == 0;
  const std::uint32_t address = shared_address_of(turn);
#pragma unroll
  for (int first = 0; first < Columns / 8; first += 8) {
    // Four 8 x 8 matrices a store: rows 0-7 and 8-15 of two neighbouring groups of columns.
#pragma unroll
    for (int q = first; q < first + 8 && q < Columns / 8; q += 2) {
      const float* const of = sums + 4 * q;
      const std::uint32_t r = lane % 16, chunk = q - first + lane / 16;
      asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(
                       address + r * 128 + (chunk ^ (r % 8)) * 16),
                   "r"(packed(bf16, of[0], of[1])), "r"(packed(bf16, of[2], of[3])),
                   "r"(packed(bf16, of[4], of[5])), "r"(packed(bf16, of[6], of[7]))
                   : "memory");
    }
    __syncwarp();
    const std::uint32_t chunk = lane % 8, n = column + 8 * (first + chunk);
    const bool mine = first + static_cast<int>(chunk) < Columns / 8 && n < p.n;
#pragma unroll
    for (std::uint32_t i = 0; i < 4; ++i) {
      const std::uint32_t r = lane / 8 + 4 * i;
      if (!mine || row + r >= m) continue;
      const std::uint8_t* const from = turn + r * 128 + (chunk ^ (r % 8)) * 16;
      auto* const to = static_cast<std::uint16_t*>(y) + std::uint64_t{row + r} * p.n + n;
      if (together) {
        *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
      } else {
#pragma unroll 1
        for (std::uint32_t j = 0; j < 8 && n + j < p.n; ++j)
          to[j] = reinterpret_cast<const std::uint16_t*>(from)[j];
      }
    }
    __syncwarp();
  }
}

/// A lane's sums of two columns in rows `row` and `row` + 8, with the bias.
__device__ __forceinline__ void store_four(const ProductView& p, void* y, std::uint32_t m,
                                           std::uint32_t row, std::uint32_t n, const float4& sums) {
  const float value[4] = {sums.x, sums.y, sums.z, sums.w};
#pragma unroll
  for (std::uint32_t j = 0; j < 2; ++j) {
    if (n + j >= p.n) return;
    const float bias = p.bias ? load_as_float(p.bias, p.activation, n + j) : 0.0f;
#pragma unroll
    for (std::uint32_t i = 0; i < 2; ++i)
      if (row + 8 * i < m)
        store_as(y, p.output, std::uint64_t{row + 8 * i} * p.n + n + j, value[2 * i + j] + bias);
  }
}

/// What a warp needs to take tiles out of the stages.
template <class T> struct Stages {
  std::uint32_t base, barriers, count;
  const float *x_scales, *w_scales;
  std::uint32_t peer_empty; // the other block's barriers where x is shared, or 0
  std::uint32_t stage = 0, parity = 0;
  __device__ __forceinline__ std::uint32_t full() const { return barriers + stage * 8; }
  /// Everything of the stage has been read by this warp.
  __device__ __forceinline__ void release() const {
    const std::uint32_t lane = threadIdx.x % 32;
    __syncwarp();
    if (lane == 0) barrier_arrive(barriers + (count + stage) * 8);
    if (peer_empty && lane == 1) barrier_arrive_in(peer_empty + stage * 8);
  }
  __device__ __forceinline__ void advance() {
    if (++stage == count) {
      stage = 0;
      parity ^= 1;
    }
  }
};

/// total += x . w^T over `blocks` blocks of k, scaled block by block. The two warpgroups share the
/// tensor cores without a word: one multiplies while the other adds up.
/// `first` groups of eight columns are scaled by the first of two scales.
template <class T, Scales scales>
__device__ __forceinline__ void accumulate(Stages<T>& from, std::uint32_t blocks,
                                           std::uint32_t first,
                                           float (&total)[T::subtiles][T::columns / 2]) {
  const std::uint32_t lane = threadIdx.x % 32, warp = warp_index();
  const std::uint32_t row = warp / 4 * 64 + warp % 4 * 16 + lane / 4; // of a subtile
  float part[T::columns / 2] = {};
  int zero;
  asm volatile("mov.s32 %0, 0;" : "=r"(zero));
  for (std::uint32_t block = 0; block < blocks; ++block) {
    barrier_wait(from.full(), from.parity);
    const float* const of_x = from.x_scales + from.stage * T::rows + row;
    const float* const of_w = from.w_scales + from.stage * T::columns;
    float low[T::subtiles], high[T::subtiles], next_low[T::subtiles], next_high[T::subtiles];
#pragma unroll
    for (int s = 0; s < T::subtiles; ++s) {
      low[s] = of_x[128 * s];
      high[s] = of_x[128 * s + 8];
      if constexpr (scales == Scales::two) {
        next_low[s] = low[s] * of_w[1];
        next_high[s] = high[s] * of_w[1];
      }
      if constexpr (scales != Scales::any) {
        low[s] *= of_w[0];
        high[s] *= of_w[0];
      }
    }
    const std::uint32_t x = from.base + from.stage * T::stage_bytes;
    const std::uint64_t w_at = matrix_descriptor(x + T::x_bytes);
#pragma unroll
    for (int s = 0; s < T::subtiles; ++s) {
      const std::uint64_t x_at = matrix_descriptor(x + (128 * s + warp / 4 * 64) * row_bytes);
      block_product(part, x_at, w_at, zero);
      const bool last = s == T::subtiles - 1;
      if (last && scales != Scales::any) from.release();
#pragma unroll
      for (std::uint32_t q = 0; q < T::columns / 8; ++q) {
        float* const sum = total[s] + 4 * q;
        const float* const of = part + 4 * q;
        if constexpr (scales == Scales::any) {
          const float2 scale = *reinterpret_cast<const float2*>(of_w + 8 * q + lane % 4 * 2);
          sum[0] += of[0] * (low[s] * scale.x);
          sum[1] += of[1] * (low[s] * scale.y);
          sum[2] += of[2] * (high[s] * scale.x);
          sum[3] += of[3] * (high[s] * scale.y);
        } else {
          const bool second = scales == Scales::two && q >= first;
          const float of_low = second ? next_low[s] : low[s];
          const float of_high = second ? next_high[s] : high[s];
          sum[0] += of[0] * of_low;
          sum[1] += of[1] * of_low;
          sum[2] += of[2] * of_high;
          sum[3] += of[3] * of_high;
        }
      }
      if (last && scales == Scales::any) from.release();
    }
    from.advance();
  }
}

/// Groups of eight columns that a block of a split adds up: from which on.
__device__ __forceinline__ std::uint32_t owned_from(std::uint32_t groups, std::uint32_t rank,
                                                    std::uint32_t split) {
  return rank * groups / split;
}

template <class T>
__global__ void __launch_bounds__(threads, 1)
    wide_kernel(const __grid_constant__ CUtensorMap w_map,
                const __grid_constant__ CUtensorMap x_map, ProductView p, Shape s,
                const float* x_scales, void* y) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ __align__(1024) std::uint8_t shared[];
  const Layout<T> layout(s.stages);
  const std::uint32_t base = shared_address_of(shared), barriers = base + layout.barriers;
  const auto full = [&](std::uint32_t stage) { return barriers + stage * 8; };
  const auto empty = [&](std::uint32_t stage) { return barriers + (s.stages + stage) * 8; };
  const std::uint32_t inbox_full = barriers + 2 * s.stages * 8;
  const std::uint32_t in_cluster = s.split * s.pair, rank = in_cluster > 1 ? rank_in_cluster() : 0;
  const std::uint32_t cluster = blockIdx.x / in_cluster, clusters = gridDim.x / in_cluster;
  const std::uint32_t units = s.m_tiles * ((s.n_tiles + s.pair - 1) / s.pair);
  const std::uint32_t first = s.split > 1 ? rank * s.blocks / s.split : 0;
  const std::uint32_t last = s.split > 1 ? (rank + 1) * s.blocks / s.split : s.blocks;
  const std::uint32_t lane = threadIdx.x % 32, warp = warp_index();
  constexpr std::uint32_t groups = T::columns / 8;

  const std::uint64_t policy_w = s.m_tiles == 1 ? evict_first() : evict_normal();
  const std::uint64_t policy_x = s.m_tiles == 1 ? evict_last() : evict_normal();
  const std::uint32_t padded = (s.m + 3) / 4 * 4;
  const auto copy_w = [&](std::uint32_t stage, const Place& at, std::uint32_t block) {
    barrier_expect(full(stage), T::stage_bytes + min(T::rows, padded - at.row) * 4);
    copy_box(base + stage * T::stage_bytes + T::x_bytes, w_map,
             static_cast<int>(block * row_bytes) - static_cast<int>(p.k_phase),
             static_cast<int>(at.column), full(stage), policy_w);
  };
  // The first tiles of w are asked for before anything else happens: weights depend on no kernel.
  const std::uint32_t early = min(s.stages, last - first);
  if (threadIdx.x == consumers) {
    prefetch_map(w_map);
    prefetch_map(x_map);
    for (std::uint32_t i = 0; i < s.stages; ++i) {
      barrier_init(full(i), 2); // the copies, and the scales of w
      barrier_init(empty(i), consumers / 32 * s.pair);
    }
    barrier_init(inbox_full, 1);
    if (s.split > 1) // what the other blocks will send here
      barrier_expect(inbox_full,
                     (owned_from(groups, rank + 1, s.split) - owned_from(groups, rank, s.split)) *
                         (s.split - 1) * consumers * 16);
    barrier_init_done();
    const Place at = Place::of<T>(s, cluster);
    for (std::uint32_t i = 0; i < early; ++i)
      copy_w(i, at, first + i);
    allow_consumer();
  }
  __syncthreads();
  __syncwarp();
  if (in_cluster > 1) cluster_arrive();

  if (warp >= consumers / 32) {
    registers_down<56>();
    if (in_cluster > 1) cluster_wait();
    if (warp == consumers / 32) {
      wait_for_producer();
      auto* const w_scales = reinterpret_cast<float*>(shared + layout.w_scales);
      constexpr std::uint32_t rounds = (T::columns + 31) / 32;
      const std::uint32_t columns = s.scales == Scales::any ? T::columns : 2; // with own scales
      std::uint32_t stage = 0, parity = 1, count = 0;
      for (std::uint32_t unit = cluster; unit < units; unit += clusters) {
        const Place at = Place::of<T>(s, unit);
        std::uint32_t of_column[rounds];
        float scale[rounds];
#pragma unroll
        for (std::uint32_t i = 0; i < rounds; ++i) {
          // Of two scales the second is that of the last column.
          const std::uint32_t j =
              s.scales != Scales::any && lane == 1 ? T::columns - 1 : lane + 32 * i;
          const std::uint32_t n = min(at.column + j, p.n - 1);
          of_column[i] = static_cast<std::uint32_t>(__ldg(p.scale_rows + n)) * p.scale_columns;
          scale[i] = lane + 32 * i < columns ? __ldg(p.w_scales + of_column[i] + first) : 0.0f;
        }
        for (std::uint32_t block = first; block < last; ++block, ++count) {
          if (count >= early) barrier_wait(empty(stage), parity);
          if (lane == 0) {
            if (count >= early) copy_w(stage, at, block);
            const std::uint32_t x = base + stage * T::stage_bytes;
            const int column = static_cast<int>(block * row_bytes) - static_cast<int>(p.k_phase);
            if (s.pair > 1) {
              const std::uint32_t part = rank * (T::rows / 2);
              copy_box_to(3, x + part * row_bytes, x_map, column, static_cast<int>(at.row + part),
                          full(stage), policy_x);
            } else {
              copy_box(x, x_map, column, static_cast<int>(at.row), full(stage), policy_x);
            }
            copy_bytes(base + layout.x_scales + stage * T::rows * 4,
                       x_scales + std::uint64_t{block} * padded + at.row,
                       min(T::rows, padded - at.row) * 4, full(stage));
          }
#pragma unroll
          for (std::uint32_t i = 0; i < rounds; ++i)
            if (lane + 32 * i < columns) {
              w_scales[stage * T::columns + lane + 32 * i] = scale[i];
              if (block + 1 < last) scale[i] = __ldg(p.w_scales + of_column[i] + block + 1);
            }
          __syncwarp();
          if (lane == 0) barrier_arrive(full(stage));
          if (++stage == s.stages) {
            stage = 0;
            parity ^= 1;
          }
        }
      }
    }
    __syncwarp();
    if (s.split > 1) { // no block reuses its stages before all have read theirs
      cluster_arrive();
      cluster_wait();
    }
    if (in_cluster > 1) {
      cluster_arrive();
      cluster_wait();
    }
  } else {
    registers_up<224>();
    Stages<T> stages{base,
                     barriers,
                     s.stages,
                     reinterpret_cast<const float*>(shared + layout.x_scales),
                     reinterpret_cast<const float*>(shared + layout.w_scales),
                     s.pair > 1 ? in_block(empty(0), rank ^ 1) : 0};
    const std::uint32_t row = warp / 4 * 64 + warp % 4 * 16; // of a subtile, this warp's first
    std::uint8_t* const turn = shared + layout.pieces + warp * piece_bytes;
    if (in_cluster > 1) cluster_wait();
    for (std::uint32_t unit = cluster; unit < units; unit += clusters) {
      const Place at = Place::of<T>(s, unit);
      float total[T::subtiles][T::columns / 2] = {};
      const std::uint32_t first_groups = (128 - (at.column + s.n_phase) % 128) / 8;
      if (T::takes_two && s.scales == Scales::two)
        accumulate<T, Scales::two>(stages, last - first, first_groups, total);
      else if (s.scales == Scales::any)
        accumulate<T, Scales::any>(stages, last - first, 0, total);
      else if constexpr (128 % T::columns == 0)
        accumulate<T, Scales::one>(stages, last - first, 0, total);
      if (T::subtiles > 1 || s.split == 1) {
#pragma unroll
        for (int i = 0; i < T::subtiles; ++i) {
          if (p.bias) add_bias<T::columns>(p, at.column, reinterpret_cast<float*>(turn), total[i]);
          store_rows<T::columns, T::subtiles == 1>(p, y, s.m, at.row + 128 * i + row, at.column,
                                                   turn, total[i]);
        }
        continue;
      }
      if constexpr (T::subtiles == 1) {
        // All sums into shared memory, then each owner's groups of eight columns to it by one copy.
        const std::uint32_t most = (groups + s.split - 1) / s.split;
        const std::uint32_t inbox = groups * consumers * 16; // behind the own sums
        warps_sync(1, consumers); // both warpgroups are done with the stages
#pragma unroll
        for (std::uint32_t q = 0; q < groups; ++q)
          *reinterpret_cast<float4*>(shared + (q * consumers + threadIdx.x) * 16) = make_float4(
              total[0][4 * q], total[0][4 * q + 1], total[0][4 * q + 2], total[0][4 * q + 3]);
        fence_shared_for_async();
        warps_sync(1, consumers);
        cluster_arrive();
        cluster_wait();
        if (threadIdx.x < s.split && threadIdx.x != rank) {
          const std::uint32_t q = owned_from(groups, threadIdx.x, s.split);
          const std::uint32_t count = owned_from(groups, threadIdx.x + 1, s.split) - q;
          if (count > 0)
            copy_to_block(in_block(base + inbox + rank * most * consumers * 16, threadIdx.x),
                          base + q * consumers * 16, count * consumers * 16,
                          in_block(inbox_full, threadIdx.x));
        }
        __syncwarp();
        barrier_wait_cluster(inbox_full, 0);
        const std::uint32_t from = owned_from(groups, rank, s.split),
                            to = owned_from(groups, rank + 1, s.split);
#pragma unroll 1
        for (std::uint32_t q = from; q < to; ++q) {
          float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
          for (std::uint32_t source = 0; source < s.split; ++source) {
            const std::uint32_t slot = source == rank ? q : groups + source * most + q - from;
            const float4 four =
                *reinterpret_cast<const float4*>(shared + (slot * consumers + threadIdx.x) * 16);
            sum = make_float4(sum.x + four.x, sum.y + four.y, sum.z + four.z, sum.w + four.w);
          }
          store_four(p, y, s.m, at.row + row + lane / 4, at.column + 8 * q + lane % 4 * 2, sum);
        }
      }
    }
    if (in_cluster > 1) { // the other blocks may still read from here or arrive here
      __syncwarp();
      cluster_arrive();
      cluster_wait();
    }
  }
#else
  __trap();
#endif
}

} // namespace dsk::cuda::wide_detail
