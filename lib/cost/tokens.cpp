#include "cost/tokens.hpp"

namespace dsk::cost {

TokenCosts token_costs(const TokenRates& r) {
  const auto per_mtok = [&](double share, double tokens_per_s) {
    return share * r.usd_per_hour / (tokens_per_s * r.utilisation * 3600) * 1e6;
  };
  TokenCosts costs;
  costs.blended = per_mtok(1, r.input_tokens_per_s + r.output_tokens_per_s);
  if (r.output_tokens_per_s > 0) costs.all_to_output = per_mtok(1, r.output_tokens_per_s);
  if (r.prefill_share && r.input_tokens_per_s > 0)
    costs.input = per_mtok(*r.prefill_share, r.input_tokens_per_s);
  if (r.prefill_share && r.output_tokens_per_s > 0)
    costs.output = per_mtok(1 - *r.prefill_share, r.output_tokens_per_s);
  return costs;
}

} // namespace dsk::cost
