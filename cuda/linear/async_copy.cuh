// Barriers in shared memory, the bulk tensor copy engine and clusters (PTX of compute capability
// 9.0).
#pragma once

#include <cuda.h>

#include <cstdint>

namespace dsk::cuda {

__device__ __forceinline__ std::uint32_t shared_address_of(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

__device__ __forceinline__ void barrier_init(std::uint32_t barrier, std::uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
/// What was initialised here is seen by the copy engine and by the cluster.
__device__ __forceinline__ void barrier_init_done() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ __forceinline__ void barrier_arrive(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
__device__ __forceinline__ void barrier_expect(std::uint32_t barrier, std::uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
__device__ __forceinline__ void barrier_wait(std::uint32_t barrier, std::uint32_t parity) {
  asm volatile("{\n.reg .pred p;\n"
               "again:\n"
               "mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
               "@p bra done;\n"
               "bra again;\n"
               "done:\n}\n" ::"r"(barrier),
               "r"(parity)
               : "memory");
}
/// Sees what other blocks of the cluster stored into this one.
__device__ __forceinline__ void barrier_wait_cluster(std::uint32_t barrier, std::uint32_t parity) {
  asm volatile("{\n.reg .pred p;\n"
               "again:\n"
               "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%0], %1;\n"
               "@p bra done;\n"
               "bra again;\n"
               "done:\n}\n" ::"r"(barrier),
               "r"(parity)
               : "memory");
}

/// The same place in the shared memory of block `rank` of the cluster.
__device__ __forceinline__ std::uint32_t in_block(std::uint32_t address, std::uint32_t rank) {
  std::uint32_t out;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(out) : "r"(address), "r"(rank));
  return out;
}
/// Stores into a block of the cluster; `barrier`, in the same block, counts the eight bytes once
/// they are there. No fence is needed, and nothing waits on this side.
__device__ __forceinline__ void store_in(std::uint32_t address_in_block, float a, float b,
                                         std::uint32_t barrier_in_block) {
  asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v2.f32 [%0], {%1, %2}, "
               "[%3];" ::"r"(address_in_block),
               "f"(a), "f"(b), "r"(barrier_in_block)
               : "memory");
}
/// From this block's shared memory to that of a block of the cluster, where `barrier_in_block`
/// counts the bytes, a multiple of 16.
__device__ __forceinline__ void copy_to_block(std::uint32_t address_in_block, std::uint32_t from,
                                              std::uint32_t bytes, std::uint32_t barrier_in_block) {
  asm volatile("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], "
               "%2, [%3];" ::"r"(address_in_block),
               "r"(from), "r"(bytes), "r"(barrier_in_block)
               : "memory");
}
/// Arrives at a barrier of any block of the cluster. It releases to the own block only, so that no
/// fence of the whole GPU is made: enough to say that something has been read.
__device__ __forceinline__ void barrier_arrive_in(std::uint32_t barrier_in_block) {
  asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(barrier_in_block) : "memory");
}
__device__ __forceinline__ std::uint32_t rank_in_cluster() {
  std::uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
/// Says that this block's barriers stand. It releases nothing else, so that it need not wait for
/// the memory accesses that are under way.
__device__ __forceinline__ void cluster_arrive() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
}
__device__ __forceinline__ void cluster_wait() {
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}

/// Cache policies: weights pass through once, x is read by every block.
__device__ __forceinline__ std::uint64_t evict_first() {
  std::uint64_t policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}
__device__ __forceinline__ std::uint64_t evict_last() {
  std::uint64_t policy;
  asm volatile("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

__device__ __forceinline__ std::uint64_t evict_normal() {
  std::uint64_t policy;
  asm volatile("createpolicy.fractional.L2::evict_normal.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

/// Brings the description of a matrix near, so that the first copy need not wait for it.
__device__ __forceinline__ void prefetch_map(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(reinterpret_cast<std::uint64_t>(&map)) : "memory");
}

/// One box of a matrix, from (column, row) on, into shared memory; `barrier` counts its bytes.
__device__ __forceinline__ void copy_box(std::uint32_t to, const CUtensorMap& map, int column,
                                         int row, std::uint32_t barrier, std::uint64_t policy) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::"
               "cache_hint [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(to),
               "l"(reinterpret_cast<std::uint64_t>(&map)), "r"(column), "r"(row), "r"(barrier),
               "l"(policy)
               : "memory");
}

/// The same box into the same place of every block of the cluster that `blocks` names by bits; each
/// one's barrier counts it.
__device__ __forceinline__ void copy_box_to(std::uint16_t blocks, std::uint32_t to,
                                            const CUtensorMap& map, int column, int row,
                                            std::uint32_t barrier, std::uint64_t policy) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes."
               "multicast::cluster.L2::cache_hint [%0], [%1, {%2, %3}], [%4], %5, %6;" ::"r"(to),
               "l"(reinterpret_cast<std::uint64_t>(&map)), "r"(column), "r"(row), "r"(barrier),
               "h"(blocks), "l"(policy)
               : "memory");
}
/// Bytes in a row: a multiple of 16, from and to multiples of 16.
__device__ __forceinline__ void copy_bytes(std::uint32_t to, const void* from, std::uint32_t bytes,
                                           std::uint32_t barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, "
               "[%3];" ::"r"(to),
               "l"(from), "r"(bytes), "r"(barrier)
               : "memory");
}

/// Ordinary stores to shared memory before it are seen by the tensor cores after it.
__device__ __forceinline__ void fence_shared_for_async() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
/// Gives registers of a warpgroup back, or takes some of those that others gave.
template <int Count> __device__ __forceinline__ void registers_down() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
}
template <int Count> __device__ __forceinline__ void registers_up() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
}
/// Barrier of some of the block's warps.
__device__ __forceinline__ void warps_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

} // namespace dsk::cuda
