#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/documents.hpp"

namespace dsk {
namespace {

constexpr double max_length = 1e8; // tokens

std::vector<LengthFacts::Quantile> read_quantiles(Reader& reader) {
  std::vector<LengthFacts::Quantile> quantiles;
  const auto items = reader.array("quantiles", 1024);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string at = json::pointer(reader.path_of("quantiles"), i);
    Reader item(*items[i], at);
    LengthFacts::Quantile quantile;
    quantile.probability = item.number("probability", 0, 1);
    quantile.tokens = item.number("tokens", 0, max_length);
    if (!quantiles.empty() && quantile.probability <= quantiles.back().probability)
      item.fail("probability",
                "must be above the one before (" + number_text(quantiles.back().probability) + ")");
    if (!quantiles.empty() && quantile.tokens < quantiles.back().tokens)
      item.fail("tokens",
                "must be at least the one before (" + number_text(quantiles.back().tokens) + ")");
    item.done();
    quantiles.push_back(quantile);
  }
  if (quantiles.size() < 2)
    invalid_request(reader.path_of("quantiles"), "quantiles has " +
                                                     std::to_string(quantiles.size()) +
                                                     " items, must have at least 2");
  return quantiles;
}

LengthFacts read_lengths(Reader reader) {
  LengthFacts facts;
  const std::string shape = reader.choice("shape", {"fixed", "uniform", "lognormal", "quantiles"});
  facts.mean_tokens = reader.number("mean_tokens", 1, max_length);
  if (shape == "uniform") {
    facts.shape = LengthFacts::Shape::uniform;
    facts.min_tokens = reader.number("min_tokens", 0, max_length);
    facts.max_tokens = reader.number("max_tokens", 1, max_length);
  } else if (shape == "lognormal") {
    facts.shape = LengthFacts::Shape::lognormal;
    facts.std_tokens = reader.number("std_tokens", 0.001, max_length);
    facts.min_tokens = reader.number("min_tokens", 0, max_length, 1);
    facts.max_tokens = reader.number("max_tokens", 1, max_length, max_length);
  } else if (shape == "quantiles") {
    facts.shape = LengthFacts::Shape::quantiles;
    facts.quantiles = read_quantiles(reader);
    facts.min_tokens = facts.quantiles.front().tokens;
    facts.max_tokens = facts.quantiles.back().tokens;
    if (facts.mean_tokens < facts.min_tokens || facts.mean_tokens > facts.max_tokens)
      reader.fail("mean_tokens", "must lie between the lowest and the highest quantile");
  } else {
    facts.min_tokens = facts.max_tokens = facts.mean_tokens;
  }
  const std::string mean = "mean_tokens (" + number_text(facts.mean_tokens) + ")";
  if (facts.min_tokens > facts.mean_tokens) reader.fail("min_tokens", "must be at most " + mean);
  if (facts.max_tokens < facts.mean_tokens) reader.fail("max_tokens", "must be at least " + mean);
  reader.done();
  return facts;
}

} // namespace

Dataset dataset_from_document(const Json& document, const std::string& path) {
  Reader reader(document, path);
  RecordHead head = read_head(reader, "dataset");
  Dataset dataset;
  dataset.name = std::move(head.name);
  dataset.aliases = std::move(head.aliases);
  dataset.source = std::move(head.source);
  dataset.as_of = std::move(head.as_of);
  dataset.tokenizer = reader.text("tokenizer", 128);
  dataset.origin = reader.choice("origin", {"published", "derived", "assumed"});
  dataset.input = read_lengths(reader.object("input"));
  dataset.output = read_lengths(reader.object("output"));
  dataset.correlation = reader.number("correlation", -1, 1, 0);
  dataset.note = reader.text("note", "", 1024);
  reader.done();
  return dataset;
}

} // namespace dsk
