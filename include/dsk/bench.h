/**
 * @file bench.h
 * Measurement: any callback or command, the machine's own limits, an inference server under load,
 * and a live monitor.
 *
 *     dsk_bench_options options = DSK_BENCH_OPTIONS_INIT;
 *     options.name = "decode step";
 *     dsk_bench_run(&options, one_step, engine, &line, NULL, &error);
 *
 * Documents. Results are JSON: one line for each measurement ("kind": "measurement"), and one
 *            device record ("kind": "machine") that says what they were measured on. Members end in
 *            their unit. A number that is not known is null, with a reason beside it.
 * Threads.   Every function may be called by any number of threads at once, but two measurements
 *            that run together disturb each other. Callbacks run on the calling thread.
 * Files.     Only dsk_bench_load_run writes a file, and only the journal that the request names.
 */
#ifndef DSK_BENCH_H
#define DSK_BENCH_H

#include "dsk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------------- harness */

/** Take exactly `min_samples` samples after the warm-up and stop ("100 iterations"). */
#define DSK_BENCH_FIXED_COUNT 0x1u
/** Keep the samples themselves in the result ("samples_ns", at most 100,000). */
#define DSK_BENCH_KEEP_SAMPLES 0x2u
/** Do not warm up: the first sample counts. */
#define DSK_BENCH_NO_WARMUP 0x4u

/** How to measure. Zero means default; NULL means all defaults. */
typedef struct dsk_bench_options {
  uint32_t struct_size; /**< set by DSK_BENCH_OPTIONS_INIT */
  uint32_t flags;       /**< DSK_BENCH_... */
  const char* name;     /**< label of the measurement, UTF-8, NUL-terminated; NULL: "" */
  double max_interval;  /**< stop once the interval of the median is at most this share of it on
                             each side (0.005) ... */
  double max_noise;     /**< ... and the noise, 1.4826 MAD / median, is at most this (0.05) */
  double confidence;    /**< of the interval (0.95) */
  uint64_t warmup_ns;   /**< run at least this long before the first sample (100 ms) */
  uint64_t min_time_ns; /**< sample at least this long (500 ms) */
  uint64_t max_time_ns; /**< sample at most this long (15 s) */
  uint64_t min_samples; /**< (20) */
  uint64_t max_samples; /**< (100,000) */
  uint64_t seed;        /**< of the bootstrap (1) */
  double bytes;         /**< moved by one iteration, for bytes/s */
  double flops;         /**< done by one iteration, for flop/s */
  const void* data;   /**< the input that is measured, host memory: checked for zeros and constants,
                           which run faster than real data; NULL: not checked */
  size_t data_len;    /**< bytes of `data` */
  dsk_cancel* cancel; /**< or NULL */
} dsk_bench_options;

#define DSK_BENCH_OPTIONS_INIT DSK_STRUCT_INIT(dsk_bench_options)

/** One sample. The harness sets the first two members; the callback runs the work `iterations`
 *  times and may set the others, which are all totals over those iterations. */
typedef struct dsk_bench_sample {
  uint32_t struct_size;
  uint32_t reserved;    /**< 0 */
  uint64_t iterations;  /**< how often to run the work */
  double device_ns;     /**< time that a device clock measured; 0: the harness's own clock counts */
  double enqueue_ns;    /**< time until the host was free again; 0: not known */
  double prompt_tokens; /**< tokens read */
  double output_tokens; /**< tokens written, counted apart from those read */
} dsk_bench_sample;

/** Does the work that is measured. A status other than OK ends the measurement with that status. */
typedef dsk_status (*dsk_bench_fn)(void* user, dsk_bench_sample* sample);

/**
 * Measures a callback: warm-up, batching of short work so that one sample is long beside the
 * clock's resolution, samples until interval and noise are within bounds, and checks for what makes
 * timings lie (drift, host-bound device work, zeros as data, a busy or throttled machine).
 * @param out  one JSON line (docs/schema/bench-measurement.schema.json); free with dsk_free().
 * @return INVALID_ARGUMENT, CANCELLED, or what the callback returned.
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_run(const dsk_bench_options* options, dsk_bench_fn fn,
                                               void* user, char** out, size_t* out_len,
                                               dsk_error** error);

/**
 * Measures two callbacks in turn, A B B A, so that a drift of the machine meets both alike.
 * @param out  three JSON lines: A, B, and the comparison: the ratio B / A of the medians with its
 *             bootstrap interval, and whether it is different from 1.
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_compare_run(const dsk_bench_options* options,
                                                       dsk_bench_fn a, void* user_a, dsk_bench_fn b,
                                                       void* user_b, char** out, size_t* out_len,
                                                       dsk_error** error);

/**
 * Measures a command: wall time of each run, and its user and system time and peak memory.
 * `argv[0]` is looked up in PATH; no shell is involved; the command's output is dropped.
 * @return INVALID_ARGUMENT for an empty argv; NOT_FOUND when there is no such program; BACKEND with
 *         the exit code when a run fails. @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_command_run(const dsk_bench_options* options,
                                                       const char* const* argv, size_t argc,
                                                       char** out, size_t* out_len,
                                                       dsk_error** error);

/* ------------------------------------------------------------------ probes */

/**
 * Measures what this machine's memory, devices and links reach.
 *
 * Request (docs/schema/bench-probe-request.schema.json):
 * {"suite": "quick" | "full" | "before_after" | "host",  which probes there are ("full")
 *  "probes": ["host/memory_read/threads1", ...],          of these only the named ones
 *  "list": true,                                           name them, measure nothing
 *  "backend": "cuda", "device": 0,
 *  "model": "deepseek-r1", "tp": 8,                        its linear layers on one of 8 ranks
 *  "linears": [{"name", "n", "k"}, ...],                   and these products
 *  "disk_path": "/a/file/of/64/MiB/or/more"}
 * `suite` or `probes` is needed. A probe that cannot run here gives a line with "skipped" and the
 * reason, not an error.
 * @param out  JSON lines: the machine record, then one line for each measurement; with "list", one
 *             line {"kind": "probe", "name"} for each probe.
 * @return NOT_FOUND for a probe that the suite does not have.
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_probe(const char* json, size_t json_len,
                                                 dsk_cancel* cancel, char** out, size_t* out_len,
                                                 dsk_error** error);

/** What this machine is: processor, memory, kernel, devices, driver, clocks, links, libraries.
 *  @param out one JSON line, "kind": "machine". @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_machine_to_json(char** out, size_t* out_len,
                                                           dsk_error** error);

/** A report for a vendor's support: the machine record and the measurements of `lines` (JSON lines
 *  as the functions above write) as one HTML page without outside parts, with the JSON inside it
 * and its SHA-256. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_machine_emit(const char* lines, size_t lines_len,
                                                        char** out, size_t* out_len,
                                                        dsk_error** error);

/* --------------------------------------------------------------------- load */

/**
 * Sends requests to an OpenAI-compatible server and measures time to first token, between tokens
 * and end to end (docs/schema/load-request.schema.json).
 *
 * Needs the module libdsk_load.so (libcurl) beside libdsk; UNAVAILABLE with a sentence without it.
 * It talks to the given endpoint only. A key is read from the environment variable that the request
 * names and is never written anywhere. Failures of requests are counted by kind, they do not end
 * the run. CANCELLED is not returned: a run that is cancelled gives the report of what it has, with
 * "ended": "cancelled".
 * @param out  the report (docs/schema/load-report.schema.json); free with dsk_free().
 * @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_load_run(const char* json, size_t json_len,
                                                    dsk_cancel* cancel, char** out, size_t* out_len,
                                                    dsk_error** error);

/** How a load report is written. */
typedef enum dsk_bench_load_format {
  DSK_BENCH_LOAD_JSON = 0,  /**< the product's report */
  DSK_BENCH_LOAD_VLLM = 1,  /**< the result format of `vllm bench serve` */
  DSK_BENCH_LOAD_TABLE = 2, /**< for people */
  DSK_BENCH_LOAD_FORCE_32BIT = 0x7fffffff
} dsk_bench_load_format;

/** One report from several reports (of load machines that ran together), merged by histogram.
 *  @param reports  `count` texts, each a report or the name of a journal prefixed by "journal:".
 *  @return INVALID_REQUEST with the place when one is no report; IO when a journal cannot be read.
 *  @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_load_emit(const char* const* reports, size_t count,
                                                     dsk_bench_load_format format, char** out,
                                                     size_t* out_len, dsk_error** error);

/* ------------------------------------------------------------------ monitor */

/** Samples GPUs (NVML), the host, its network and an engine's metrics. Not for several threads at
 *  once. */
typedef struct dsk_bench_monitor dsk_bench_monitor;

/** Opens what the request names (docs/schema/monitor-request.schema.json): {"engine_metrics_url",
 *  "hosts": ["host:port", ...]}; "{}" samples this machine alone. What is missing here is named in
 *  each sample. @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_monitor_create(const char* json, size_t json_len,
                                                          dsk_bench_monitor** out,
                                                          dsk_error** error);

typedef enum dsk_bench_monitor_format {
  DSK_BENCH_MONITOR_JSON = 0,       /**< one line */
  DSK_BENCH_MONITOR_PROMETHEUS = 1, /**< text exposition format 0.0.4 */
  DSK_BENCH_MONITOR_TABLE = 2,      /**< for people */
  DSK_BENCH_MONITOR_FORCE_32BIT = 0x7fffffff
} dsk_bench_monitor_format;

/** Takes one sample; rates are those since the sample before. Free `*out` with dsk_free().
 *  @since 0.1 */
DSK_NODISCARD DSK_API dsk_status dsk_bench_monitor_run(dsk_bench_monitor* monitor,
                                                       dsk_bench_monitor_format format, char** out,
                                                       size_t* out_len, dsk_error** error);

/** Frees a monitor; NULL is allowed. @since 0.1 */
DSK_API void dsk_bench_monitor_destroy(dsk_bench_monitor* monitor);

#ifdef __cplusplus
}
#endif

#endif /* DSK_BENCH_H */
