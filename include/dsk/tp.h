/**
 * @file tp.h
 * Tensor-parallel linear layers: one interface over the CPU and CUDA backends.
 *
 *   dsk_tp_device ── opened by name ("cpu", "cuda") and ordinal
 *     └─ dsk_tp_comm ── one rank of a communicator
 *          ├─ dsk_tp_linear, dsk_tp_mlp ── plans: weights sharded, every choice made
 *          └─ dsk_tp_group ── several ranks driven by one thread
 *   dsk_tp_graph ── a chain of plans, captured once and replayed
 *   dsk_tp_weights ── a safetensors file, mapped
 *   dsk_tp_tuning ── measured choices, kept in a small text file
 * A child keeps its parents alive, so any order of destruction is right.
 *
 * Splits.    A linear layer is y[m, n] = x[m, k] . W[n, k]^T + b[n]. A *column* split gives each
 * rank some rows of W: x is whole on every rank, y is split, and an all-gather joins it where
 * asked. A *row* split gives each rank some columns of W: x is split, every rank has a partial sum
 * of the whole y, and an all-reduce adds them. docs/tensor-parallel.md shows why nothing else is
 * right. Pointers.  Tensors are row-major and dense; x, y and residuals have `activation_dtype` and
 * are 16-byte aligned device pointers of the comm's device (ordinary memory on the CPU). Weights,
 * scales, bias and gamma are host memory at creation, whole, and copied: the library takes the
 * rank's shard. Streams.   `stream` is a cudaStream_t on CUDA. On the CPU it must be NULL and work
 * is done when the call returns. Enqueue.   `_enqueue` allocates nothing, takes no lock, never
 * waits for a device and is legal inside the caller's own CUDA graph capture. It writes nothing
 * outside its outputs and its workspace. Workspace is the caller's, of the size that `_get_info`
 * says, and may be shared by plans that run one after another on one stream. Collectives. Every
 * rank must make the same calls in the same order. A rank driven by its own thread just calls;
 * several ranks driven by one thread go between dsk_tp_group_begin and _end. Threads.   Creation of
 * plans of one comm, and enqueues on one comm, are the caller's to serialise; different comms may
 * be used at once. dsk_tp_comm_abort may come from any thread.
 */
#ifndef DSK_TP_H
#define DSK_TP_H

#include "dsk/base.h"
#include "dsk/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsk_tp_device dsk_tp_device;
typedef struct dsk_tp_comm dsk_tp_comm;
typedef struct dsk_tp_group dsk_tp_group;
typedef struct dsk_tp_linear dsk_tp_linear;
typedef struct dsk_tp_mlp dsk_tp_mlp;
typedef struct dsk_tp_graph dsk_tp_graph;
typedef struct dsk_tp_weights dsk_tp_weights;
typedef struct dsk_tp_tuning dsk_tp_tuning;

/** Largest m that a plan may be made for. */
#define DSK_TP_MAX_M 65536u
/** Most ranks of one communicator. */
#define DSK_TP_MAX_RANKS 64u
/** `lost_rank` when no rank is known to be lost. */
#define DSK_TP_NO_RANK (-1)

/* -------------------------------------------------------------------- device */

/** What was opened. Text is NUL-terminated, "" when unknown. Set struct_size first. */
typedef struct dsk_tp_device_info {
  uint32_t struct_size;
  uint32_t multiprocessors;
  uint32_t compute_major, compute_minor;
  uint64_t memory_bytes;
  char backend[32];
  char name[128];
  char uuid[48];
  char driver_version[32];
  char blas_version[32];
  char collective_version[32];
} dsk_tp_device_info;
#define DSK_TP_DEVICE_INFO_INIT DSK_STRUCT_INIT(dsk_tp_device_info)

/** Opens device `ordinal` of a backend ("cpu" or "cuda").
 *  @return NOT_FOUND for an unknown backend or ordinal; UNAVAILABLE with a sentence that names what
 * is missing or too old (no plugin, no driver, "driver too old: needs ..., found ..."). @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_device_create(const char* backend, size_t backend_len,
                                                      uint32_t ordinal, dsk_tp_device** out,
                                                      dsk_error** error);
/** Frees the caller's hold; NULL is allowed. @since 0.1 */
DSK_API void dsk_tp_device_destroy(dsk_tp_device* device);
/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_device_get_info(const dsk_tp_device* device,
                                                        dsk_tp_device_info* out, dsk_error** error);

/** Device memory, 256-byte aligned, for callers without an allocator of their own. Free it with
 *  dsk_tp_device_memory_destroy. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_device_memory_create(dsk_tp_device* device, uint64_t bytes,
                                                             void** out, dsk_error** error);
/** NULL is allowed. @since 0.1 */
DSK_API void dsk_tp_device_memory_destroy(dsk_tp_device* device, void* memory);
/** Copies between host and device memory in either direction, after all work before it on the
 * device; complete when it returns. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_device_memory_set(dsk_tp_device* device, void* to,
                                                          const void* from, uint64_t bytes,
                                                          dsk_error** error);
/** A stream of the device; NULL on the CPU. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_stream_create(dsk_tp_device* device, void** out,
                                                      dsk_error** error);
/** @since 0.1 */
DSK_API void dsk_tp_stream_destroy(dsk_tp_device* device, void* stream);

/* -------------------------------------------------------------- communicators */

typedef enum dsk_tp_transport {
  DSK_TP_TRANSPORT_AUTO =
      0, /**< threads on the CPU; on CUDA NCCL across processes; in one process the own protocol,
            and where every rank has a device of its own and NCCL is there, NCCL for messages above
            a size that depends on the number of ranks alone (2 ranks 256 MiB, more 8 MiB) */
  DSK_TP_TRANSPORT_PEER = 1,   /**< own sentinel protocol over peer memory (one process) */
  DSK_TP_TRANSPORT_VENDOR = 2, /**< NCCL 2.27 or newer */
  DSK_TP_TRANSPORT_FORCE_32BIT = 0x7fffffff
} dsk_tp_transport;

/** Zero means default. */
typedef struct dsk_tp_comm_options {
  uint32_t struct_size;
  dsk_tp_transport transport;
  uint64_t timeout_ms; /**< bound of every wait for another rank; default 30,000 */
  uint64_t max_bytes; /**< largest message that goes through the own protocol in one piece, with two
                         ranks on CUDA twice that; a rank keeps about six times as much device
                         memory; default 8 MiB */
} dsk_tp_comm_options;
#define DSK_TP_COMM_OPTIONS_INIT DSK_STRUCT_INIT(dsk_tp_comm_options)

typedef struct dsk_tp_comm_info {
  uint32_t struct_size;
  uint32_t world, rank;
  int32_t
      lost_rank; /**< DSK_TP_NO_RANK, or the rank that a bounded wait or the heartbeat found lost */
  uint32_t aborted;
  char transport[16]; /**< "threads", "tcp", "peer", "nccl", "peer+nccl" (by size) or "none" (one
                         rank) */
} dsk_tp_comm_info;
#define DSK_TP_COMM_INFO_INIT DSK_STRUCT_INIT(dsk_tp_comm_info)

/** An opaque id that all ranks of one communicator share. */
typedef struct dsk_tp_unique_id {
  uint8_t bytes[128];
} dsk_tp_unique_id;

/** Makes all `world` ranks of a communicator inside this process; devices[r] carries rank r, and
 * one device may carry several ranks. `out` has room for `world` handles. Fails as a whole. @since
 * 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_comm_create_local(dsk_tp_device* const* devices,
                                                          uint32_t world,
                                                          const dsk_tp_comm_options* options,
                                                          dsk_tp_comm** out, dsk_error** error);
/** Makes an id on one rank; the caller brings it to the others. On the CPU: UNSUPPORTED. @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_unique_id_create(dsk_tp_device* device,
                                                         dsk_tp_unique_id* out, dsk_error** error);
/** Joins a communicator of several processes by id; returns when all ranks have called. @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_comm_create(dsk_tp_device* device,
                                                    const dsk_tp_unique_id* id, uint32_t world,
                                                    uint32_t rank,
                                                    const dsk_tp_comm_options* options,
                                                    dsk_tp_comm** out, dsk_error** error);
/** Joins the communicator that the launcher describes. Reads, in this order,
 * RANK/WORLD_SIZE/LOCAL_RANK (torchrun), OMPI_COMM_WORLD_* (mpirun), SLURM_* (srun) and LWS_* with
 * LWS_GROUP_SIZE (LeaderWorkerSet), and meets the other ranks at MASTER_ADDR:MASTER_PORT
 * (LWS_LEADER_ADDRESS; default port 29500) over TCP, where rank 0 listens. The sockets stay open as
 * a heartbeat. The device is `backend`'s with the local rank as ordinal (the CPU: 0).
 *  @return INVALID_ARGUMENT that names the variable that is missing or wrong, DEADLINE when ranks
 * are missing after the timeout (they are named). @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_comm_create_from_env(const char* backend,
                                                             size_t backend_len,
                                                             const dsk_tp_comm_options* options,
                                                             dsk_tp_comm** out, dsk_error** error);
/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_comm_get_info(const dsk_tp_comm* comm,
                                                      dsk_tp_comm_info* out, dsk_error** error);
/** Waits until the work of `stream` is done, a rank is lost or the comm's timeout (and a tenth
 * more, and 100 ms) has passed, whichever is first.
 *  @return BACKEND with a sentence that names the lost rank (the communicator is then aborted);
 * DEADLINE when the time is up and no rank is known to be lost. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_comm_wait(dsk_tp_comm* comm, void* stream,
                                                  dsk_error** error);
/** Ends all waits of the communicator; every later call on it fails with CANCELLED. Make a new
 * communicator to go on. Safe from any thread. NULL is allowed. @since 0.1 */
DSK_API void dsk_tp_comm_abort(dsk_tp_comm* comm);
/** Frees the caller's hold; NULL is allowed. @since 0.1 */
DSK_API void dsk_tp_comm_destroy(dsk_tp_comm* comm);

/** From here to dsk_tp_group_end, enqueues on these ranks (all ranks of one local communicator, in
 * any order) are kept and checked; the end runs them together. One thread drives the group. At most
 * 1,024 enqueues a rank.
 *  @return INVALID_ARGUMENT if a rank is in a group already. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_group_begin(dsk_tp_comm* const* comms, uint32_t count,
                                                    dsk_tp_group** out, dsk_error** error);
/** Runs what was enqueued and frees the group, also when it fails.
 *  @return INVALID_ARGUMENT when the ranks' calls do not match; nothing has run then. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_group_end(dsk_tp_group* group, dsk_error** error);

/* -------------------------------------------------------------------- weights */

/**
 * One weight as checkpoints store it, whole (not sharded), in host memory.
 *
 * F32, BF16, F16: data [n, k]; no scales.
 * F8E4M3:         data [n, k] bytes; scales F32 or BF16 [ceil(n/128), ceil(k/128)] (DeepSeek
 * `weight_scale_inv`). I8:             data [n, k] bytes; scales F32, BF16 or F16 [n]
 * (compressed-tensors `weight_scale`). I4:             data [n, k/8] 32-bit words, eight values a
 * word, lowest nibble first, value + 8 (compressed-tensors `weight_packed`); scales F32, BF16 or
 * F16 [n, ceil(k/128)]. k % 8 == 0.
 */
typedef struct dsk_tp_weight {
  uint32_t struct_size;
  dsk_dtype dtype;
  uint64_t n, k;
  const void* data;
  uint64_t data_bytes;
  const void* scales;
  uint64_t scales_bytes;
  dsk_dtype scales_dtype;
  const void* bias; /**< [n] in the plan's activation dtype, or NULL */
} dsk_tp_weight;
#define DSK_TP_WEIGHT_INIT DSK_STRUCT_INIT(dsk_tp_weight)

/** Maps a safetensors file and checks its header: every tensor inside the file, no overlap, sizes
 * that fit the shape. @return IO or INVALID_REQUEST with the tensor's name in the path. @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_weights_create(const char* path, size_t path_len,
                                                       dsk_tp_weights** out, dsk_error** error);
/** @since 0.1 */
DSK_API void dsk_tp_weights_destroy(dsk_tp_weights* weights);
/** @since 0.1 */
DSK_API uint64_t dsk_tp_weights_count(const dsk_tp_weights* weights);
/** Name of tensor `index` in file order, or NULL past the end. Lives as long as the handle. @since
 * 0.1 */
DSK_API const char* dsk_tp_weights_get_name(const dsk_tp_weights* weights, uint64_t index);
/** Fills `out` from the tensors `prefix`.weight (or .weight_packed), its scales (.weight_scale_inv,
 * .weight_scale) and its .bias. The pointers live as long as the handle.
 *  @return NOT_FOUND, UNSUPPORTED (an element type or shape that no plan takes), or
 * INVALID_REQUEST. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_weights_get(const dsk_tp_weights* weights,
                                                    const char* prefix, size_t prefix_len,
                                                    dsk_tp_weight* out, dsk_error** error);

/* --------------------------------------------------------------------- tuning */

/** An empty table of choices, or one from the text of dsk_tp_tuning_to_json (NULL, 0 = empty).
 * Entries for another device or library version are kept and ignored. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_tuning_create(const char* json, size_t json_len,
                                                      dsk_tp_tuning** out, dsk_error** error);
/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_tuning_to_json(const dsk_tp_tuning* tuning, char** out,
                                                       size_t* out_len, dsk_error** error);
/** Number of entries. @since 0.1 */
DSK_API uint64_t dsk_tp_tuning_count(const dsk_tp_tuning* tuning);
/** @since 0.1 */
DSK_API void dsk_tp_tuning_destroy(dsk_tp_tuning* tuning);

/* ---------------------------------------------------------------------- plans */

typedef enum dsk_tp_split {
  DSK_TP_SPLIT_REPLICATED = 0, /**< every rank has all of W */
  DSK_TP_SPLIT_COLUMN = 1,     /**< rows of W (outputs) are split */
  DSK_TP_SPLIT_ROW = 2,        /**< columns of W (inputs) are split; all-reduce */
  DSK_TP_SPLIT_FORCE_32BIT = 0x7fffffff
} dsk_tp_split;

typedef enum dsk_tp_activation {
  DSK_TP_ACTIVATION_SILU = 0,
  DSK_TP_ACTIVATION_GELU = 1,      /**< x/2 (1 + erf(x / sqrt 2)) */
  DSK_TP_ACTIVATION_GELU_TANH = 2, /**< x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
  DSK_TP_ACTIVATION_FORCE_32BIT = 0x7fffffff
} dsk_tp_activation;

/** Column split: join y by an all-gather; y is then [m, n] on every rank. */
#define DSK_TP_GATHER_OUTPUT 0x1u
/** Row split: the partial sums travel as F32 instead of the activation dtype. */
#define DSK_TP_REDUCE_F32 0x2u
/** F32 products may use TF32 (about 1e-3 relative); never without this flag. */
#define DSK_TP_ALLOW_TF32 0x4u
/** A row of y has the same bits at every m: own kernels of fixed split and a fixed-order sum,
 * slower. */
#define DSK_TP_BATCH_INVARIANT 0x8u
/** CPU: accumulate in double precision. The yardstick; slow. */
#define DSK_TP_REFERENCE 0x10u
/** Add args.residual after the all-reduce (replicated or row split), and write args.residual_out.
 */
#define DSK_TP_RESIDUAL 0x20u
/** Do not measure at creation; take the backend's first choice. */
#define DSK_TP_NO_MEASURE 0x40u

/**
 * A layer, unsharded.
 *
 * Fused QKV (q_heads > 0; column split): the weight is [q | k | v], given as one weight or as
 * three. Rank r gets q_heads / world query heads; key and value heads are split, or, with fewer
 * heads than ranks, each is replicated on world / kv_heads ranks. y is [q | k | v] of the rank's
 * heads.
 *
 * Epilogue order: y = sum over ranks + bias + residual; residual_out = y; with gamma, the output is
 * RMSNorm(y) * gamma. The residual is rounded to the activation dtype before the norm.
 */
typedef struct dsk_tp_linear_desc {
  uint32_t struct_size;
  uint32_t flags;
  dsk_tp_split split;
  dsk_dtype activation_dtype; /**< F32, BF16 or F16 */
  uint64_t max_m;             /**< 1..DSK_TP_MAX_M */
  uint32_t q_heads, kv_heads, head_dim;
  float norm_eps; /**< with gamma; 0 = 1e-6 */
  const void*
      gamma; /**< [n] in activation dtype, host; NULL = no norm. Replicated or row split only */
  const dsk_tp_weight* weights; /**< one, or for QKV three (q, k, v) with the same k and dtype */
  uint32_t weight_count;
  uint32_t reserved;
  dsk_tp_tuning* tuning; /**< read and added to during creation; NULL = none */
} dsk_tp_linear_desc;
#define DSK_TP_LINEAR_DESC_INIT DSK_STRUCT_INIT(dsk_tp_linear_desc)

typedef struct dsk_tp_plan_info {
  uint32_t struct_size;
  uint32_t measured;            /**< number of products whose choice was measured at creation */
  uint64_t n, k;                /**< of the rank's product (an MLP: of the down product) */
  uint64_t n_offset, k_offset;  /**< of the shard in the whole weight (QKV: of the query part) */
  uint64_t input_columns;       /**< columns of x on this rank */
  uint64_t output_columns;      /**< columns of y on this rank */
  uint64_t weight_bytes;        /**< device memory that the plan holds */
  uint64_t workspace_bytes;     /**< for m up to max_m */
  double create_ms, measure_ms; /**< time that creation and measuring took */
} dsk_tp_plan_info;
#define DSK_TP_PLAN_INFO_INIT DSK_STRUCT_INIT(dsk_tp_plan_info)

/** What one enqueue reads and writes. Set struct_size; unused pointers NULL. y may be
 * residual_out's or residual's memory in no case; residual_out may equal residual. */
typedef struct dsk_tp_args {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t m; /**< 0 is a no-op on every rank */
  const void* x;
  void* y;
  const void* residual;
  void* residual_out;
  void* workspace;
  uint64_t workspace_bytes;
} dsk_tp_args;
#define DSK_TP_ARGS_INIT DSK_STRUCT_INIT(dsk_tp_args)

/** Shards and loads the weight, and makes every choice (on CUDA by measuring, unless desc.tuning
 * has it). Needs no other rank. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_linear_create(dsk_tp_comm* comm,
                                                      const dsk_tp_linear_desc* desc,
                                                      dsk_tp_linear** out, dsk_error** error);
/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_linear_get_info(const dsk_tp_linear* plan,
                                                        dsk_tp_plan_info* out, dsk_error** error);
/** Runs the layer on `stream`. See "Enqueue" above.
 *  @return INVALID_ARGUMENT (names the argument: NULL, misaligned, overlapping, m above max_m,
 * small workspace), CANCELLED after an abort, BACKEND when a peer is lost. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_linear_enqueue(dsk_tp_linear* plan, const dsk_tp_args* args,
                                                       void* stream, dsk_error** error);
/** @since 0.1 */
DSK_API void dsk_tp_linear_destroy(dsk_tp_linear* plan);

/** h = activation(x . gate^T) * (x . up^T), y = h . down^T, with the inner dimension split: one
 * all-reduce. gate and up products and h are rounded to the activation dtype. Flags and epilogue as
 * for a row split. */
typedef struct dsk_tp_mlp_desc {
  uint32_t struct_size;
  uint32_t flags;
  dsk_tp_activation activation;
  dsk_dtype activation_dtype;
  uint64_t max_m;
  float norm_eps;
  uint32_t reserved;
  const void* gamma;
  const dsk_tp_weight* gate; /**< [inner, hidden] */
  const dsk_tp_weight* up;   /**< [inner, hidden] */
  const dsk_tp_weight* down; /**< [hidden, inner] */
  dsk_tp_tuning* tuning;
} dsk_tp_mlp_desc;
#define DSK_TP_MLP_DESC_INIT DSK_STRUCT_INIT(dsk_tp_mlp_desc)

/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_mlp_create(dsk_tp_comm* comm, const dsk_tp_mlp_desc* desc,
                                                   dsk_tp_mlp** out, dsk_error** error);
/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_mlp_get_info(const dsk_tp_mlp* plan, dsk_tp_plan_info* out,
                                                     dsk_error** error);
/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_mlp_enqueue(dsk_tp_mlp* plan, const dsk_tp_args* args,
                                                    void* stream, dsk_error** error);
/** @since 0.1 */
DSK_API void dsk_tp_mlp_destroy(dsk_tp_mlp* plan);

/* --------------------------------------------------------------------- graphs */

typedef struct dsk_tp_graph_info {
  uint32_t struct_size;
  uint32_t captured;
  uint64_t steps;        /**< plans in the chain, over all ranks */
  uint64_t nodes;        /**< device nodes; 0 before capture */
  uint64_t memory_bytes; /**< device memory that the captured graph takes, an upper bound, also
                            before capture */
  double capture_ms;     /**< capture and instantiation; 0 before */
} dsk_tp_graph_info;
#define DSK_TP_GRAPH_INFO_INIT DSK_STRUCT_INIT(dsk_tp_graph_info)

/** An empty chain for ranks of one communicator: one rank with its own thread, or several ranks of
 * a local communicator, which are captured as branches of one graph. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_graph_create(dsk_tp_comm* const* comms, uint32_t count,
                                                     dsk_tp_graph** out, dsk_error** error);
/** Appends a plan to its rank's chain; `step_out` (may be NULL) receives its number for
 * dsk_tp_graph_set. The arguments are checked as for an enqueue. Not after capture. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_graph_add_linear(dsk_tp_graph* graph, dsk_tp_linear* plan,
                                                         const dsk_tp_args* args,
                                                         uint64_t* step_out, dsk_error** error);
/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_graph_add_mlp(dsk_tp_graph* graph, dsk_tp_mlp* plan,
                                                      const dsk_tp_args* args, uint64_t* step_out,
                                                      dsk_error** error);
/** Captures the chain, or captures it again after dsk_tp_graph_set (an update in place where the
 * device allows it).
 *  @return INVALID_ARGUMENT when the ranks' chains do not match or another capture of this graph
 * runs. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_graph_capture(dsk_tp_graph* graph, dsk_error** error);
/** Changes pointers or m of one step. It counts from the next dsk_tp_graph_capture. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_graph_set(dsk_tp_graph* graph, uint64_t step,
                                                  const dsk_tp_args* args, dsk_error** error);
/** Runs the chain on `stream` (the CPU: NULL, done at return). Not before capture. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_graph_replay(dsk_tp_graph* graph, void* stream,
                                                     dsk_error** error);
/** @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_tp_graph_get_info(const dsk_tp_graph* graph,
                                                       dsk_tp_graph_info* out, dsk_error** error);
/** @since 0.1 */
DSK_API void dsk_tp_graph_destroy(dsk_tp_graph* graph);

#ifdef __cplusplus
}
#endif

#endif /* DSK_TP_H */
