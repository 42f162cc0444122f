// Products with 1 to 64 rows of x on Hopper: the time is that of reading the weights, so that is
// what the kernel is built around. One warp keeps the bulk copy engine's queue of weight tiles full
// and begins before the kernel ahead has ended; warpgroups of four multiply on the tensor cores,
// weights as the instruction's 64 rows and rows of x as its columns. The blocks of a cluster share
// k and send their sums to the owner of each output, which adds them in rank order. FP8 is scaled
// every 128 columns in single precision; with few rows each block quantises its part of x itself.
#pragma once

#include "linear/async_copy.cuh"
#include "linear/device_math.cuh"
#include "linear/wgmma.cuh"

namespace dsk::cuda::skinny_detail {

constexpr int row_bytes = 128; // of a tile: one block of k, which is one scale block of FP8
constexpr int most_rows = 64;  // weight rows of a tile: the instruction's
constexpr int group_threads = 128;

enum class Source { copied, quantised_here }; // of x

/// Several warpgroups take turns along k, because one alone waits for its own products too long to
/// keep up with memory.
template <class Element_, int N_, Source source_> struct Variant {
  using Element = Element_;
  static constexpr int N = N_; // rows of x, rounded up to what the instruction takes
  static constexpr Source source = source_;
  static constexpr bool fp8 = sizeof(Element) == 1;
  // FP8 waits for the products of each block of k before it scales them.
  static constexpr int turns = fp8 && N <= 16 ? 4 : 2;
  static constexpr int columns = row_bytes / static_cast<int>(sizeof(Element));
  static constexpr int consumers = group_threads * turns;
  static constexpr int threads = consumers + 32;
  static constexpr std::uint32_t w_bytes = most_rows * row_bytes;
  static constexpr std::uint32_t x_bytes = N * row_bytes;
  static constexpr std::uint32_t stage_bytes = w_bytes + (source == Source::copied ? x_bytes : 0);
};

/// `rows` of w make a tile: fewer than the instruction's 64 where that shares w evenly among the
/// multiprocessors. `stages` is a multiple of the turns, so that a stage always falls to the same
/// one: a parity tells neighbouring phases of a barrier apart, no more.
struct Shape {
  std::uint32_t m, rows, tiles, blocks, split, clusters, stages;
  std::uint32_t m_inverse; // 2^32 / m rounded up; 0 for m = 1
  /// Rows whose sums meet in one block of a cluster.
  __host__ __device__ std::uint32_t owned() const { return rows / split; }
  /// Floats from one column of sums to the next, so that stores of a warp fall into different
  /// banks.
  __host__ __device__ std::uint32_t pitch() const { return owned() + (split <= 2 ? 4 : 0); }
};

/// Shared memory behind the stages, in bytes: x and its scales where a block keeps them, the
/// weight's scales by block of k and row, partial sums by source, column of x and row, barriers.
template <class V> struct Layout {
  std::uint32_t x, scales, w_scales, inbox, barriers, total;
  __host__ __device__ Layout(const Shape& s) {
    const std::uint32_t most_blocks = (s.blocks + s.split - 1) / s.split;
    x = s.stages * V::stage_bytes;
    scales = x + (V::source == Source::quantised_here ? most_blocks * V::x_bytes : 0);
    w_scales = scales + (V::fp8 ? most_blocks * V::N * 4 : 0);
    inbox = w_scales + (V::fp8 ? most_blocks * most_rows * 4 : 0);
    barriers = inbox + V::turns * s.split * V::N * s.pitch() * 4;
    total = barriers + (2 * s.stages + 1) * 8;
  }
};

/// Place of a byte of x in a tile of rows of 128 bytes: 16-byte chunks are exchanged within a row.
__device__ __forceinline__ std::uint32_t swizzled(std::uint32_t row, std::uint32_t byte) {
  return row * row_bytes + (((byte / 16) ^ (row % 8)) * 16 + byte % 16);
}

/// The rows of x that are none: zero codes, before the kernel ahead has ended.
template <class V>
__device__ void clear_padding(const Shape& s, std::uint32_t count, std::uint8_t* codes) {
  constexpr std::uint32_t chunks = row_bytes / 16;
  const std::uint32_t rows = V::N - s.m;
  for (std::uint32_t i = threadIdx.x; i < count * rows * chunks; i += V::consumers) {
    const std::uint32_t block = i / (rows * chunks), row = s.m + i / chunks % rows;
    *reinterpret_cast<uint4*>(codes + block * V::x_bytes + row * row_bytes + i % chunks * 16) =
        make_uint4(0, 0, 0, 0);
  }
}

/// x of this block's part of k as E4M3 codes in tiles, and its scales[block][row]: half a warp for
/// each 128 columns.
template <class V>
__device__ void quantise_part(const ProductView& p, const Shape& s, std::uint32_t first,
                              std::uint32_t count, const void* x, std::uint8_t* codes,
                              float* scales) {
  constexpr std::uint32_t halves = V::consumers / 16, together = 4; // loads under way at once
  const std::uint32_t half = threadIdx.x / 16, lane = threadIdx.x % 16;
  const std::uint32_t jobs = count * s.m, rounds = (jobs + halves - 1) / halves;
  const auto block_of = [&](std::uint32_t job) {
    return s.m_inverse ? __umulhi(job, s.m_inverse) : job;
  };
  for (std::uint32_t round = 0; round < rounds; round += together) {
    uint4 raw[together];
#pragma unroll
    for (std::uint32_t j = 0; j < together; ++j) {
      const std::uint32_t job = (round + j) * halves + half, block = block_of(job);
      const int at =
          static_cast<int>((first + block) * 128 + lane * 8) - static_cast<int>(p.k_phase);
      raw[j] = make_uint4(0, 0, 0, 0);
      if (job < jobs && at >= 0 && at < static_cast<int>(p.k))
        raw[j] = *reinterpret_cast<const uint4*>(static_cast<const std::uint16_t*>(x) +
                                                 std::uint64_t{job - block * s.m} * p.k + at);
    }
#pragma unroll
    for (std::uint32_t j = 0; j < together; ++j) {
      const std::uint32_t job = (round + j) * halves + half;
      if ((job & ~1u) >= jobs) break; // for the whole warp
      float scale;
      const uint2 eight = quantised_eight(raw[j], p.activation, scale); // all lanes take part
      if (job >= jobs) continue;
      const std::uint32_t block = block_of(job), row = job - block * s.m;
      *reinterpret_cast<uint2*>(codes + block * V::x_bytes + swizzled(row, lane * 8)) = eight;
      if (lane == 0) scales[block * V::N + row] = scale;
    }
  }
}

/// Four outputs of one row of y, from column n on, with the bias.
__device__ __forceinline__ void store_four(const ProductView& p, void* y, std::uint32_t row,
                                           std::uint32_t n, const float4& sums, bool together) {
  float value[4] = {sums.x, sums.y, sums.z, sums.w};
  const std::uint64_t at = std::uint64_t{row} * p.n + n;
  if (p.bias) {
#pragma unroll
    for (std::uint32_t i = 0; i < 4; ++i)
      if (n + i < p.n) value[i] += load_as_float(p.bias, p.activation, n + i);
  }
  if (together) {
    if (n >= p.n) return;
    std::uint32_t pair[2];
#pragma unroll
    for (int i = 0; i < 2; ++i)
      if (p.output == DSK_DTYPE_BF16) {
        const __nv_bfloat162 two = __floats2bfloat162_rn(value[2 * i], value[2 * i + 1]);
        pair[i] = *reinterpret_cast<const std::uint32_t*>(&two);
      } else {
        const __half2 two = __floats2half2_rn(value[2 * i], value[2 * i + 1]);
        pair[i] = *reinterpret_cast<const std::uint32_t*>(&two);
      }
    *reinterpret_cast<uint2*>(static_cast<std::uint16_t*>(y) + at) = make_uint2(pair[0], pair[1]);
    return;
  }
#pragma unroll
  for (std::uint32_t i = 0; i < 4; ++i)
    if (n + i < p.n) store_as(y, p.output, at + i, value[i]);
}

template <class V>
__global__ void __launch_bounds__(V::threads)
    skinny_kernel(const __grid_constant__ CUtensorMap w_map,
                  const __grid_constant__ CUtensorMap x_map, ProductView p, Shape s, const void* x,
                  const float* x_scales, void* y) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr int N = V::N;
  constexpr std::uint32_t turns = V::turns;
  extern __shared__ __align__(1024) std::uint8_t shared[];
  const Layout<V> layout(s);
  const std::uint32_t base = shared_address_of(shared), barriers = base + layout.barriers;
  const auto full = [&](std::uint32_t stage) { return barriers + stage * 8; };
  const auto empty = [&](std::uint32_t stage) { return barriers + (s.stages + stage) * 8; };
  const std::uint32_t inbox_full = barriers + 2 * s.stages * 8;
  auto* const scales = reinterpret_cast<float*>(shared + layout.scales);

  const std::uint32_t rank = s.split > 1 ? rank_in_cluster() : 0;
  const std::uint32_t cluster = blockIdx.x / s.split, clusters = gridDim.x / s.split;
  const std::uint32_t first = rank * s.blocks / s.split, last = (rank + 1) * s.blocks / s.split;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const bool producer = warp == V::consumers / 32;

  if (producer) {
    // The queue of tiles is filled before anything else happens: weights depend on no kernel.
    const std::uint64_t weights_once = evict_first(), x_often = evict_last();
    std::uint32_t tile = cluster, block = first, issued = 0;
    const auto copy_w = [&](std::uint32_t stage) {
      barrier_expect(full(stage), s.rows * row_bytes + V::stage_bytes - V::w_bytes);
      copy_box(base + stage * V::stage_bytes, w_map,
               static_cast<int>(block * V::columns) - static_cast<int>(p.k_phase),
               static_cast<int>(tile * s.rows), full(stage), weights_once);
      if (++block == last) {
        block = first;
        tile += clusters;
      }
    };
    const auto copy_x = [&](std::uint32_t stage, std::uint32_t of_block) {
      if constexpr (V::source == Source::copied)
        copy_box(base + stage * V::stage_bytes + V::w_bytes, x_map,
                 static_cast<int>(of_block * V::columns) - static_cast<int>(p.k_phase), 0,
                 full(stage), x_often);
    };
    if (lane == 0) {
      prefetch_map(w_map);
      if constexpr (V::source == Source::copied) prefetch_map(x_map);
      for (std::uint32_t i = 0; i < s.stages; ++i) {
        barrier_init(full(i), 1);
        barrier_init(empty(i), 4); // the warps of one turn
      }
      if (s.split > 1) {
        barrier_init(inbox_full, 1);
        // What all blocks will store here.
        barrier_expect(inbox_full, turns * s.rows * s.m * 4);
      }
      barrier_init_done();
      for (; issued < s.stages && tile < s.tiles; ++issued)
        copy_w(issued);
      allow_consumer();
    }
    __syncthreads();
    __syncwarp();
    if (s.split > 1) cluster_arrive();
    if (lane == 0) {
      wait_for_producer();
      std::uint32_t x_block = first;
      for (std::uint32_t i = 0; i < issued; ++i) {
        copy_x(i, x_block);
        if (++x_block == last) x_block = first;
      }
      std::uint32_t stage = 0, parity = 0;
      while (tile < s.tiles) {
        barrier_wait(empty(stage), parity);
        const std::uint32_t of_block = block;
        copy_w(stage);
        copy_x(stage, of_block);
        if (++stage == s.stages) {
          stage = 0;
          parity ^= 1;
        }
      }
    }
    __syncwarp();
    if (s.split > 1) cluster_wait();
    return;
  }

  __syncthreads();
  if (s.split > 1) cluster_arrive();
  const std::uint32_t turn = warp / 4;
  const std::uint32_t row = warp % 4 * 16 + lane / 4; // of the tile; and row + 8
  // What depends on no kernel is done before the wait.
  auto* const w_scales = reinterpret_cast<float*>(shared + layout.w_scales);
  const auto fetch_w_scales = [&](std::uint32_t tile) {
    const std::uint32_t r = threadIdx.x % most_rows, n = min(tile * s.rows + r, p.n - 1);
    const float* of_row =
        p.w_scales +
        std::uint64_t{static_cast<std::uint32_t>(__ldg(p.scale_rows + n))} * p.scale_columns +
        first;
#pragma unroll 4
    for (std::uint32_t i = threadIdx.x / most_rows; i < last - first; i += V::consumers / most_rows)
      w_scales[i * most_rows + r] = __ldg(of_row + i);
  };
  if constexpr (V::fp8) fetch_w_scales(cluster);
  // Where this lane's sums go: two neighbouring rows of every other column, and the same 8 rows on.
  const std::uint32_t owned = s.owned(), pitch = s.pitch(), odd = lane / 4 % 2;
  std::uint32_t sums_to[2], signal[2];
  bool sends[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const std::uint32_t r = (row & ~1u) + 8 * half,
                        owner = s.split > 1 ? r * s.split / most_rows : 0;
    const std::uint32_t source = rank * turns + turn, column = lane % 4 * 2 + odd;
    sums_to[half] =
        base + layout.inbox + ((source * V::N + column) * pitch + r - owner * owned) * 4;
    signal[half] = inbox_full;
    if (s.split > 1) {
      sums_to[half] = in_block(sums_to[half], owner);
      signal[half] = in_block(inbox_full, owner);
    }
    sends[half] = r < s.rows; // rows of no tile: stale bytes were multiplied
  }
  const bool together =
      p.output != DSK_DTYPE_F32 && p.n % 4 == 0 && reinterpret_cast<std::uintptr_t>(y) % 8 == 0;
  if constexpr (V::source == Source::quantised_here)
    clear_padding<V>(s, last - first, shared + layout.x);
  wait_for_producer();
  if constexpr (V::source == Source::quantised_here) {
    quantise_part<V>(p, s, first, last - first, x, shared + layout.x, scales);
    fence_shared_for_async();
  } else if constexpr (V::fp8) {
    const std::uint32_t padded = (s.m + 3) / 4 * 4;
    for (std::uint32_t i = threadIdx.x; i < (last - first) * N; i += V::consumers)
      scales[i] = i % N < s.m ? x_scales[std::uint64_t{first + i / N} * padded + i % N] : 0.0f;
  }
  if constexpr (V::fp8) warps_sync(1, V::consumers);
  __syncwarp();
  if (s.split > 1) cluster_wait();

  std::uint32_t stage = turn, parity = 0, count = 0; // `count` tiles of w went before
  const auto advance = [&] {
    if ((stage += turns) >= s.stages) {
      stage -= s.stages;
      parity ^= 1;
    }
  };
  for (std::uint32_t tile = cluster; tile < s.tiles; tile += clusters) {
    const std::uint32_t begin = first + (turn - count) % turns; // this turn's first block
    count += last - first;
    float total[N / 2] = {};
    const auto multiply = [&](float(&into)[N / 2], std::uint32_t block, bool add) {
      const std::uint32_t w = base + stage * V::stage_bytes;
      const std::uint64_t w_at = matrix_descriptor(w),
                          x_at =
                              matrix_descriptor(V::source == Source::quantised_here
                                                    ? base + layout.x + (block - first) * V::x_bytes
                                                    : w + V::w_bytes);
      barrier_wait(full(stage), parity);
      wgmma_fence();
#pragma unroll
      for (int k = 0; k < 4; ++k)
        Wgmma<typename V::Element>::run(into, w_at + 2 * k, x_at + 2 * k, add || k > 0);
      wgmma_commit();
    };
    if constexpr (V::fp8) {
      for (std::uint32_t block = begin; block < last; block += turns) {
        const float* of_rows_of_w = w_scales + (block - first) * most_rows + row;
        const float low = of_rows_of_w[0], high = of_rows_of_w[8];
        float part[N / 2] = {};
        multiply(part, block, false);
        wgmma_wait<0>(part);
        if (lane == 0) barrier_arrive(empty(stage));
        const float* of_block = scales + (block - first) * N;
#pragma unroll
        for (int q = 0; q < N / 8; ++q) {
          const float2 of_rows = *reinterpret_cast<const float2*>(of_block + 8 * q + lane % 4 * 2);
          total[4 * q] += part[4 * q] * (low * of_rows.x);
          total[4 * q + 1] += part[4 * q + 1] * (low * of_rows.y);
          total[4 * q + 2] += part[4 * q + 2] * (high * of_rows.x);
          total[4 * q + 3] += part[4 * q + 3] * (high * of_rows.y);
        }
        advance();
      }
    } else {
      // The products of one block run while those of the block before are waited for.
      bool any = false;
      for (std::uint32_t block = begin; block < last; block += turns) {
        multiply(total, block, true);
        const std::uint32_t before = stage >= turns ? stage - turns : stage + s.stages - turns;
        if (any) {
          asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
          if (lane == 0) barrier_arrive(empty(before));
        }
        any = true;
        advance();
      }
      wgmma_wait<0>(total);
      if (any && lane == 0)
        barrier_arrive(empty(stage >= turns ? stage - turns : stage + s.stages - turns));
    }

    // Sums to their owners. Neighbouring rows exchange columns first, so that each lane has two
    // rows of one column.
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
      for (int q = 0; q < N / 8; ++q) {
        const float left = total[4 * q + 2 * half], right = total[4 * q + 2 * half + 1];
        const float other = __shfl_xor_sync(0xffffffffu, odd ? left : right, 4);
        const float low_row = odd ? other : left, high_row = odd ? right : other;
        if (!sends[half] || 8 * q + lane % 4 * 2 + odd >= s.m) continue;
        const std::uint32_t to = sums_to[half] + 8 * q * pitch * 4;
        if (s.split > 1)
          store_in(to, low_row, high_row, signal[half]);
        else
          *reinterpret_cast<float2*>(shared + (to - base)) = make_float2(low_row, high_row);
      }
    if (s.split > 1)
      barrier_wait_cluster(inbox_full, 0); // a cluster has one tile
    else
      warps_sync(1, V::consumers);
    // Four rows a lane; with a split some of 16 lanes have none.
    const std::uint32_t r = threadIdx.x % 16 * 4, n = tile * s.rows + rank * owned + r;
    for (std::uint32_t column = threadIdx.x / 16; column < s.m && r < owned;
         column += V::consumers / 16) {
      const float* part =
          reinterpret_cast<const float*>(shared + layout.inbox) + column * pitch + r;
      float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
      for (std::uint32_t from = 0; from < s.split; ++from)
#pragma unroll
        for (std::uint32_t i = 0; i < turns; ++i, part += N * pitch) {
          const float4 four = *reinterpret_cast<const float4*>(part);
          sum = make_float4(sum.x + four.x, sum.y + four.y, sum.z + four.z, sum.w + four.w);
        }
      store_four(p, y, column, n, sum, together);
    }
    if (tile + clusters < s.tiles) {
      warps_sync(1, V::consumers); // the inbox is free for the next tile's sums
      if constexpr (V::fp8) {
        fetch_w_scales(tile + clusters);
        warps_sync(1, V::consumers);
      }
    }
  }
#else
  __trap();
#endif
}

} // namespace dsk::cuda::skinny_detail
