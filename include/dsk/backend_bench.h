/**
 * @file backend_bench.h
 * Optional part of a backend: work that measures a device. `extension(DSK_BACKEND_BENCH)` of
 * dsk_backend_api gives a dsk_backend_bench_api, or NULL.
 *
 * The backend prepares work and times it with the device's own clock; how often, in which order and
 * what the samples mean is the harness's affair. Data is random unless a flag says otherwise, and
 * buffers rotate so that a cold case meets an L2 without its data. `create` checks the result of
 * the work once where there is a result to check. Threads and errors: as backend.h says.
 */
#ifndef DSK_BACKEND_BENCH_H
#define DSK_BACKEND_BENCH_H

#include "dsk/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DSK_BACKEND_BENCH "bench/1"

typedef enum dsk_backend_bench_kind {
  DSK_BACKEND_BENCH_READ = 1,  /**< sum of `bytes` of device memory */
  DSK_BACKEND_BENCH_WRITE = 2, /**< fill */
  DSK_BACKEND_BENCH_COPY = 3,  /**< by a kernel; `bytes` read and as many written */
  DSK_BACKEND_BENCH_TRIAD = 4, /**< a = b + s c, three arrays of `bytes` */
  DSK_BACKEND_BENCH_L2_READ = 5,
  DSK_BACKEND_BENCH_GEMM = 6,         /**< y[m, n] = x[m, k] . w[n, k]^T by the vendor's library */
  DSK_BACKEND_BENCH_GEMM_SPARSE = 7,  /**< the same with w 2:4 sparse */
  DSK_BACKEND_BENCH_KERNELS = 8,      /**< `count` tiny kernels, each waiting for the one before */
  DSK_BACKEND_BENCH_PERSISTENT = 9,   /**< the same steps inside one kernel, by a grid barrier */
  DSK_BACKEND_BENCH_GRAPH_BUILD = 10, /**< capture and instantiate `count` kernels; host time */
  DSK_BACKEND_BENCH_FROM_HOST = 11,
  DSK_BACKEND_BENCH_TO_HOST = 12,
  DSK_BACKEND_BENCH_PEER_COPY = 13,   /**< to device `peer` */
  DSK_BACKEND_BENCH_ALL_REDUCE = 14,  /**< `bytes` over `count` ranks in this process */
  DSK_BACKEND_BENCH_DEVICE_COPY = 15, /**< by the driver's own copy, the yardstick of COPY */
  DSK_BACKEND_BENCH_FORCE_32BIT = 0x7fffffff
} dsk_backend_bench_kind;

/** Replay a captured graph instead of launching each kernel. */
#define DSK_BACKEND_BENCH_GRAPH 0x1u
/** Launch each kernel with programmatic dependence on the one before. */
#define DSK_BACKEND_BENCH_PDL 0x2u
/** Pinned host memory. */
#define DSK_BACKEND_BENCH_PINNED 0x4u
/** Zeros as data: to show the trap, never for a figure that is used. */
#define DSK_BACKEND_BENCH_ZEROS 0x8u
/** Both directions at once. */
#define DSK_BACKEND_BENCH_BOTH_WAYS 0x10u
/** Use one set of buffers: the L2 may hold the data. */
#define DSK_BACKEND_BENCH_WARM 0x20u
/** All-reduce by the own protocol; ranks that outnumber the devices share them in turn. */
#define DSK_BACKEND_BENCH_OWN 0x40u

typedef struct dsk_backend_bench_desc {
  uint32_t struct_size;
  dsk_backend_bench_kind kind;
  uint32_t flags;
  dsk_dtype dtype; /**< of a product's x and w */
  uint64_t bytes;
  uint64_t m, n, k;
  uint32_t count; /**< kernels, or ranks */
  int32_t peer;
} dsk_backend_bench_desc;

/** What one iteration of the prepared work is. */
typedef struct dsk_backend_bench_info {
  uint32_t struct_size;
  uint32_t sets;    /**< buffers that the iterations rotate over */
  uint32_t checked; /**< 1: the result was compared with a reference */
  uint32_t reserved;
  double bytes;          /**< moved at least */
  double flops;          /**< done; of a sparse product, those of the dense one */
  double relative_error; /**< ||result - reference|| / ||reference|| when checked */
  char kernel[128];      /**< what runs: library, version, algorithm */
} dsk_backend_bench_info;

/** Totals over the iterations. */
typedef struct dsk_backend_bench_times {
  uint32_t struct_size;
  uint32_t reserved;
  double device_ns;  /**< device clock */
  double enqueue_ns; /**< host clock, until the last launch call returned */
} dsk_backend_bench_times;

typedef struct dsk_backend_bench_case dsk_backend_bench_case;

typedef struct dsk_backend_bench_api {
  uint32_t struct_size;
  uint32_t reserved;
  /** UNSUPPORTED or UNAVAILABLE when this device or its libraries cannot; the sentence says why. */
  dsk_status (*create)(dsk_backend_device* device, const dsk_backend_bench_desc* desc,
                       dsk_backend_bench_case** out, dsk_backend_error* error);
  void (*destroy)(dsk_backend_bench_case* work);
  dsk_status (*info)(const dsk_backend_bench_case* work, dsk_backend_bench_info* out,
                     dsk_backend_error* error);
  /** Runs the work `iterations` times and waits for it. */
  dsk_status (*run)(dsk_backend_bench_case* work, uint64_t iterations, dsk_backend_bench_times* out,
                    dsk_backend_error* error);
} dsk_backend_bench_api;

#ifdef __cplusplus
}
#endif

#endif /* DSK_BACKEND_BENCH_H */
