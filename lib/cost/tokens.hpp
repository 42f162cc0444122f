// Money for each million tokens.
#pragma once

#include <optional>

namespace dsk::cost {

struct TokenRates {
  double usd_per_hour = 0; // of everything that serves
  double input_tokens_per_s = 0;
  double output_tokens_per_s = 0;
  double utilisation = 1; // share of that capacity which is really asked for
  /// Share of device time that prompts take (prefill); the rest belongs to output tokens. Without
  /// it, input and output cannot be told apart.
  std::optional<double> prefill_share;
};

/// USD for each million tokens. A price is absent when there are no such tokens or no share.
struct TokenCosts {
  std::optional<double> all_to_output; // the whole bill over output tokens
  double blended = 0;                  // the whole bill over input and output tokens
  std::optional<double> input;         // the prefill share of the bill over input tokens
  std::optional<double> output;        // the rest over output tokens
};

/// usd_per_hour / (tokens/s x 3600) x 1e6, at the given utilisation: idle hours are paid by the
/// tokens that are served.
TokenCosts token_costs(const TokenRates& rates);

} // namespace dsk::cost
