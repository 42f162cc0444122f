/**
 * @file plan.h
 * Planning: which accelerators, split how, at what cost, serve a model within an SLA.
 *
 * A request is one JSON document and so is an answer; docs/schema describes both, and dsk.hpp has
 * typed structs over them. Numbers that a scheduler reads often have a small struct beside the
 * document. Nothing here touches a GPU, the network, the environment or a file, and the same
 * request gives the same bytes on every machine.
 *
 *     dsk_plan_create ---> dsk_plan --+--> dsk_plan_to_json   the whole answer
 *                                     +--> dsk_plan_summary   numbers of the best plan
 *                                     +--> dsk_plan_emit      manifests, start command, table
 *                                     +--> dsk_plan_fit       where it fits in a cluster
 *
 * A request that no configuration can meet is a result, not an error: the call succeeds, the answer
 * says `"feasible": false`, which constraint binds, the nearest plan, and what relaxing would give.
 */
#ifndef DSK_PLAN_H
#define DSK_PLAN_H

#include "dsk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A finished plan. Immutable; any number of threads may read it. */
typedef struct dsk_plan dsk_plan;

/**
 * Plans for a request document.
 *
 * @param json     the request (docs/schema/plan-request.schema.json), at most 16 MiB
 * @param json_len its length in bytes
 * @param cancel   stops the search and receives its progress; may be NULL
 * @param out      receives the plan; the caller destroys it
 * @return DSK_STATUS_OK also for an infeasible request;
 *         DSK_STATUS_INVALID_REQUEST or DSK_STATUS_NOT_FOUND with a JSON pointer into the request;
 *         DSK_STATUS_CANCELLED when the token was set.
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_create(const char* json, size_t json_len,
                                                 dsk_cancel* cancel, dsk_plan** out,
                                                 dsk_error** error);

/** The answer document (docs/schema/plan-answer.schema.json). Free `*out` with dsk_free().
 *  `out_len` may be NULL. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_to_json(const dsk_plan* plan, char** out, size_t* out_len,
                                                  dsk_error** error);

/** Numbers of the best plan, or of the nearest one when the request is infeasible. Means, not
 *  percentiles. A number that is not known is NaN. */
typedef struct dsk_plan_info {
  uint32_t struct_size; /**< set by DSK_PLAN_INFO_INIT */
  uint32_t feasible;    /**< 1 when every constraint is met */
  uint32_t replicas;
  uint32_t gpus; /**< of all replicas */
  uint32_t gpus_per_replica;
  uint32_t nodes_per_replica;
  uint32_t tp;           /**< tensor-parallel width of attention */
  uint32_t pp;           /**< pipeline stages */
  uint32_t dp;           /**< attention data-parallel ranks inside a replica */
  uint32_t ep;           /**< expert-parallel width */
  double ttft_ms;        /**< mean time to first token */
  double tpot_ms;        /**< mean time per output token after the first */
  double e2e_ms;         /**< mean time from arrival to last token */
  double requests_per_s; /**< served by all replicas */
  double output_tokens_per_s;
  double usd_per_hour; /**< of all replicas; NaN without a price */
  double usd_per_mtok; /**< US dollars per million output tokens; NaN without a price */
  double utilisation;  /**< offered load over the largest load that keeps every constraint */
} dsk_plan_info;

#define DSK_PLAN_INFO_INIT DSK_STRUCT_INIT(dsk_plan_info)

/** Writes at most `out->struct_size` bytes. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_summary(const dsk_plan* plan, dsk_plan_info* out,
                                                  dsk_error** error);

/** What dsk_plan_emit writes. */
typedef enum dsk_emit_format {
  DSK_EMIT_TABLE = 0, /**< the answer as a table for people */
  DSK_EMIT_KUBERNETES =
      1,                /**< YAML manifests: Deployment or LeaderWorkerSet, Service, autoscaler */
  DSK_EMIT_COMMAND = 2, /**< the engine's start command, one line for each node */
  DSK_EMIT_FORCE_32BIT = 0x7fffffff
} dsk_emit_format;

/** Text made from the plan. Free `*out` with dsk_free(); `out_len` may be NULL.
 *  @return DSK_STATUS_UNSUPPORTED for manifests and commands of an infeasible plan. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_emit(const dsk_plan* plan, dsk_emit_format format,
                                               char** out, size_t* out_len, dsk_error** error);

/**
 * Where the plan's replicas fit: the question of a scheduler. Document in
 * (docs/schema/fit-request.schema.json): nodes with their device, free GPUs by index, NVLink
 * islands, MIG, free host memory and CPUs, network, rack; document out
 * (docs/schema/fit-answer.schema.json): for each node the GPUs by index and a score of 1 to 100, or
 * each reason why not; and a placement of all replicas, or of as many as there is room for.
 * Too little room is a result: `"fits": false`. The pod's CPUs and host memory are those of the
 * manifests that dsk_plan_emit() writes.
 * @return DSK_STATUS_INVALID_REQUEST with a JSON pointer into the inventory;
 *         DSK_STATUS_UNSUPPORTED for an infeasible plan.
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_fit(const dsk_plan* plan, const char* json,
                                              size_t json_len, char** out, size_t* out_len,
                                              dsk_error** error);

/** Frees a plan; NULL is allowed. @since 0.1 */
DSK_API void dsk_plan_destroy(dsk_plan* plan);

/**
 * Memory of one deployment, document in (docs/schema/memory-request.schema.json), document out:
 * every component of the fullest device with its origin, the KV pool in bytes and tokens, sequences
 * at a stated length, headroom, and what binds.
 * A model that does not fit is a result: `"fits": false`.
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_memory(const char* json, size_t json_len, char** out,
                                                 size_t* out_len, dsk_error** error);

/**
 * Money, document in (docs/schema/cost-request.schema.json), document out
 * (docs/schema/cost-answer.schema.json): total cost of ownership term by term, US dollars for each
 * million tokens with input and output apart, rented against owned with the break-even in months
 * and in utilisation, and the cheapest split of a load curve.
 * @return as dsk_plan_create().
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_cost(const char* json, size_t json_len, char** out,
                                               size_t* out_len, dsk_error** error);

/* ------------------------------------------------------------ time per step */

/** A model on a device under an engine, split and prepared: answers what one step takes. Immutable;
 *  any number of threads may ask. */
typedef struct dsk_plan_step_model dsk_plan_step_model;

/**
 * Prepares a deployment.
 *
 * @param json the deployment (docs/schema/step-request.schema.json, without "batch"): model,
 * device, engine, parallel {tp, pp, dp, ep}, weights, kv, mtp_tokens, catalog
 * @return DSK_STATUS_INVALID_REQUEST when the split does not divide the model;
 *         DSK_STATUS_UNSUPPORTED when the device does not compute in the weights' format;
 *         DSK_STATUS_NOT_FOUND for an unknown name. Each with a JSON pointer.
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_step_create(const char* json, size_t json_len,
                                                      dsk_plan_step_model** out, dsk_error** error);

/** New tokens of one request that prefill in a step. */
typedef struct dsk_plan_chunk {
  int64_t new_tokens;     /**< 1 or more */
  int64_t context_tokens; /**< already in the KV cache before them */
} dsk_plan_chunk;

/** Work of one step of a whole replica. */
typedef struct dsk_plan_batch {
  uint32_t struct_size;     /**< set by DSK_PLAN_BATCH_INIT */
  uint32_t chunk_count;     /**< used entries of `chunks` */
  int64_t decode_sequences; /**< sequences that decode; each brings 1 + mtp_tokens tokens */
  int64_t kv_sum_tokens;    /**< sum of their KV lengths */
  int64_t kv_max_tokens;    /**< longest of them */
  dsk_plan_chunk chunks[4]; /**< prefill in the same step */
} dsk_plan_batch;

/** What the time of a step goes to. */
typedef enum dsk_plan_resource {
  DSK_RESOURCE_COMPUTE = 0,   /**< arithmetic */
  DSK_RESOURCE_MEMORY = 1,    /**< device memory bandwidth */
  DSK_RESOURCE_SCALE_UP = 2,  /**< links within the domain: NVLink or PCIe */
  DSK_RESOURCE_SCALE_OUT = 3, /**< links between domains: InfiniBand, RoCE */
  DSK_RESOURCE_LAUNCH = 4,    /**< fixed times of kernels and gaps between them */
  DSK_RESOURCE_HOST = 5,      /**< scheduling and sampling on the host */
  DSK_RESOURCE_FORCE_32BIT = 0x7fffffff
} dsk_plan_resource;

/** One step of a replica, in microseconds. The six parts add up to total_us. */
typedef struct dsk_plan_step_time {
  uint32_t struct_size; /**< set by DSK_PLAN_STEP_TIME_INIT */
  uint32_t binding;     /**< dsk_plan_resource with the largest part */
  double total_us;
  double low_us; /**< 90 % interval */
  double high_us;
  double compute_us;
  double memory_us;
  double scale_up_us;
  double scale_out_us;
  double launch_us;
  double host_us;
  double communication_share; /**< (scale_up_us + scale_out_us) / total_us */
} dsk_plan_step_time;

#define DSK_PLAN_BATCH_INIT DSK_STRUCT_INIT(dsk_plan_batch)
#define DSK_PLAN_STEP_TIME_INIT DSK_STRUCT_INIT(dsk_plan_step_time)

/** Time of one step: well under a microsecond, without allocation or lock. Writes at most
 *  `out->struct_size` bytes.
 *  @return DSK_STATUS_INVALID_REQUEST for an impossible batch, with the member's name as path.
 *  @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_step(const dsk_plan_step_model* model,
                                               const dsk_plan_batch* batch, dsk_plan_step_time* out,
                                               dsk_error** error);

/** Frees a prepared deployment; NULL is allowed. @since 0.1 */
DSK_API void dsk_plan_step_destroy(dsk_plan_step_model* model);

/** What dsk_plan_explain writes. */
typedef enum dsk_explain_format {
  DSK_EXPLAIN_JSON = 0,
  DSK_EXPLAIN_TABLE = 1, /**< for people */
  DSK_EXPLAIN_SVG = 2,   /**< stacked bars: the step and its variants by resource */
  DSK_EXPLAIN_FORCE_32BIT = 0x7fffffff
} dsk_explain_format;

/**
 * One step taken apart (docs/schema/step-request.schema.json): every operator with its work, time,
 * interval, binding resource and origin; and what another link, weight format, width or sparsity
 * would change. Free `*out` with dsk_free(); `out_len` may be NULL.
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_explain(const char* json, size_t json_len,
                                                  dsk_explain_format format, char** out,
                                                  size_t* out_len, dsk_error** error);

/**
 * Predicts every kernel of a table of measurements and compares.
 *
 * @param json    {"device": NAME, "hold_out": "none" | "shape" | "gpu" | "device" | "frontier",
 *                "catalog": [...]}: "gpu" leaves every table of the device's family out, "device"
 * its own, "frontier" keeps the products at the largest n or k and leaves all as large out
 * @param csv     the table, in the silicon or the published schema (docs/results/kernels.md)
 * @param report  receives the scores as JSON; free with dsk_free()
 * @param predictions receives row,op,measured_ms,predicted_ms,low_ms,high_ms,origin,status as CSV;
 *                free with dsk_free(); may be NULL
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_validate_kernels(const char* json, size_t json_len,
                                                           const char* csv, size_t csv_len,
                                                           char** report, char** predictions,
                                                           dsk_error** error);

/* --------------------------------------------------------------- catalogue */

typedef enum dsk_catalog_kind {
  DSK_CATALOG_MODEL = 0,
  DSK_CATALOG_DEVICE = 1,
  DSK_CATALOG_ENGINE = 2,
  DSK_CATALOG_PRICE = 3,
  DSK_CATALOG_LINK = 4,
  DSK_CATALOG_DATASET = 5,
  DSK_CATALOG_FORCE_32BIT = 0x7fffffff
} dsk_catalog_kind;

/** Names of the built-in records of one kind, as a JSON array of text. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_catalog_to_json(dsk_catalog_kind kind, char** out,
                                                     size_t* out_len, dsk_error** error);

/** One built-in record with its source and date. The name matches whatever its case and separators,
 *  and aliases work too; an engine may be asked for as NAME@VERSION.
 *  @return DSK_STATUS_NOT_FOUND with the nearest names. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_catalog_get(dsk_catalog_kind kind, const char* name,
                                                 size_t name_len, char** out, size_t* out_len,
                                                 dsk_error** error);

/* -------------------------------------------------------------- simulation */

/** What became of one simulated request. Times in milliseconds of the simulated clock. */
typedef struct dsk_request_times {
  int64_t index;      /**< of the request in the workload */
  double sent_ms;     /**< the client sent it */
  double admitted_ms; /**< the scheduler took it out of the queue */
  double first_ms;    /**< its first token reached the client */
  double last_ms;     /**< its last token did */
  int32_t input_tokens;
  int32_t output_tokens;
  int32_t cached_tokens; /**< input tokens found in the prefix cache or loaded from a colder tier */
  int32_t preemptions;
} dsk_request_times;

/**
 * Simulates a deployment under a workload, request by request, in the engine's own order: document
 * in (docs/schema/simulate-request.schema.json), document out with TTFT, TPOT, ITL, E2E and
 * queueing at every percentile.
 *
 * @param cancel   stops the run, which then succeeds with what was done until then and
 *                 `"stopped": "cancelled"`; receives its progress; may be NULL
 * @param series   receives what became of the first `capacity` requests to complete, in order of
 *                 completion; may be NULL when `capacity` is 0. The caller's memory
 * @param row_size sizeof(dsk_request_times) of the caller
 * @param count    receives how many completed while `capacity` is not 0; may be NULL
 * @param out      receives the answer; free with dsk_free(). `out_len` may be NULL
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_simulate(const char* json, size_t json_len,
                                                   dsk_cancel* cancel, dsk_request_times* series,
                                                   size_t capacity, size_t row_size, size_t* count,
                                                   char** out, size_t* out_len, dsk_error** error);

/**
 * Tunes the batching policy to an SLA: each policy of a small grid with the fewest replicas that
 * keep the bounds of "slo" for a share of the requests, cheapest first.
 * @param json a simulation request with "slo" and "tune": {"batch_sizes", "waits_ms",
 *             "max_sequences", "token_budgets", "share", "max_replicas"}
 * @return DSK_STATUS_CANCELLED when the token was set. @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_tune_batching(const char* json, size_t json_len,
                                                        dsk_cancel* cancel, char** out,
                                                        size_t* out_len, dsk_error** error);

/**
 * Replays the arrivals of a request log under the settings of `json` (a simulation request without
 * its workload) and compares: TTFT (first token less queued), TPOT, E2E at mean, p50, p90 and p99,
 * and throughput, measured and simulated.
 * @param log JSON lines with input_toks, output_toks, queued_ts, scheduled_ts, first_token_ts,
 *            last_token_ts
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_validate_requests(const char* json, size_t json_len,
                                                            const char* log, size_t log_len,
                                                            dsk_cancel* cancel, char** report,
                                                            dsk_error** error);

/**
 * Predicts every row of a table of published end-to-end measurements and compares.
 * @param json    {"jobs": N, "catalog": [...], "hold_out": "model" | "gpu" | "version"}; the
 *                result does not depend on the jobs. With "hold_out" every fitted constant is
 *                fitted anew without each group, and the report scores the predictions of it
 * @param csv     the table; its columns are listed in docs/results/e2e.md
 * @param report  receives the scores as JSON; free with dsk_free()
 * @param predictions receives id,metric,measured,predicted,low,high,status,assumptions as CSV, one
 *                line for each row; free with dsk_free(); may be NULL
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_validate_e2e(const char* json, size_t json_len,
                                                       const char* csv, size_t csv_len,
                                                       dsk_cancel* cancel, char** report,
                                                       char** predictions, dsk_error** error);

#ifdef __cplusplus
}
#endif

#endif /* DSK_PLAN_H */
