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

#ifdef __cplusplus
#define DSK_PLAN_INFO_INIT                                                                         \
  { sizeof(dsk_plan_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#else
#define DSK_PLAN_INFO_INIT                                                                         \
  { .struct_size = sizeof(dsk_plan_info) }
#endif

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

#ifdef __cplusplus
}
#endif

#endif /* DSK_PLAN_H */
