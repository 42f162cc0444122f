#include "cli/request.hpp"

#include <charconv>
#include <filesystem>

#include "cli/files.hpp"
#include "cli/origins.hpp"

namespace dsk::cli {

void ModelFlags::add(CLI::App& app) {
  app.add_option("--model", name_, "Model of the catalogue, e.g. deepseek-r1");
  app.add_option("--model-config", config_, "A Hugging Face config.json, unmodified");
  app.add_option("--hf-quant-config", quantization_, "hf_quant_config.json beside it");
  app.add_option("--params", params_, "Size alone: total parameters, e.g. 13B");
  app.add_option("--active", active_, "Size alone: parameters a token passes through, e.g. 3B");
  app.add_option("--layers", layers_, "Size alone: number of layers");
  app.add_option("--hidden", hidden_, "Size alone: hidden size");
}

Model ModelFlags::model() const {
  const int ways = !name_.empty() + !config_.empty() + !params_.empty();
  if (ways != 1) throw UsageError("give exactly one of --model, --model-config and --params");
  if (!quantization_.empty() && config_.empty())
    throw UsageError("--hf-quant-config goes with --model-config");
  if (params_.empty() && (!active_.empty() || layers_ || hidden_))
    throw UsageError("--active, --layers and --hidden go with --params");
  Model model;
  if (!name_.empty()) {
    model.name = name_;
    return model;
  }
  if (!config_.empty()) {
    // The folder names the model in the answer: .../deepseek-r1/config.json.
    const auto folder = std::filesystem::absolute(config_).parent_path().filename().string();
    came_from("/model/config", config_);
    came_from("/model/hf_quant_config", quantization_);
    return model_from_config(folder.empty() ? "model" : folder, read_file(config_),
                             quantization_.empty() ? std::string() : read_file(quantization_));
  }
  model.params_b = billions(params_, "--params");
  if (!active_.empty()) model.active_b = billions(active_, "--active");
  model.layers = layers_;
  model.hidden = hidden_;
  return model;
}

double billions(const std::string& text, const std::string& flag) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  const std::string unit(parsed.ptr, end);
  double scale = 0;
  if (unit == "B" || unit == "b")
    scale = 1;
  else if (unit == "M" || unit == "m")
    scale = 1e-3;
  else if (unit == "T" || unit == "t")
    scale = 1e3;
  else if (unit.empty())
    scale = 1e-9;
  if (parsed.ec != std::errc() || scale == 0 || !(value > 0))
    throw UsageError(flag + " is " + text +
                     ", must be a parameter count such as 13B, 500M or 1.6T");
  return value * scale;
}

JsonValue catalog_of(const std::vector<std::string>& files) {
  JsonValue documents = JsonValue::array();
  const auto place = [&] { return "/catalog/" + std::to_string(documents.items().size()); };
  for (const std::string& file : files) {
    JsonValue document = read_json(file, place());
    if (document.kind() != JsonValue::Kind::array) {
      documents.add(std::move(document));
      continue;
    }
    for (std::size_t i = 0; i < document.items().size(); ++i) {
      came_from(place(), file + ", item " + std::to_string(i));
      documents.add(document.items()[i]);
    }
  }
  return documents;
}

void put_catalog(JsonValue& request, const std::vector<std::string>& files) {
  JsonValue documents = catalog_of(files);
  if (!documents.items().empty()) request.set("catalog", std::move(documents));
}

} // namespace dsk::cli
