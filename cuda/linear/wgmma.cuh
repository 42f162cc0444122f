// Hopper's warpgroup product: d[64, N] (+)= a[64, 32 bytes of k] . b[N, 32 bytes of k]^T, both from
// shared memory in rows of 128 bytes with the 128-byte swizzle.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <cstdint>

namespace dsk::cuda {

/// Shared-memory descriptor (PTX ISA, "Matrix descriptor"): 8 rows of 128 bytes make an atom of
/// 1,024 bytes, and atoms follow each other along the rows. Advancing k by 32 bytes adds 2.
__device__ __forceinline__ std::uint64_t matrix_descriptor(std::uint32_t shared_address) {
  return (std::uint64_t{shared_address & 0x3ffffu} >> 4) | (std::uint64_t{1} << 16) |
         (std::uint64_t{1024 >> 4} << 32) | (std::uint64_t{1} << 62);
}

__device__ __forceinline__ void wgmma_fence() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Waits until at most `Pending` groups are under way; `d`, which they have left, is the compiler's
/// to touch again.
template <int Pending, int Count> __device__ __forceinline__ void wgmma_wait(float (&d)[Count]) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
#pragma unroll
  for (int i = 0; i < Count; ++i)
    asm volatile("" : "+f"(d[i])::"memory");
}

template <class Element> struct Wgmma;

#define DSK_D4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define DSK_D16(i) DSK_D4(i), DSK_D4(i + 4), DSK_D4(i + 8), DSK_D4(i + 12)
#define DSK_R8 "%0,%1,%2,%3,%4,%5,%6,%7"
#define DSK_R16 DSK_R8 ",%8,%9,%10,%11,%12,%13,%14,%15"
#define DSK_R32 DSK_R16 ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
// SHAPE and TYPES as the instruction has them, TAIL its last immediates; A, B and P number the
// operands behind the registers.
#define DSK_WGMMA(N, K, TYPES, TAIL, REGISTERS, A, B, P, ...)                                      \
  static __device__ __forceinline__ void run(float(&d)[N / 2], std::uint64_t a, std::uint64_t b,   \
                                             bool add) {                                           \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P ", 0;\n"                                  \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k" #K ".f32." TYPES " {" REGISTERS        \
                 "}, %" #A ", %" #B ", p, 1, 1" TAIL ";\n}\n"                                      \
                 : __VA_ARGS__                                                                     \
                 : "l"(a), "l"(b), "r"(static_cast<int>(add)));                                    \
  }
#define DSK_WGMMA_ALL(ELEMENT, K, TYPES, TAIL)                                                     \
  template <> struct Wgmma<ELEMENT> {                                                              \
    DSK_WGMMA(8, K, TYPES, TAIL, "%0,%1,%2,%3", 4, 5, 6, DSK_D4(0))                                \
    DSK_WGMMA(16, K, TYPES, TAIL, DSK_R8, 8, 9, 10, DSK_D4(0), DSK_D4(4))                          \
    DSK_WGMMA(32, K, TYPES, TAIL, DSK_R16, 16, 17, 18, DSK_D16(0))                                 \
    DSK_WGMMA(64, K, TYPES, TAIL, DSK_R32, 32, 33, 34, DSK_D16(0), DSK_D16(16))                    \
  };
DSK_WGMMA_ALL(__nv_bfloat16, 16, "bf16.bf16", ", 0, 0")
DSK_WGMMA_ALL(__half, 16, "f16.f16", ", 0, 0")
DSK_WGMMA_ALL(__nv_fp8_e4m3, 32, "e4m3.e4m3", "")
#undef DSK_WGMMA_ALL

// d[64, N] = a[64, 128] . b[N, 128]^T of E4M3: a whole block of k, started and awaited. `zero` is
// 0, but the compiler must not know: it would give each product registers of its own otherwise.
#define DSK_R48 DSK_R32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47"
#define DSK_R56 DSK_R48 ",%48,%49,%50,%51,%52,%53,%54,%55"
#define DSK_R64 DSK_R56 ",%56,%57,%58,%59,%60,%61,%62,%63"
#define DSK_STEP(N, REGISTERS, A, B, ADD)                                                          \
  "wgmma.mma_async.sync.aligned.m64n" #N "k32.f32.e4m3.e4m3 {" REGISTERS "}, " A ", " B ", " ADD   \
  ", 1, 1;\n"
#define DSK_NEXT "add.s64 a, a, 2;\nadd.s64 b, b, 2;\n"
#define DSK_BLOCK(N, REGISTERS, A, B, ZERO, ...)                                                   \
  __device__ __forceinline__ void block_product(float(&d)[N / 2], std::uint64_t x,                 \
                                                std::uint64_t w, int zero) {                       \
    asm volatile(                                                                                  \
        "{\n.reg .b64 a, b;\n.reg .pred p;\nsetp.ne.s32 p, %" #ZERO                                \
        ", 0;\nwgmma.fence.sync.aligned;\n" DSK_STEP(                                              \
            N, REGISTERS, "%" #A, "%" #B,                                                          \
            "p") "add.s64 a, %" #A ", 2;\nadd.s64 b, %" #B ", 2;\n" DSK_STEP(N, REGISTERS, "a",    \
                                                                             "b", "1")             \
            DSK_NEXT DSK_STEP(N, REGISTERS, "a", "b", "1") DSK_NEXT DSK_STEP(                      \
                N, REGISTERS, "a", "b",                                                            \
                "1") "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n}\n"     \
        : __VA_ARGS__                                                                              \
        : "l"(x), "l"(w), "r"(zero)                                                                \
        : "memory");                                                                               \
  }
DSK_BLOCK(64, DSK_R32, 32, 33, 34, DSK_D16(0), DSK_D16(16))
DSK_BLOCK(96, DSK_R48, 48, 49, 50, DSK_D16(0), DSK_D16(16), DSK_D16(32))
DSK_BLOCK(112, DSK_R56, 56, 57, 58, DSK_D16(0), DSK_D16(16), DSK_D16(32), DSK_D4(48), DSK_D4(52))
DSK_BLOCK(128, DSK_R64, 64, 65, 66, DSK_D16(0), DSK_D16(16), DSK_D16(32), DSK_D16(48))
#undef DSK_BLOCK
#undef DSK_NEXT
#undef DSK_STEP
#undef DSK_R64
#undef DSK_R56
#undef DSK_R48
#undef DSK_WGMMA
#undef DSK_R32
#undef DSK_R16
#undef DSK_R8
#undef DSK_D16
#undef DSK_D4

} // namespace dsk::cuda
