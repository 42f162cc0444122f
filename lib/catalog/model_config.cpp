#include <algorithm>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "catalog/families.hpp"
#include "catalog/quantization.hpp"

namespace dsk {
namespace {

using families::Draft;
using families::integer_any;

Element activation_of(Reader& reader, const char* member, Element fallback) {
  const Json* found = reader.find(member);
  if (!found) return fallback;
  const std::string name = text_of(*found, reader.path_of(member));
  if (name == "bfloat16") return Element::bf16;
  if (name == "float16") return Element::fp16;
  if (name == "float32") return Element::fp32;
  reader.fail(member, "must be bfloat16, float16 or float32");
}

// Everything that tells two layers of one shape apart in bytes: the stored format of each module.
constexpr const char* modules[] = {"self_attn.q_proj",
                                   "self_attn.k_proj",
                                   "self_attn.v_proj",
                                   "self_attn.o_proj",
                                   "self_attn.q_a_proj",
                                   "self_attn.q_b_proj",
                                   "self_attn.kv_b_proj",
                                   "self_attn.kv_a_proj_with_mqa",
                                   "self_attn.indexer.wq_b",
                                   "self_attn.indexer.wk",
                                   "linear_attn.in_proj_qkv",
                                   "linear_attn.out_proj",
                                   "mlp.gate_proj",
                                   "mlp.up_proj",
                                   "mlp.down_proj",
                                   "mlp.gate",
                                   "mlp.experts.0.gate_proj",
                                   "mlp.experts.0.up_proj",
                                   "mlp.experts.0.down_proj",
                                   "mlp.shared_experts.gate_proj",
                                   "mlp.shared_experts.up_proj",
                                   "mlp.shared_experts.down_proj"};

bool names_single_layers(const Quantization& quantization) {
  return std::any_of(quantization.rules.begin(), quantization.rules.end(), [](const auto& rule) {
    return rule.pattern.find_first_of("0123456789") != std::string::npos;
  });
}

class Kinds {
public:
  explicit Kinds(Model& model)
      : model_(model), by_layer_(names_single_layers(model.quantization)) {}

  int intern(const Layer& layer, int index) {
    std::vector<WeightFormat> formats;
    if (by_layer_) {
      const std::string prefix = "model.layers." + std::to_string(index) + ".";
      for (const char* module : modules)
        formats.push_back(model_.quantization.format_of(prefix + module, formats::bf16));
    }
    for (std::size_t k = 0; k < model_.kinds.size(); ++k)
      if (model_.kinds[k] == layer && formats_[k] == formats) return static_cast<int>(k);
    model_.kinds.push_back(layer);
    formats_.push_back(std::move(formats));
    return static_cast<int>(model_.kinds.size()) - 1;
  }

private:
  Model& model_;
  bool by_layer_;
  std::vector<std::vector<WeightFormat>> formats_;
};

std::string architecture_of(Reader& top) {
  const auto names = top.texts("architectures", 8);
  if (names.empty())
    invalid_request(top.path_of("architectures"),
                    "architectures is missing: it must name the model's class, for example "
                    "[\"DeepseekV3ForCausalLM\"]");
  return names.front();
}

// hf_quant_config stands beside the config: /model/config -> /model/hf_quant_config.
std::string sibling(const std::string& path, const char* name) {
  const auto slash = path.rfind('/');
  const bool nested = slash != std::string::npos && path.substr(slash) == "/config";
  return json::pointer(nested ? path.substr(0, slash) : path, name);
}

} // namespace

Model model_from_config(const std::string& name, const Json& config, const Json* hf_quant_config,
                        const std::string& path) {
  Reader top(config, path);
  top.ignore_rest();
  Draft draft;
  Model& model = draft.model;
  model.name = name;
  model.architecture = architecture_of(top);
  const families::Family* family = families::find(model.architecture);

  auto nested = top.optional_object("text_config");
  Reader& text = nested ? *nested : top;
  text.ignore_rest();
  // A nested document names its weight type inside or outside.
  model.activation = activation_of(top, "torch_dtype", Element::bf16);
  model.activation = activation_of(top, "dtype", model.activation);
  if (nested) {
    model.activation = activation_of(text, "torch_dtype", model.activation);
    model.activation = activation_of(text, "dtype", model.activation);
  }

  const auto unknown = [&](const std::string& why) {
    throw Error(DSK_STATUS_NOT_FOUND,
                "architecture " + preview_text(model.architecture) + " is not known" + why +
                    "; known are " + list_text(families::names()),
                top.path_of("architectures"));
  };
  if (!family && !(text.has("hidden_size") && text.has("num_hidden_layers") &&
                   text.has("vocab_size") && text.has("num_attention_heads")))
    unknown(", and its fields do not say a plain decoder");
  using families::max_width;
  model.hidden = static_cast<int>(
      integer_any(text, {"hidden_size", "n_embd", "d_model", "n_embed"}, 8, max_width));
  draft.layer_count = static_cast<int>(
      integer_any(text, {"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, 1, 4096));
  model.vocab =
      family && family->vocab > 0 && !text.has("vocab_size")
          ? family->vocab
          : static_cast<int>(integer_any(text, {"vocab_size", "padded_vocab_size"}, 2, 1 << 24));
  model.max_positions = 2048;
  for (const char* member :
       {"n_positions", "max_position_embeddings", "max_seq_len", "seq_length", "model_max_length"})
    if (text.has(member)) {
      model.max_positions = static_cast<int>(text.integer(member, 1, 1 << 30));
      break;
    }
  model.tied_embeddings = top.boolean("tie_word_embeddings", false);
  if (nested) model.tied_embeddings = text.boolean("tie_word_embeddings", model.tied_embeddings);

  const WeightFormat unquantized{model.activation};
  const Json* quantization_config = top.find("quantization_config");
  // Where V4 and its successor say that the experts have a type of their own.
  std::string expert_dtype = top.text("expert_dtype", text.text("expert_dtype", ""));
  if (quantization_config && quantization_config->is_object())
    expert_dtype = Reader(*quantization_config, top.path_of("quantization_config"))
                       .text("expert_dtype", expert_dtype);
  model.quantization =
      read_quantization(quantization_config, top.path_of("quantization_config"), hf_quant_config,
                        sibling(path, "hf_quant_config"), expert_dtype, unquantized);

  if (family)
    family->build(text, top, draft);
  else if (!families::generic(text, top, draft))
    unknown(", and it has fields of layers other than attention and MLP");
  if (static_cast<int>(draft.layers.size()) != draft.layer_count)
    throw Error(DSK_STATUS_INTERNAL, "a family built the wrong number of layers");

  Kinds kinds(model);
  for (int i = 0; i < draft.layer_count; ++i)
    model.layer_kinds.push_back(kinds.intern(draft.layers[static_cast<std::size_t>(i)], i));
  for (std::size_t i = 0; i < draft.mtp.size(); ++i)
    model.mtp_kinds.push_back(kinds.intern(draft.mtp[i], draft.layer_count + static_cast<int>(i)));
  return model;
}

} // namespace dsk
