// A model's record: its config.json (and hf_quant_config.json) with a name, a source and a date.
#include "base/error.hpp"
#include "catalog/documents.hpp"

namespace dsk {

Model model_from_document(const Json& document, const std::string& path) {
  Reader reader(document, path);
  const RecordHead head = read_head(reader, "model");
  const Json& config = reader.require("config");
  const Json* quantization = reader.find("hf_quant_config");
  Model model = model_from_config(head.name, config, quantization, reader.path_of("config"));
  // Of the aliases, the one with an owner is the repository.
  for (const std::string& alias : head.aliases)
    if (model.repository.empty() && alias.find('/') != std::string::npos) model.repository = alias;
  model.source = head.source;
  model.as_of = head.as_of;
  model.published_parameters =
      static_cast<std::int64_t>(reader.number("published_parameters_b", 0.001, 1e6, 0) * 1e9);
  model.checkpoint_bytes = reader.integer("checkpoint_bytes", 1, std::int64_t{1} << 50, 0);
  reader.text("note", "", 1024);
  reader.done();
  return model;
}

} // namespace dsk
