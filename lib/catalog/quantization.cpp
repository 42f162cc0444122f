#include "catalog/quantization.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "catalog/expression.hpp"

namespace dsk {
namespace {

constexpr std::size_t max_rules = 65536;

bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      // The pattern may end where a component ends: it then names everything below.
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// Other classes' module names in the terms of Llama's and DeepSeek's.
std::string translated(std::string pattern) {
  for (const auto& [from, to] : {std::pair{"language_model.", ""},
                                 {"model.model.", "model."},
                                 {"transformer.h.", "model.layers."},
                                 {"block_sparse_moe", "mlp"},
                                 {"feed_forward", "mlp"},
                                 {"mlp.router", "mlp.gate"},
                                 {"shared_expert.", "shared_experts."},
                                 {".w1", ".gate_proj"},
                                 {".w2", ".down_proj"},
                                 {".w3", ".up_proj"}})
    replace_all(pattern, from, to);
  if (pattern == "router") pattern = "gate";
  return pattern;
}

WeightFormat integer_format(int bits, int group, int scale_bits, bool zero_points,
                            const std::string& path) {
  if (bits != 4 && bits != 8)
    invalid_request(path, "bits is " + std::to_string(bits) + ", must be 4 or 8");
  WeightFormat format;
  format.element = bits == 4 ? Element::int4 : Element::int8;
  format.block_out = 1;
  format.block_in = std::max(group, 0);
  format.scale_bits = scale_bits;
  format.zero_bits = zero_points ? bits : 0;
  return format;
}

class QuantizationReader {
public:
  explicit QuantizationReader(const WeightFormat& unquantized) : unquantized_(unquantized) {
    out_.default_format = unquantized;
  }

  void config(const Json& value, const std::string& path, const std::string& expert_dtype) {
    Reader q(value, path);
    q.ignore_rest();
    // modelopt exports may leave quant_method out and name the algorithm only.
    out_.method = q.has("quant_method") ? q.text("quant_method")
                                        : std::string(q.has("quant_algo") ? "modelopt" : "");
    for (const char* member : {"modules_to_not_convert", "ignored_layers", "ignore",
                               "exclude_modules", "modules_to_not_quantize"})
      exclude(q, member);
    if (out_.method == "fp8" || out_.method == "fbgemm_fp8") {
      fp8(q, expert_dtype);
    } else if (out_.method == "mxfp4") {
      out_.rules.push_back({"mlp.experts", formats::mxfp4}); // the only modules it converts
    } else if (out_.method == "awq" || out_.method == "gptq" || out_.method == "auto-round") {
      const bool gptq = out_.method != "awq";
      out_.default_format =
          integer_format(static_cast<int>(q.integer("bits", 1, 64, q.integer("w_bit", 1, 64, 4))),
                         static_cast<int>(q.integer("group_size", -1, 1 << 20,
                                                    q.integer("q_group_size", -1, 1 << 20, 128))),
                         16, gptq || q.boolean("zero_point", true), q.path_of("bits"));
    } else if (out_.method == "compressed-tensors") {
      compressed_tensors(q);
    } else if (out_.method.rfind("modelopt", 0) == 0) {
      if (q.has("config_groups"))
        compressed_tensors(q);
      else
        out_.default_format = algorithm(q.text("quant_algo"), q, q.path_of("quant_algo"));
      kv_algorithm(q, "kv_cache_quant_algo");
    } else {
      q.fail("quant_method", "must be fp8, fbgemm_fp8, mxfp4, awq, gptq, auto-round, "
                             "compressed-tensors or modelopt");
    }
  }

  void hf_quant(const Json& value, const std::string& path) {
    Reader top(value, path);
    top.ignore_rest();
    Reader q = top.object("quantization");
    q.ignore_rest();
    out_ = Quantization{};
    out_.method = "modelopt";
    out_.default_format = unquantized_;
    exclude(q, "exclude_modules");
    const std::string name = q.text("quant_algo");
    if (name == "MIXED_PRECISION") {
      Reader layers = q.object("quantized_layers");
      if (layers.value().size() > max_rules)
        q.fail("quantized_layers", "must have at most " + std::to_string(max_rules) + " members");
      for (const auto& item : layers.value().items()) {
        Reader one(item.value(), layers.path_of(item.key()));
        one.ignore_rest();
        out_.rules.push_back({translated(item.key()),
                              algorithm(one.text("quant_algo"), one, one.path_of("quant_algo"))});
      }
    } else {
      out_.default_format = algorithm(name, q, q.path_of("quant_algo"));
    }
    kv_algorithm(q, "kv_cache_quant_algo");
  }

  Quantization take() { return std::move(out_); }

private:
  void exclude(Reader& q, const char* member) {
    for (const std::string& pattern : q.texts(member, max_rules))
      out_.rules.push_back({translated(pattern), unquantized_});
  }

  void fp8(Reader& q, const std::string& expert_dtype) {
    const auto block = q.integers("weight_block_size", 1, 1 << 20, 2);
    if (block.size() == 1) q.fail("weight_block_size", "must have two entries: rows and columns");
    WeightFormat format = formats::fp8_tensor;
    if (out_.method == "fbgemm_fp8") format = formats::fp8_channel;
    if (block.size() == 2)
      format = {Element::fp8, static_cast<int>(block[0]), static_cast<int>(block[1]), 32};
    else if (q.text("activation_scheme", "dynamic") == "static")
      format.input_bits = 32;
    if (!expert_dtype.empty()) {
      // V4 stores its scales as powers of two in a byte, and experts of 4 bits in blocks of 32.
      if (q.text("scale_fmt", "") == "ue8m0") format.scale_bits = 8;
      if (expert_dtype == "fp4")
        out_.rules.push_back({"mlp.experts", formats::mxfp4});
      else if (expert_dtype != "fp8")
        invalid_request(q.path_of("expert_dtype"),
                        "expert_dtype is " + preview_text(expert_dtype) + ", must be fp4 or fp8");
    }
    out_.default_format = format;
  }

  WeightFormat scheme(Reader& group) {
    Reader w = group.object("weights");
    w.ignore_rest();
    const auto bits = w.integer("num_bits", 1, 64);
    const std::string type = w.choice("type", {"int", "float"});
    const std::string strategy =
        w.choice("strategy", {"tensor", "channel", "group", "block", "tensor_group"}, "tensor");
    WeightFormat format;
    if (type == "float" && bits == 4) {
      const auto size = w.integer("group_size", 16, 32, 16);
      return size == 32 ? formats::mxfp4 : formats::nvfp4;
    }
    if (type == "float" && bits == 8) {
      format.element = Element::fp8;
      format.scale_bits = 16; // scales take the model's type
      if (strategy == "block") {
        const auto block = w.integers("block_structure", 1, 1 << 20, 2);
        format.block_out = block.size() == 2 ? static_cast<int>(block[0]) : 128;
        format.block_in = block.size() == 2 ? static_cast<int>(block[1]) : 128;
      } else if (strategy == "channel") {
        format.block_out = 1;
      }
    } else if (type == "int") {
      format = integer_format(static_cast<int>(bits),
                              static_cast<int>(w.integer("group_size", -1, 1 << 20, 0)), 16,
                              !w.boolean("symmetric", true), w.path_of("num_bits"));
      if (strategy == "tensor") format.block_out = 0;
    } else {
      w.fail("num_bits", "must be 4 or 8");
    }
    if (const Json* input = group.find("input_activations"); input && input->is_object()) {
      Reader activations(*input, group.path_of("input_activations"));
      if (!activations.boolean("dynamic", false)) format.input_bits = format.scale_bits;
    }
    return format;
  }

  void compressed_tensors(Reader& q) {
    Reader groups = q.object("config_groups");
    for (const auto& item : groups.value().items()) {
      Reader group(item.value(), groups.path_of(item.key()));
      group.ignore_rest();
      const WeightFormat format = scheme(group);
      for (const std::string& target : group.texts("targets", max_rules)) {
        if (target == "Linear")
          out_.default_format = format;
        else
          out_.rules.push_back({translated(target), format});
      }
    }
    if (const Json* kv = q.find("kv_cache_scheme"); kv && kv->is_object()) {
      Reader cache(*kv, q.path_of("kv_cache_scheme"));
      cache.ignore_rest();
      if (cache.integer("num_bits", 1, 64, 16) == 8)
        out_.kv_cache = cache.text("type", "float") == "int" ? Element::int8 : Element::fp8;
    }
  }

  WeightFormat algorithm(const std::string& name, Reader& q, const std::string& path) {
    const int group = static_cast<int>(q.integer("group_size", 1, 1 << 20, 0));
    if (name == "FP8") {
      WeightFormat format = formats::fp8_tensor;
      format.input_bits = 32;
      return format;
    }
    if (name == "FP8_PER_CHANNEL_PER_TOKEN" || name == "FP8_PB_WO" || name == "FP8_PB_REAL")
      return name == "FP8_PER_CHANNEL_PER_TOKEN" ? formats::fp8_channel : formats::fp8_block;
    if (name == "NVFP4" || name == "NVFP4_AWQ" || name == "W4A16_NVFP4") {
      WeightFormat format = formats::nvfp4;
      if (group) format.block_in = group;
      return format;
    }
    if (name == "MXFP4") return formats::mxfp4;
    if (name == "W4A16_AWQ" || name == "W4A8_AWQ" || name == "W4A16" || name == "W4A16_GPTQ")
      return integer_format(4, group ? group : 128, 16, false, path);
    if (name == "W8A8_SQ_PER_CHANNEL" || name == "INT8_SQ") return formats::int8_channel;
    if (name == "W8A16") return formats::int8_channel;
    invalid_request(path, "quant_algo is " + preview_text(name) +
                              ", must be FP8, FP8_PER_CHANNEL_PER_TOKEN, FP8_PB_WO, NVFP4, "
                              "W4A16_NVFP4, MXFP4, W4A16_AWQ, W4A8_AWQ, W8A8_SQ_PER_CHANNEL, W8A16 "
                              "or MIXED_PRECISION");
  }

  void kv_algorithm(Reader& q, const char* member) {
    const std::string name = q.text(member, "");
    if (name == "FP8") out_.kv_cache = Element::fp8;
    if (name == "INT8") out_.kv_cache = Element::int8;
    if (name == "NVFP4") out_.kv_cache = Element::fp4;
  }

  WeightFormat unquantized_;
  Quantization out_;
};

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

} // namespace

bool module_matches(const std::string& pattern, const std::string& module) {
  if (pattern.rfind("re:", 0) == 0)
    return expression_matches(std::string_view(pattern).substr(3), module);
  const std::string below = pattern + ".*";
  for (std::size_t at = 0; at < module.size();) {
    const std::string_view rest = std::string_view(module).substr(at);
    if (glob(pattern, rest) || glob(below, rest)) return true;
    const auto dot = module.find('.', at);
    if (dot == std::string::npos) break;
    at = dot + 1;
  }
  return false;
}

WeightFormat Quantization::format_of(const std::string& module,
                                     const WeightFormat& unquantized) const {
  for (const Rule& rule : rules)
    if (module_matches(rule.pattern, module)) return rule.format;
  for (const char* kept : {"embed_tokens", "lm_head", "mlp.gate", "shared_expert_gate"})
    if (ends_with(module, kept)) return unquantized;
  return default_format;
}

Quantization read_quantization(const Json* config, const std::string& config_path,
                               const Json* hf_quant, const std::string& hf_quant_path,
                               const std::string& expert_dtype, const WeightFormat& unquantized) {
  QuantizationReader reader(unquantized);
  if (hf_quant)
    reader.hf_quant(*hf_quant, hf_quant_path);
  else if (config)
    reader.config(*config, config_path, expert_dtype);
  return reader.take();
}

} // namespace dsk
