/**
 * @file calibrate.h
 * The way back from measurements to plans.
 */
#ifndef DSK_CALIBRATE_H
#define DSK_CALIBRATE_H

#include "dsk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes a calibration document from measurements of a device (dsk_bench_probe()).
 *
 * Request: {"device": "h200-sxm", "as_of": "2026-11-24", "measurements": [document, ...], "runs":
 * [run,
 * ...], "name", "check": [measurements that are predicted, not fitted], "check_runs": [runs
 * likewise], "catalog": the caller's own documents}. Each format with four or more products
 * measured in graphs gets a law time = launch + sqrt((flops / compute rate)^2 + (bytes / memory
 * rate)^2) fitted robustly (Huber's loss of the logarithms), with the measured products as points
 * beside it. Copies between devices and all-reduces over them (dsk bench full) become the rate of
 * the links and a law for each protocol and width, time = latency + 2 bytes (ranks - 1) / ranks /
 * rate, with the measured messages beside it; kernels in graphs become the cost of a launch. The
 * document names the outliers that were left out, the measurements that their own checks do not
 * trust, the error before (the planner's tables) and after (each product predicted from all
 * others), the valid range, and the SHA-256 of what it was made from.
 *
 * The document goes into a request's "catalog" (dsk_plan_create(), ...): the planner then takes the
 * times of products, collectives and launches from it, narrows its intervals, and its answers say
 * so under "calibration". Leave it out to be rid of it.
 * @param out  the document (docs/schema/calibration.schema.json); free with dsk_free().
 * @return DSK_STATUS_NOT_FOUND for an unknown device; DSK_STATUS_INVALID_REQUEST when there is too
 *         little to fit, with the place. The same request gives the same bytes. @since 0.1
 */
DSK_NODISCARD DSK_API dsk_status dsk_plan_calibrate(const char* json, size_t json_len, char** out,
                                                    size_t* out_len, dsk_error** error);

#ifdef __cplusplus
}
#endif

#endif /* DSK_CALIBRATE_H */
