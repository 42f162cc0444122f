// How long the prompts and the answers of a published data set are.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace dsk {

/// Tokens of one side of a request. The mean is always there; the rest as far as it was published.
struct LengthFacts {
  enum class Shape { fixed, uniform, lognormal, quantiles };
  struct Quantile {
    double probability = 0; // 0 to 1
    double tokens = 0;
  };

  Shape shape = Shape::fixed;
  double mean_tokens = 0;
  double std_tokens = 0; // lognormal
  double min_tokens = 0; // uniform, and the clip of the others
  double max_tokens = 0;
  std::vector<Quantile> quantiles; // ascending in both, for shape quantiles
};

struct Dataset {
  std::string name;
  std::vector<std::string> aliases;
  std::string source;
  std::string as_of;
  std::string tokenizer; // whose tokens were counted
  std::string origin;    // "published", "derived" (from published figures) or "assumed"
  LengthFacts input;
  LengthFacts output;
  double correlation = 0; // of the two lengths; 0 when nobody published it
  std::string note;
};

} // namespace dsk
