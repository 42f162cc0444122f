// A model known by its size only. The aspect ratio (hidden = 128 x layers) is that of Llama at 7,
// 13 and 65 B (Touvron et al. 2023, table 2); every field that it decides is listed as an
// assumption.
#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/model.hpp"

namespace dsk {
namespace {

constexpr int head_dim = 128;

std::int64_t round_to(double value, std::int64_t step) {
  return std::max<std::int64_t>(step, std::llround(value / static_cast<double>(step)) * step);
}

} // namespace

Model model_from_size(const ModelSize& size, const std::string& path) {
  const auto refuse = [&](const char* member, const std::string& sentence) {
    invalid_request(json::pointer(path, member), sentence);
  };
  if (!(size.params_b >= 0.01 && size.params_b <= 100000))
    refuse("params_b", "params_b is " + number_text(size.params_b) +
                           ", must be from 0.01 to 100000 (1e9 parameters)");
  const bool sparse = size.active_b > 0;
  if (!(size.active_b >= 0) || size.active_b > size.params_b)
    refuse("active_b", "active_b is " + number_text(size.active_b) +
                           ", must not exceed params_b (" + number_text(size.params_b) + ")");
  if (size.layers && (*size.layers < 1 || *size.layers > 1024))
    refuse("layers", "layers is " + std::to_string(*size.layers) + ", must be from 1 to 1024");
  if (size.hidden &&
      (*size.hidden < head_dim || *size.hidden > (1 << 17) || *size.hidden % head_dim != 0))
    refuse("hidden", "hidden is " + std::to_string(*size.hidden) +
                         ", must be a multiple of 128 from 128 to 131072");

  const double total = size.params_b * 1e9;
  const double shape = sparse ? size.active_b * 1e9 : total;
  // 12 x layers x hidden^2 is a gated decoder's size without its vocabulary.
  double hidden = std::cbrt(shape * 128 / 12);
  if (size.layers) hidden = std::sqrt(shape / (12.0 * *size.layers));
  if (size.hidden) hidden = *size.hidden;
  Model model;
  // Published models of a few billion parameters have a multiple of eight heads, so that they
  // split.
  const int step = size.hidden    ? head_dim
                   : shape >= 3e9 ? 8 * head_dim
                   : shape >= 5e8 ? 4 * head_dim
                                  : head_dim;
  model.hidden = static_cast<int>(round_to(hidden, step));
  const double h = model.hidden;
  int layers = model.hidden / head_dim;
  if (size.layers)
    layers = *size.layers;
  else if (size.hidden)
    layers = static_cast<int>(std::max(1.0, std::round(shape / (12.0 * h * h))));
  model.vocab = total > 20e9 || sparse ? 128000 : 32000;
  GqaAttention attention;
  attention.heads = model.hidden / head_dim;
  attention.kv_heads = attention.heads;
  const bool grouped = (total > 20e9 || sparse) && attention.heads % 8 == 0;
  if (grouped) attention.kv_heads = 8;
  attention.qk_head_dim = attention.v_head_dim = head_dim;

  const double vocabulary = 2.0 * model.vocab * h;
  const double block = 2 * h * h + 2 * h * attention.kv_heads * head_dim;
  const double left = (total - vocabulary) / layers - block;
  const double left_active = (shape - vocabulary) / layers - block;
  if (left < 3 * h * 64 || left_active < 3 * h * 64)
    refuse(size.hidden ? "hidden" : "params_b",
           "params_b of " + number_text(size.params_b) + " leaves nothing for the MLP of " +
               std::to_string(layers) + " layers of width " + std::to_string(model.hidden));
  Layer layer{attention, DenseMlp{}};
  std::string mlp;
  if (sparse) {
    MoeMlp moe;
    moe.top_k = 8;
    const double width = left_active / (3 * h * moe.top_k);
    moe.experts = static_cast<int>(round_to(left / left_active * moe.top_k, 8));
    moe.intermediate =
        static_cast<int>(round_to(std::min(width, left / (3 * h * moe.experts)), 64));
    layer.ffn = moe;
    mlp = std::to_string(moe.experts) + " experts of width " + std::to_string(moe.intermediate) +
          ", 8 a token, none shared";
  } else {
    DenseMlp dense;
    dense.intermediate = static_cast<int>(round_to(left / (3 * h), 64));
    layer.ffn = dense;
    mlp = "a gated MLP of width " + std::to_string(dense.intermediate);
  }
  model.kinds = {layer};
  model.layer_kinds.assign(static_cast<std::size_t>(layers), 0);
  model.max_positions = 131072;
  model.architecture = "by-size";
  model.name = number_text(size.params_b) + "B" +
               (sparse ? "-A" + number_text(size.active_b) + "B" : std::string());
  model.source = "made up from the parameter count";
  if (!size.hidden) model.assumptions.push_back("hidden size " + std::to_string(model.hidden));
  if (!size.layers) model.assumptions.push_back(std::to_string(layers) + " layers");
  model.assumptions.push_back(
      std::to_string(attention.heads) + " heads of 128 with " +
      (grouped ? std::string("8 key-value heads (GQA)")
               : std::to_string(attention.kv_heads) +
                     " key-value heads (multi-head attention: the largest KV cache; give the "
                     "config.json if the model has grouped heads)"));
  model.assumptions.push_back(mlp);
  model.assumptions.push_back("vocabulary of " + std::to_string(model.vocab) +
                              ", separate LM head, bf16 weights");
  return model;
}

} // namespace dsk
