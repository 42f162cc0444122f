// config.json of somebody: a model whose shapes can be counted, or one Error with a place in the
// document.
#include "catalog/model.hpp"
#include "perf/weights.hpp"
#include "require.hpp"

using namespace dsk;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::optional<Json> config = fuzz::parse(data, size);
  if (!config) return 0;
  try {
    const Model model = model_from_config("fuzz", *config, nullptr, "/model/config");
    const perf::ModelWeights weights = perf::weights_of(model);
    const std::int64_t all = perf::parameter_count(model, weights);
    const std::int64_t active = perf::active_parameter_count(model, weights);
    fuzz::require(all > 0 && active > 0, "a model has parameters");
    fuzz::require(active <= all, "no more parameters are active than there are");
    fuzz::require(model.layers() > 0, "a model has layers");
  } catch (const Error& e) {
    fuzz::require_refusal(e, "/model/config");
  }
  return 0;
}
