/* The binary interface, pinned: each enum value, each size and offset, the type of each function. A
 * line here changes only together with DSK_ABI_VERSION; a new function, value or trailing field
 * adds lines. Compiling is the test. */
#include <stddef.h>

#include "dsk/dsk.h"

#define VALUE(name, value) _Static_assert((name) == (value), #name " has moved")
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " has another size")
#define OFFSET(type, member, at)                                                                   \
  _Static_assert(offsetof(type, member) == (at), #type "." #member " has moved")
/* The pointer has the promised type, so another parameter or return type does not compile. */
#define FUNCTION(result, name, ...) result (*const pinned_##name)(__VA_ARGS__) = name

SIZE(dsk_status, 4);
VALUE(DSK_STATUS_OK, 0);
VALUE(DSK_STATUS_INVALID_ARGUMENT, 1);
VALUE(DSK_STATUS_INVALID_REQUEST, 2);
VALUE(DSK_STATUS_NOT_FOUND, 3);
VALUE(DSK_STATUS_UNSUPPORTED, 5);
VALUE(DSK_STATUS_UNAVAILABLE, 6);
VALUE(DSK_STATUS_CANCELLED, 7);
VALUE(DSK_STATUS_DEADLINE, 8);
VALUE(DSK_STATUS_OUT_OF_MEMORY, 9);
VALUE(DSK_STATUS_BACKEND, 10);
VALUE(DSK_STATUS_IO, 11);
VALUE(DSK_STATUS_INTERNAL, 100);

SIZE(dsk_log_level, 4);
VALUE(DSK_LOG_OFF, 0);
VALUE(DSK_LOG_ERROR, 1);
VALUE(DSK_LOG_WARNING, 2);
VALUE(DSK_LOG_INFO, 3);
VALUE(DSK_LOG_DEBUG, 4);

SIZE(dsk_emit_format, 4);
VALUE(DSK_EMIT_TABLE, 0);
VALUE(DSK_EMIT_KUBERNETES, 1);
VALUE(DSK_EMIT_COMMAND, 2);

SIZE(dsk_catalog_kind, 4);
VALUE(DSK_CATALOG_MODEL, 0);
VALUE(DSK_CATALOG_DEVICE, 1);
VALUE(DSK_CATALOG_ENGINE, 2);
VALUE(DSK_CATALOG_PRICE, 3);

/* Only a member behind the last one may be added: the size line changes, the rest stays. */
SIZE(dsk_plan_info, 104);
OFFSET(dsk_plan_info, struct_size, 0);
OFFSET(dsk_plan_info, feasible, 4);
OFFSET(dsk_plan_info, replicas, 8);
OFFSET(dsk_plan_info, gpus, 12);
OFFSET(dsk_plan_info, gpus_per_replica, 16);
OFFSET(dsk_plan_info, nodes_per_replica, 20);
OFFSET(dsk_plan_info, tp, 24);
OFFSET(dsk_plan_info, pp, 28);
OFFSET(dsk_plan_info, dp, 32);
OFFSET(dsk_plan_info, ep, 36);
OFFSET(dsk_plan_info, ttft_ms, 40);
OFFSET(dsk_plan_info, tpot_ms, 48);
OFFSET(dsk_plan_info, e2e_ms, 56);
OFFSET(dsk_plan_info, requests_per_s, 64);
OFFSET(dsk_plan_info, output_tokens_per_s, 72);
OFFSET(dsk_plan_info, usd_per_hour, 80);
OFFSET(dsk_plan_info, usd_per_mtok, 88);
OFFSET(dsk_plan_info, utilisation, 96);

SIZE(dsk_dtype, 4);
VALUE(DSK_DTYPE_NONE, 0);
VALUE(DSK_DTYPE_F32, 1);
VALUE(DSK_DTYPE_BF16, 2);
VALUE(DSK_DTYPE_F16, 3);
VALUE(DSK_DTYPE_F8E4M3, 4);
VALUE(DSK_DTYPE_I8, 5);
VALUE(DSK_DTYPE_I4, 6);
VALUE(DSK_DTYPE_I32, 7);

SIZE(dsk_plan_resource, 4);
VALUE(DSK_RESOURCE_COMPUTE, 0);
VALUE(DSK_RESOURCE_MEMORY, 1);
VALUE(DSK_RESOURCE_SCALE_UP, 2);
VALUE(DSK_RESOURCE_SCALE_OUT, 3);
VALUE(DSK_RESOURCE_LAUNCH, 4);
VALUE(DSK_RESOURCE_HOST, 5);

SIZE(dsk_explain_format, 4);
VALUE(DSK_EXPLAIN_JSON, 0);
VALUE(DSK_EXPLAIN_TABLE, 1);
VALUE(DSK_EXPLAIN_SVG, 2);

SIZE(dsk_bench_load_format, 4);
VALUE(DSK_BENCH_LOAD_JSON, 0);
VALUE(DSK_BENCH_LOAD_VLLM, 1);
VALUE(DSK_BENCH_LOAD_TABLE, 2);

SIZE(dsk_bench_monitor_format, 4);
VALUE(DSK_BENCH_MONITOR_JSON, 0);
VALUE(DSK_BENCH_MONITOR_PROMETHEUS, 1);
VALUE(DSK_BENCH_MONITOR_TABLE, 2);

SIZE(dsk_tp_transport, 4);
VALUE(DSK_TP_TRANSPORT_AUTO, 0);
VALUE(DSK_TP_TRANSPORT_PEER, 1);
VALUE(DSK_TP_TRANSPORT_VENDOR, 2);

SIZE(dsk_tp_split, 4);
VALUE(DSK_TP_SPLIT_REPLICATED, 0);
VALUE(DSK_TP_SPLIT_COLUMN, 1);
VALUE(DSK_TP_SPLIT_ROW, 2);

SIZE(dsk_tp_activation, 4);
VALUE(DSK_TP_ACTIVATION_SILU, 0);
VALUE(DSK_TP_ACTIVATION_GELU, 1);
VALUE(DSK_TP_ACTIVATION_GELU_TANH, 2);

SIZE(dsk_plan_chunk, 16);
OFFSET(dsk_plan_chunk, new_tokens, 0);
OFFSET(dsk_plan_chunk, context_tokens, 8);

SIZE(dsk_plan_batch, 96);
OFFSET(dsk_plan_batch, struct_size, 0);
OFFSET(dsk_plan_batch, chunk_count, 4);
OFFSET(dsk_plan_batch, decode_sequences, 8);
OFFSET(dsk_plan_batch, kv_sum_tokens, 16);
OFFSET(dsk_plan_batch, kv_max_tokens, 24);
OFFSET(dsk_plan_batch, chunks, 32);

SIZE(dsk_plan_step_time, 88);
OFFSET(dsk_plan_step_time, struct_size, 0);
OFFSET(dsk_plan_step_time, binding, 4);
OFFSET(dsk_plan_step_time, total_us, 8);
OFFSET(dsk_plan_step_time, low_us, 16);
OFFSET(dsk_plan_step_time, high_us, 24);
OFFSET(dsk_plan_step_time, compute_us, 32);
OFFSET(dsk_plan_step_time, memory_us, 40);
OFFSET(dsk_plan_step_time, scale_up_us, 48);
OFFSET(dsk_plan_step_time, scale_out_us, 56);
OFFSET(dsk_plan_step_time, launch_us, 64);
OFFSET(dsk_plan_step_time, host_us, 72);
OFFSET(dsk_plan_step_time, communication_share, 80);

SIZE(dsk_bench_options, 128);
OFFSET(dsk_bench_options, struct_size, 0);
OFFSET(dsk_bench_options, flags, 4);
OFFSET(dsk_bench_options, name, 8);
OFFSET(dsk_bench_options, max_interval, 16);
OFFSET(dsk_bench_options, max_noise, 24);
OFFSET(dsk_bench_options, confidence, 32);
OFFSET(dsk_bench_options, warmup_ns, 40);
OFFSET(dsk_bench_options, min_time_ns, 48);
OFFSET(dsk_bench_options, max_time_ns, 56);
OFFSET(dsk_bench_options, min_samples, 64);
OFFSET(dsk_bench_options, max_samples, 72);
OFFSET(dsk_bench_options, seed, 80);
OFFSET(dsk_bench_options, bytes, 88);
OFFSET(dsk_bench_options, flops, 96);
OFFSET(dsk_bench_options, data, 104);
OFFSET(dsk_bench_options, data_len, 112);
OFFSET(dsk_bench_options, cancel, 120);

SIZE(dsk_bench_sample, 48);
OFFSET(dsk_bench_sample, struct_size, 0);
OFFSET(dsk_bench_sample, reserved, 4);
OFFSET(dsk_bench_sample, iterations, 8);
OFFSET(dsk_bench_sample, device_ns, 16);
OFFSET(dsk_bench_sample, enqueue_ns, 24);
OFFSET(dsk_bench_sample, prompt_tokens, 32);
OFFSET(dsk_bench_sample, output_tokens, 40);

SIZE(dsk_tp_device_info, 328);
OFFSET(dsk_tp_device_info, struct_size, 0);
OFFSET(dsk_tp_device_info, multiprocessors, 4);
OFFSET(dsk_tp_device_info, compute_major, 8);
OFFSET(dsk_tp_device_info, compute_minor, 12);
OFFSET(dsk_tp_device_info, memory_bytes, 16);
OFFSET(dsk_tp_device_info, backend, 24);
OFFSET(dsk_tp_device_info, name, 56);
OFFSET(dsk_tp_device_info, uuid, 184);
OFFSET(dsk_tp_device_info, driver_version, 232);
OFFSET(dsk_tp_device_info, blas_version, 264);
OFFSET(dsk_tp_device_info, collective_version, 296);

SIZE(dsk_tp_comm_options, 24);
OFFSET(dsk_tp_comm_options, struct_size, 0);
OFFSET(dsk_tp_comm_options, transport, 4);
OFFSET(dsk_tp_comm_options, timeout_ms, 8);
OFFSET(dsk_tp_comm_options, max_bytes, 16);

SIZE(dsk_tp_comm_info, 36);
OFFSET(dsk_tp_comm_info, struct_size, 0);
OFFSET(dsk_tp_comm_info, world, 4);
OFFSET(dsk_tp_comm_info, rank, 8);
OFFSET(dsk_tp_comm_info, lost_rank, 12);
OFFSET(dsk_tp_comm_info, aborted, 16);
OFFSET(dsk_tp_comm_info, transport, 20);

SIZE(dsk_tp_unique_id, 128);
OFFSET(dsk_tp_unique_id, bytes, 0);

SIZE(dsk_tp_weight, 72);
OFFSET(dsk_tp_weight, struct_size, 0);
OFFSET(dsk_tp_weight, dtype, 4);
OFFSET(dsk_tp_weight, n, 8);
OFFSET(dsk_tp_weight, k, 16);
OFFSET(dsk_tp_weight, data, 24);
OFFSET(dsk_tp_weight, data_bytes, 32);
OFFSET(dsk_tp_weight, scales, 40);
OFFSET(dsk_tp_weight, scales_bytes, 48);
OFFSET(dsk_tp_weight, scales_dtype, 56);
OFFSET(dsk_tp_weight, bias, 64);

SIZE(dsk_tp_linear_desc, 72);
OFFSET(dsk_tp_linear_desc, struct_size, 0);
OFFSET(dsk_tp_linear_desc, flags, 4);
OFFSET(dsk_tp_linear_desc, split, 8);
OFFSET(dsk_tp_linear_desc, activation_dtype, 12);
OFFSET(dsk_tp_linear_desc, max_m, 16);
OFFSET(dsk_tp_linear_desc, q_heads, 24);
OFFSET(dsk_tp_linear_desc, kv_heads, 28);
OFFSET(dsk_tp_linear_desc, head_dim, 32);
OFFSET(dsk_tp_linear_desc, norm_eps, 36);
OFFSET(dsk_tp_linear_desc, gamma, 40);
OFFSET(dsk_tp_linear_desc, weights, 48);
OFFSET(dsk_tp_linear_desc, weight_count, 56);
OFFSET(dsk_tp_linear_desc, reserved, 60);
OFFSET(dsk_tp_linear_desc, tuning, 64);

SIZE(dsk_tp_plan_info, 88);
OFFSET(dsk_tp_plan_info, struct_size, 0);
OFFSET(dsk_tp_plan_info, measured, 4);
OFFSET(dsk_tp_plan_info, n, 8);
OFFSET(dsk_tp_plan_info, k, 16);
OFFSET(dsk_tp_plan_info, n_offset, 24);
OFFSET(dsk_tp_plan_info, k_offset, 32);
OFFSET(dsk_tp_plan_info, input_columns, 40);
OFFSET(dsk_tp_plan_info, output_columns, 48);
OFFSET(dsk_tp_plan_info, weight_bytes, 56);
OFFSET(dsk_tp_plan_info, workspace_bytes, 64);
OFFSET(dsk_tp_plan_info, create_ms, 72);
OFFSET(dsk_tp_plan_info, measure_ms, 80);

SIZE(dsk_tp_args, 64);
OFFSET(dsk_tp_args, struct_size, 0);
OFFSET(dsk_tp_args, reserved, 4);
OFFSET(dsk_tp_args, m, 8);
OFFSET(dsk_tp_args, x, 16);
OFFSET(dsk_tp_args, y, 24);
OFFSET(dsk_tp_args, residual, 32);
OFFSET(dsk_tp_args, residual_out, 40);
OFFSET(dsk_tp_args, workspace, 48);
OFFSET(dsk_tp_args, workspace_bytes, 56);

SIZE(dsk_tp_mlp_desc, 72);
OFFSET(dsk_tp_mlp_desc, struct_size, 0);
OFFSET(dsk_tp_mlp_desc, flags, 4);
OFFSET(dsk_tp_mlp_desc, activation, 8);
OFFSET(dsk_tp_mlp_desc, activation_dtype, 12);
OFFSET(dsk_tp_mlp_desc, max_m, 16);
OFFSET(dsk_tp_mlp_desc, norm_eps, 24);
OFFSET(dsk_tp_mlp_desc, reserved, 28);
OFFSET(dsk_tp_mlp_desc, gamma, 32);
OFFSET(dsk_tp_mlp_desc, gate, 40);
OFFSET(dsk_tp_mlp_desc, up, 48);
OFFSET(dsk_tp_mlp_desc, down, 56);
OFFSET(dsk_tp_mlp_desc, tuning, 64);

SIZE(dsk_tp_graph_info, 40);
OFFSET(dsk_tp_graph_info, struct_size, 0);
OFFSET(dsk_tp_graph_info, captured, 4);
OFFSET(dsk_tp_graph_info, steps, 8);
OFFSET(dsk_tp_graph_info, nodes, 16);
OFFSET(dsk_tp_graph_info, memory_bytes, 24);
OFFSET(dsk_tp_graph_info, capture_ms, 32);

FUNCTION(const char*, dsk_version_string, void);
FUNCTION(uint32_t, dsk_version, void);
FUNCTION(uint32_t, dsk_abi_version, void);
FUNCTION(dsk_status, dsk_abi_check, uint32_t, dsk_error**);
FUNCTION(const char*, dsk_status_name, dsk_status);
FUNCTION(dsk_status, dsk_error_status, const dsk_error*);
FUNCTION(const char*, dsk_error_message, const dsk_error*);
FUNCTION(const char*, dsk_error_path, const dsk_error*);
FUNCTION(const char*, dsk_error_where, const dsk_error*);
FUNCTION(void, dsk_error_destroy, dsk_error*);
FUNCTION(void, dsk_free, void*);
FUNCTION(uint64_t, dsk_live_objects, void);
FUNCTION(void, dsk_log_set, dsk_log_level, dsk_log_fn, void*);
FUNCTION(dsk_status, dsk_cancel_create, dsk_cancel**, dsk_error**);
FUNCTION(void, dsk_cancel_set, dsk_cancel*);
FUNCTION(bool, dsk_cancel_is_set, const dsk_cancel*);
FUNCTION(void, dsk_cancel_progress, const dsk_cancel*, uint64_t*, uint64_t*);
FUNCTION(void, dsk_cancel_destroy, dsk_cancel*);
FUNCTION(dsk_status, dsk_plan_create, const char*, size_t, dsk_cancel*, dsk_plan**, dsk_error**);
FUNCTION(dsk_status, dsk_plan_to_json, const dsk_plan*, char**, size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_plan_summary, const dsk_plan*, dsk_plan_info*, dsk_error**);
FUNCTION(dsk_status, dsk_plan_fit, const dsk_plan*, const char*, size_t, char**, size_t*,
         dsk_error**);
FUNCTION(dsk_status, dsk_plan_emit, const dsk_plan*, dsk_emit_format, char**, size_t*, dsk_error**);
FUNCTION(void, dsk_plan_destroy, dsk_plan*);
FUNCTION(dsk_status, dsk_plan_memory, const char*, size_t, char**, size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_plan_cost, const char*, size_t, char**, size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_catalog_to_json, dsk_catalog_kind, char**, size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_catalog_get, dsk_catalog_kind, const char*, size_t, char**, size_t*,
         dsk_error**);

FUNCTION(dsk_status, dsk_tp_device_create, const char*, size_t, uint32_t, dsk_tp_device**,
         dsk_error**);
FUNCTION(void, dsk_tp_device_destroy, dsk_tp_device*);
FUNCTION(dsk_status, dsk_tp_device_get_info, const dsk_tp_device*, dsk_tp_device_info*,
         dsk_error**);
FUNCTION(dsk_status, dsk_tp_device_memory_create, dsk_tp_device*, uint64_t, void**, dsk_error**);
FUNCTION(void, dsk_tp_device_memory_destroy, dsk_tp_device*, void*);
FUNCTION(dsk_status, dsk_tp_device_memory_set, dsk_tp_device*, void*, const void*, uint64_t,
         dsk_error**);
FUNCTION(dsk_status, dsk_tp_stream_create, dsk_tp_device*, void**, dsk_error**);
FUNCTION(void, dsk_tp_stream_destroy, dsk_tp_device*, void*);
FUNCTION(dsk_status, dsk_tp_comm_create_local, dsk_tp_device* const*, uint32_t,
         const dsk_tp_comm_options*, dsk_tp_comm**, dsk_error**);
FUNCTION(dsk_status, dsk_tp_unique_id_create, dsk_tp_device*, dsk_tp_unique_id*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_comm_create, dsk_tp_device*, const dsk_tp_unique_id*, uint32_t,
         uint32_t, const dsk_tp_comm_options*, dsk_tp_comm**, dsk_error**);
FUNCTION(dsk_status, dsk_tp_comm_create_from_env, const char*, size_t, const dsk_tp_comm_options*,
         dsk_tp_comm**, dsk_error**);
FUNCTION(dsk_status, dsk_tp_comm_get_info, const dsk_tp_comm*, dsk_tp_comm_info*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_comm_wait, dsk_tp_comm*, void*, dsk_error**);
FUNCTION(void, dsk_tp_comm_abort, dsk_tp_comm*);
FUNCTION(void, dsk_tp_comm_destroy, dsk_tp_comm*);
FUNCTION(dsk_status, dsk_tp_group_begin, dsk_tp_comm* const*, uint32_t, dsk_tp_group**,
         dsk_error**);
FUNCTION(dsk_status, dsk_tp_group_end, dsk_tp_group*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_weights_create, const char*, size_t, dsk_tp_weights**, dsk_error**);
FUNCTION(void, dsk_tp_weights_destroy, dsk_tp_weights*);
FUNCTION(uint64_t, dsk_tp_weights_count, const dsk_tp_weights*);
FUNCTION(const char*, dsk_tp_weights_get_name, const dsk_tp_weights*, uint64_t);
FUNCTION(dsk_status, dsk_tp_weights_get, const dsk_tp_weights*, const char*, size_t, dsk_tp_weight*,
         dsk_error**);
FUNCTION(dsk_status, dsk_tp_tuning_create, const char*, size_t, dsk_tp_tuning**, dsk_error**);
FUNCTION(dsk_status, dsk_tp_tuning_to_json, const dsk_tp_tuning*, char**, size_t*, dsk_error**);
FUNCTION(uint64_t, dsk_tp_tuning_count, const dsk_tp_tuning*);
FUNCTION(void, dsk_tp_tuning_destroy, dsk_tp_tuning*);
FUNCTION(dsk_status, dsk_tp_linear_create, dsk_tp_comm*, const dsk_tp_linear_desc*, dsk_tp_linear**,
         dsk_error**);
FUNCTION(dsk_status, dsk_tp_linear_get_info, const dsk_tp_linear*, dsk_tp_plan_info*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_linear_enqueue, dsk_tp_linear*, const dsk_tp_args*, void*, dsk_error**);
FUNCTION(void, dsk_tp_linear_destroy, dsk_tp_linear*);
FUNCTION(dsk_status, dsk_tp_mlp_create, dsk_tp_comm*, const dsk_tp_mlp_desc*, dsk_tp_mlp**,
         dsk_error**);
FUNCTION(dsk_status, dsk_tp_mlp_get_info, const dsk_tp_mlp*, dsk_tp_plan_info*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_mlp_enqueue, dsk_tp_mlp*, const dsk_tp_args*, void*, dsk_error**);
FUNCTION(void, dsk_tp_mlp_destroy, dsk_tp_mlp*);
FUNCTION(dsk_status, dsk_tp_graph_create, dsk_tp_comm* const*, uint32_t, dsk_tp_graph**,
         dsk_error**);
FUNCTION(dsk_status, dsk_tp_graph_add_linear, dsk_tp_graph*, dsk_tp_linear*, const dsk_tp_args*,
         uint64_t*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_graph_add_mlp, dsk_tp_graph*, dsk_tp_mlp*, const dsk_tp_args*,
         uint64_t*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_graph_capture, dsk_tp_graph*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_graph_set, dsk_tp_graph*, uint64_t, const dsk_tp_args*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_graph_replay, dsk_tp_graph*, void*, dsk_error**);
FUNCTION(dsk_status, dsk_tp_graph_get_info, const dsk_tp_graph*, dsk_tp_graph_info*, dsk_error**);
FUNCTION(void, dsk_tp_graph_destroy, dsk_tp_graph*);
FUNCTION(dsk_status, dsk_plan_step_create, const char*, size_t, dsk_plan_step_model**, dsk_error**);
FUNCTION(dsk_status, dsk_plan_step, const dsk_plan_step_model*, const dsk_plan_batch*,
         dsk_plan_step_time*, dsk_error**);
FUNCTION(void, dsk_plan_step_destroy, dsk_plan_step_model*);
FUNCTION(dsk_status, dsk_plan_explain, const char*, size_t, dsk_explain_format, char**, size_t*,
         dsk_error**);
FUNCTION(dsk_status, dsk_plan_validate_kernels, const char*, size_t, const char*, size_t, char**,
         char**, dsk_error**);
FUNCTION(dsk_status, dsk_bench_run, const dsk_bench_options*, dsk_bench_fn, void*, char**, size_t*,
         dsk_error**);
FUNCTION(dsk_status, dsk_bench_compare_run, const dsk_bench_options*, dsk_bench_fn, void*,
         dsk_bench_fn, void*, char**, size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_bench_command_run, const dsk_bench_options*, const char* const*, size_t,
         char**, size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_bench_probe, const char*, size_t, dsk_cancel*, char**, size_t*,
         dsk_error**);
FUNCTION(dsk_status, dsk_bench_machine_to_json, char**, size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_bench_machine_emit, const char*, size_t, char**, size_t*, dsk_error**);

VALUE(DSK_BENCH_FIXED_COUNT, 0x1u);
VALUE(DSK_BENCH_KEEP_SAMPLES, 0x2u);
VALUE(DSK_BENCH_NO_WARMUP, 0x4u);
FUNCTION(dsk_status, dsk_bench_load_run, const char*, size_t, dsk_cancel*, char**, size_t*,
         dsk_error**);
FUNCTION(dsk_status, dsk_bench_load_emit, const char* const*, size_t, dsk_bench_load_format, char**,
         size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_bench_monitor_create, const char*, size_t, dsk_bench_monitor**,
         dsk_error**);
FUNCTION(dsk_status, dsk_bench_monitor_run, dsk_bench_monitor*, dsk_bench_monitor_format, char**,
         size_t*, dsk_error**);
FUNCTION(void, dsk_bench_monitor_destroy, dsk_bench_monitor*);
FUNCTION(dsk_status, dsk_plan_calibrate, const char*, size_t, char**, size_t*, dsk_error**);

FUNCTION(dsk_status, dsk_plan_simulate, const char*, size_t, dsk_cancel*, dsk_request_times*,
         size_t, size_t, size_t*, char**, size_t*, dsk_error**);
FUNCTION(dsk_status, dsk_plan_tune_batching, const char*, size_t, dsk_cancel*, char**, size_t*,
         dsk_error**);
FUNCTION(dsk_status, dsk_plan_validate_requests, const char*, size_t, const char*, size_t,
         dsk_cancel*, char**, dsk_error**);
FUNCTION(dsk_status, dsk_plan_validate_e2e, const char*, size_t, const char*, size_t, dsk_cancel*,
         char**, char**, dsk_error**);

/* Run as a test, it shows that the library that is loaded has each of them. */
int main(void) {
  return pinned_dsk_abi_version() == DSK_ABI_VERSION ? 0 : 1;
}
