/**
 * @file backend.h
 * The function table between libdsk and a device backend: the "systems tier", for authors of
 * backends.
 *
 * A backend is a shared object named `libdsk_backend_NAME.so` that exports one symbol,
 * `dsk_backend_entry` (type dsk_backend_entry_fn). libdsk opens it lazily, with RTLD_NOW |
 * RTLD_LOCAL, from the folders of DSK_BACKEND_PATH, then from the folder of libdsk itself. The
 * entry function does no work: a driver is first touched by `probe`. The table's promise holds for
 * one `api_version`.
 *
 * Threads.   `probe`, `device_info` and functions that take a `const` pointer may be called by any
 * number of threads. Everything else: one thread at a time per handle. No thread-local state.
 * Errors.    A function that can fail returns a status and, when `error` is not NULL, writes one
 * English sentence into it. No exception crosses the table; nothing is printed. Memory.    `void *`
 * pointers to tensors are device pointers of the device that made them, 16-byte aligned. Streams
 * are `void *` too (cudaStream_t); NULL is the default stream. Capture.   `gemm_enqueue`,
 * `activate`, `epilogue`, `unpack_columns`, `all_reduce` and `all_gather` allocate nothing, take no
 * lock, do not wait for the device and may be captured in a graph. Tensors.   All tensors are
 * row-major and dense. A linear layer is y[m, n] = x[m, k] . w[n, k]^T.
 */
#ifndef DSK_BACKEND_H
#define DSK_BACKEND_H

#include "dsk/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this table; a loader refuses any other. */
#define DSK_BACKEND_API_VERSION 1u

/** Name of the symbol that a backend exports. */
#define DSK_BACKEND_ENTRY "dsk_backend_entry"

/** Most ranks of one communicator. */
#define DSK_BACKEND_MAX_RANKS 64u

/** Width of a scale block along k (FP8 and INT4) and along n (FP8 weights). */
#define DSK_BACKEND_SCALE_BLOCK 128u

/** Receives the sentence of a failure. */
typedef struct dsk_backend_error {
  char text[1024];
} dsk_backend_error;

/* ------------------------------------------------------------------ discovery */

/** What a backend finds on this machine. Text fields are NUL-terminated, "" when unknown. */
typedef struct dsk_backend_probe {
  uint32_t struct_size;
  uint32_t device_count;
  uint32_t driver_api_version; /**< highest API of the driver, as 1000 * major + 10 * minor; 0 = no
                                  driver */
  uint32_t required_api_version; /**< what the backend was built for, same form */
  char driver_version[32];       /**< version of the kernel driver, e.g. "580.159.04" */
  char blas_version[32];         /**< version of the vendor's matrix library that was opened */
  char collective_version[32];   /**< version of the vendor's collective library that was opened */
  char missing[768]; /**< one sentence for each library that was not found or is too old */
} dsk_backend_probe;

/** One device. Sizes in bytes, clocks in kHz. */
typedef struct dsk_backend_device_info {
  uint32_t struct_size;
  int32_t ordinal;
  char name[128];
  char uuid[48]; /**< "GPU-xxxxxxxx-..." */
  char pci_address[32];
  uint32_t compute_major, compute_minor;
  uint32_t multiprocessors;
  uint32_t core_clock_khz, memory_clock_khz;
  uint64_t memory_bytes, l2_bytes, shared_bytes_per_block;
  char tuning_key[256]; /**< changes whenever a saved choice may no longer hold: device and library
                           versions */
} dsk_backend_device_info;

typedef struct dsk_backend_device dsk_backend_device;
typedef struct dsk_backend_gemm dsk_backend_gemm;
typedef struct dsk_backend_comm dsk_backend_comm;
typedef struct dsk_backend_graph dsk_backend_graph;

/* ---------------------------------------------------------------------- gemm */

/** Single-precision products may use TF32. */
#define DSK_BACKEND_GEMM_TF32 0x1u
/** A row of y has the same bits whatever m is. */
#define DSK_BACKEND_GEMM_BATCH_INVARIANT 0x2u
/** Accumulate in double precision: the yardstick (CPU only). */
#define DSK_BACKEND_GEMM_REFERENCE 0x4u
/** Do not measure: take the first valid choice. */
#define DSK_BACKEND_GEMM_NO_MEASURE 0x8u

/**
 * A product with its weight. Pointers stay the caller's and live as long as the gemm.
 *
 * weight_dtype F32, BF16, F16 (equal to activation_dtype): no scales.
 * F8E4M3: w = q * weight_scales[scale_rows[row], (k_phase + col) / 128], float; x is quantised per
 *         1 x 128 block of the same grid with scale amax / 448.
 * I8:     w = q * weight_scales[row]; x is quantised per row with scale amax / 127.
 * I4:     w = (nibble - 8) * weight_scales[row, (k_phase + col) / 128]; x is used as it is. k is
 * even.
 */
typedef struct dsk_backend_gemm_desc {
  uint32_t struct_size;
  uint32_t flags;
  dsk_dtype activation_dtype; /**< of x and bias: F32, BF16 or F16 */
  dsk_dtype weight_dtype;
  dsk_dtype output_dtype; /**< activation_dtype or F32 */
  uint32_t k_phase;       /**< place of column 0 in its 128-wide scale block */
  uint64_t n, k, max_m;
  const void* weight;
  const float* weight_scales;
  const int32_t* scale_rows; /**< [n] for F8E4M3, else NULL */
  uint64_t scale_row_count;  /**< rows of weight_scales */
  const void* bias;          /**< [n] or NULL */
  const char* choices;       /**< text of a former gemm_choices, or NULL */
  size_t choices_len;
} dsk_backend_gemm_desc;

typedef struct dsk_backend_gemm_info {
  uint32_t struct_size;
  uint32_t measured; /**< 1 when choices came from measuring now, 0 when saved or not measured */
  uint64_t workspace_bytes;
  double measure_ms;
} dsk_backend_gemm_info;

/* --------------------------------------------------------------- element-wise */

typedef enum dsk_backend_activation {
  DSK_BACKEND_SILU = 0,
  DSK_BACKEND_GELU = 1,      /**< x/2 (1 + erf(x / sqrt 2)) */
  DSK_BACKEND_GELU_TANH = 2, /**< the tanh approximation */
  DSK_BACKEND_ACTIVATION_FORCE_32BIT = 0x7fffffff
} dsk_backend_activation;

/**
 * r = in + bias + residual (single precision), residual_out = T(r), and
 * out = gamma == NULL ? T(r) : T(T(r) * rsqrt(mean(T(r)^2) + eps) * gamma).
 */
typedef struct dsk_backend_epilogue_desc {
  uint32_t struct_size;
  dsk_dtype activation_dtype; /**< T: bias, residual, residual_out, gamma, out */
  dsk_dtype input_dtype;      /**< of `in`: T or F32 */
  float eps;
  uint64_t n;
  const void *bias, *gamma; /**< [n] or NULL */
} dsk_backend_epilogue_desc;

/* -------------------------------------------------------------- communicators */

typedef enum dsk_backend_transport {
  DSK_BACKEND_TRANSPORT_AUTO = 0,   /**< the backend's choice, by message size too */
  DSK_BACKEND_TRANSPORT_PEER = 1,   /**< own protocol over peer memory, in one process */
  DSK_BACKEND_TRANSPORT_VENDOR = 2, /**< the vendor's collective library */
  DSK_BACKEND_TRANSPORT_FORCE_32BIT = 0x7fffffff
} dsk_backend_transport;

typedef struct dsk_backend_comm_options {
  uint32_t struct_size;
  dsk_backend_transport transport;
  uint64_t timeout_ms; /**< bound of a wait for a peer */
  uint64_t max_bytes;  /**< largest message of the own protocol */
} dsk_backend_comm_options;

#define DSK_BACKEND_UNIQUE_ID_BYTES 128u

/** One rank's part of a collective. dtype is F32, BF16 or F16. */
typedef struct dsk_backend_collective {
  dsk_backend_comm* comm;
  dsk_dtype dtype;
  uint64_t count;
  const void* in;
  void* out;
  void* stream;
} dsk_backend_collective;

/** `lost_rank` value when no rank is known to be lost. */
#define DSK_BACKEND_NO_RANK (-1)

/* ---------------------------------------------------------------------- table */

typedef struct dsk_backend_api {
  uint32_t api_version; /**< DSK_BACKEND_API_VERSION */
  uint32_t struct_size;
  const char* name;

  /** Looks for the driver, its devices and its libraries. OK even when nothing is there: the report
   * says what is missing. Makes no device context. */
  dsk_status (*probe)(dsk_backend_probe* out, dsk_backend_error* error);
  dsk_status (*device_info)(int32_t ordinal, dsk_backend_device_info* out,
                            dsk_backend_error* error);

  /** Makes the device ready (context, matrix library). UNAVAILABLE names what is missing or too
   * old. */
  dsk_status (*device_open)(int32_t ordinal, dsk_backend_device** out, dsk_backend_error* error);
  void (*device_close)(dsk_backend_device* device);

  dsk_status (*memory_alloc)(dsk_backend_device* device, uint64_t bytes, void** out,
                             dsk_backend_error* error);
  void (*memory_free)(dsk_backend_device* device, void* pointer);
  /** Copies between any two of host and device memory; complete when it returns. */
  dsk_status (*memory_copy)(dsk_backend_device* device, void* to, const void* from, uint64_t bytes,
                            dsk_backend_error* error);
  dsk_status (*memory_info)(dsk_backend_device* device, uint64_t* free_bytes, uint64_t* total_bytes,
                            dsk_backend_error* error);

  dsk_status (*stream_create)(dsk_backend_device* device, void** out, dsk_backend_error* error);
  void (*stream_destroy)(dsk_backend_device* device, void* stream);
  dsk_status (*stream_synchronize)(dsk_backend_device* device, void* stream,
                                   dsk_backend_error* error);
  /** Whether all work of the stream is done; never waits. */
  dsk_status (*stream_query)(dsk_backend_device* device, void* stream, uint32_t* done,
                             dsk_backend_error* error);

  dsk_status (*gemm_create)(dsk_backend_device* device, const dsk_backend_gemm_desc* desc,
                            dsk_backend_gemm** out, dsk_backend_error* error);
  void (*gemm_destroy)(dsk_backend_gemm* gemm);
  dsk_status (*gemm_info)(const dsk_backend_gemm* gemm, dsk_backend_gemm_info* out,
                          dsk_backend_error* error);
  /** The choices as one line of printable text without spaces; it belongs to the gemm. */
  const char* (*gemm_choices)(const dsk_backend_gemm* gemm, size_t* len);
  dsk_status (*gemm_enqueue)(const dsk_backend_gemm* gemm, uint64_t m, const void* x, void* y,
                             void* workspace, void* stream, dsk_backend_error* error);

  /** h[m, inner] = activation(gate) * up, with gate_up[m, 2 * inner] = gate beside up. */
  dsk_status (*activate)(dsk_backend_device* device, dsk_dtype dtype,
                         dsk_backend_activation activation, uint64_t m, uint64_t inner,
                         const void* gate_up, void* h, void* stream, dsk_backend_error* error);
  dsk_status (*epilogue)(dsk_backend_device* device, const dsk_backend_epilogue_desc* desc,
                         uint64_t m, const void* in, const void* residual, void* residual_out,
                         void* out, void* stream, dsk_backend_error* error);
  /** out[m, offsets[ranks]]: the ranks' blocks side by side. Block r is [m, offsets[r+1] -
   * offsets[r]], dense, and begins at in + r * m * (width of the widest block). */
  dsk_status (*unpack_columns)(dsk_backend_device* device, dsk_dtype dtype, uint32_t ranks,
                               const uint64_t* offsets, uint64_t m, const void* in, void* out,
                               void* stream, dsk_backend_error* error);
  /** out[count] = sum over ranks, in rank order and single precision, of in[rank][count]. */
  dsk_status (*sum_ranks)(dsk_backend_device* device, dsk_dtype dtype, uint32_t ranks,
                          uint64_t count, const void* in, void* out, void* stream,
                          dsk_backend_error* error);

  /** A new id for one communicator of several processes. */
  dsk_status (*comm_unique_id)(dsk_backend_device* device, uint8_t id[DSK_BACKEND_UNIQUE_ID_BYTES],
                               dsk_backend_error* error);
  /** Joins a communicator by id; returns when all `world` ranks have called. */
  dsk_status (*comm_create)(dsk_backend_device* device,
                            const uint8_t id[DSK_BACKEND_UNIQUE_ID_BYTES], uint32_t world,
                            uint32_t rank, const dsk_backend_comm_options* options,
                            dsk_backend_comm** out, dsk_backend_error* error);
  /** Makes all ranks of a communicator in this process; devices may repeat. */
  dsk_status (*comm_create_local)(dsk_backend_device* const* devices, uint32_t world,
                                  const dsk_backend_comm_options* options, dsk_backend_comm** out,
                                  dsk_backend_error* error);
  void (*comm_destroy)(dsk_backend_comm* comm);
  /** Stops waits in progress; the communicator is of no further use. Safe from any thread. */
  void (*comm_abort)(dsk_backend_comm* comm);
  /** BACKEND with the lost rank when a wait has run out or the library reports a fault. Never
   * waits. */
  dsk_status (*comm_poll)(dsk_backend_comm* comm, int32_t* lost_rank, dsk_backend_error* error);
  /** "peer", "nccl", "peer+nccl", "threads": static text. */
  const char* (*comm_transport)(const dsk_backend_comm* comm);
  /** One collective of one or several ranks of this process: calls[i] is one rank's part, and all
   * ranks that this thread drives are in one call. all_reduce: out[count] = sum over ranks, in
   * place allowed. all_gather: out[rank][count]. */
  dsk_status (*all_reduce)(const dsk_backend_collective* calls, uint32_t call_count,
                           dsk_backend_error* error);
  dsk_status (*all_gather)(const dsk_backend_collective* calls, uint32_t call_count,
                           dsk_backend_error* error);

  /* The graph entries may all be NULL: a chain is then replayed as the calls that it holds. */
  /** Starts capture on streams[0] and forks it into the others. */
  dsk_status (*graph_capture_begin)(dsk_backend_device* device, void* const* streams,
                                    uint32_t count, dsk_backend_error* error);
  /** Joins and ends the capture. *graph NULL: a new graph; else the graph is updated in place where
   * the shape of the chain allows it and replaced otherwise. With `discard` the capture is thrown
   * away. */
  dsk_status (*graph_capture_end)(dsk_backend_device* device, void* const* streams, uint32_t count,
                                  uint32_t discard, dsk_backend_graph** graph,
                                  dsk_backend_error* error);
  dsk_status (*graph_launch)(dsk_backend_graph* graph, void* stream, dsk_backend_error* error);
  /** Nodes of the graph, and device memory that a graph of `nodes` nodes takes (an upper bound). */
  uint64_t (*graph_nodes)(const dsk_backend_graph* graph);
  uint64_t (*graph_memory)(dsk_backend_device* device, uint64_t nodes);
  void (*graph_destroy)(dsk_backend_graph* graph);

  /** Optional parts by name (for example probes); NULL when the backend has none of that name. */
  const void* (*extension)(const char* name);
} dsk_backend_api;

/** Type of the exported entry. `api_version` is the caller's; NULL when the backend cannot serve
 * it. */
typedef const dsk_backend_api* (*dsk_backend_entry_fn)(uint32_t api_version);

#ifdef __cplusplus
}
#endif

#endif /* DSK_BACKEND_H */
