// A planning request: typed values within their ranges, or one Error with a place in the document.
#include "plan/request.hpp"
#include "require.hpp"

using namespace dsk;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Catalog built_in;
  const std::optional<Json> document = fuzz::parse(data, size);
  if (!document) return 0;
  try {
    std::optional<Catalog> own;
    const Catalog& catalog = plan::request_catalog(*document, built_in, own);
    const plan::Request request = plan::read_request(*document, catalog);
    fuzz::require(!request.devices.empty(), "a request names devices");
    fuzz::require(request.workload.rate_per_s.has_value() !=
                      request.workload.concurrency.has_value(),
                  "the load is a rate or a concurrency");
    fuzz::require(request.workload.input_tokens > 0 && request.workload.output_tokens > 0,
                  "requests have tokens");
  } catch (const Error& e) {
    fuzz::require_refusal(e, "");
  }
  return 0;
}
