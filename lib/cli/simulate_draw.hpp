// Files that `dsk simulate` writes.
#pragma once

#include <string>
#include <vector>

#include "dsk/dsk.hpp"

namespace dsk::cli {

std::string series_csv(const std::vector<dsk_request_times>& series);
std::string series_jsonl(const std::vector<dsk_request_times>& series);
/// Chrome's trace event format: queue, prefill and decode of each request.
std::string chrome_trace(const std::vector<dsk_request_times>& series);
/// Waiting and running requests and the share of the KV pool over time, of an answer with a time
/// line.
std::string timeline_svg(const JsonValue& answer);

} // namespace dsk::cli
