#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "perf/tables_rules.hpp"
#include "perf/validate.hpp"

namespace dsk::perf {
namespace {

// The lines of a CSV text without quoted line breaks, fields split on commas outside quotes.
class Csv {
public:
  explicit Csv(std::string_view text) : text_(text) {}

  bool next(std::vector<std::string_view>& fields) {
    fields.clear();
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
    if (at_ >= text_.size()) return false;
    std::size_t start = at_;
    bool quoted = false;
    for (;; ++at_) {
      const bool end = at_ >= text_.size() || text_[at_] == '\n';
      if (!end && text_[at_] == '"') quoted = !quoted;
      if (end || (text_[at_] == ',' && !quoted)) {
        std::string_view field = text_.substr(start, at_ - start);
        if (field.ends_with('\r')) field.remove_suffix(1);
        if (field.size() >= 2 && field.front() == '"' && field.back() == '"')
          field = field.substr(1, field.size() - 2);
        fields.push_back(field);
        start = at_ + 1;
      }
      if (end) break;
    }
    return true;
  }

private:
  std::string_view text_;
  std::size_t at_ = 0;
};

struct Header {
  std::map<std::string_view, std::size_t> column;

  std::size_t of(const char* name) const {
    const auto found = column.find(name);
    if (found == column.end())
      invalid_request("/csv", std::string("the file has no column ") + name +
                                  ": it is neither the silicon nor the published schema");
    return found->second;
  }
};

bool to_number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

double number_or(std::string_view text, double fallback) {
  double value = 0;
  return to_number(text, value) ? value : fallback;
}

bool precision_from(std::string_view name, Precision& out) {
  static constexpr std::pair<std::string_view, Precision> names[] = {
      {"bfloat16", Precision::bf16},       {"float16", Precision::bf16},
      {"half", Precision::bf16},           {"bf16", Precision::bf16},
      {"fp16", Precision::bf16},           {"fp8", Precision::fp8},
      {"fp8_block", Precision::fp8_block}, {"int8", Precision::int8},
      {"nvfp4", Precision::nvfp4},         {"", Precision::bf16},
      {"int4_wo", Precision::weight_only}, {"w4a16_mxfp4", Precision::weight_only}};
  for (const auto& [text, precision] : names)
    if (text == name) {
      out = precision;
      return true;
    }
  return false;
}

bool op_from(std::string_view name, KernelOp& out) {
  for (int i = 0; i < kernel_op_count; ++i)
    if (kernel_op_name(static_cast<KernelOp>(i)) == name) {
      out = static_cast<KernelOp>(i);
      return true;
    }
  return false;
}

// Columns that hold the sizes and the axes of each kernel; b is 1-based for decode (steps so far).
struct Layout {
  std::array<const char*, max_sizes> sizes;
  const char* a;
  const char* b;
  double b_shift;
};

Layout layout_of(KernelOp op) {
  switch (op) {
  case KernelOp::gemm:
    return {{"n", "k"}, "m", nullptr, 0};
  case KernelOp::context_attention:
    return {{"heads", "kv_heads", "head_dim"}, "batch", "isl", 0};
  case KernelOp::generation_attention:
    return {{"heads", "kv_heads", "head_dim"}, "batch", "step", 1};
  case KernelOp::context_mla:
    return {{"heads"}, "batch", "isl", 0};
  case KernelOp::generation_mla:
    return {{"heads"}, "batch", "step", 1};
  case KernelOp::moe:
    return {{"hidden", "inter", "topk", "experts", "moe_tp", "moe_ep"}, "tokens", nullptr, 0};
  case KernelOp::deepep_ll_dispatch:
  case KernelOp::deepep_ll_combine:
    return {{"hidden", "topk", "experts", "gpus"}, "tokens", nullptr, 0};
  case KernelOp::custom_allreduce:
  case KernelOp::nccl_all_reduce:
  case KernelOp::nccl_all_gather:
  case KernelOp::nccl_reduce_scatter:
  case KernelOp::nccl_alltoall:
    break;
  }
  return {{"gpus"}, "message_elems", nullptr, 0};
}

void flag(KernelRow& row, const Device& device) {
  TableRow as_rule;
  as_rule.op = row.spec.op;
  as_rule.family = device.family;
  as_rule.engine = row.spec.engine;
  as_rule.kernel = row.spec.kernel;
  as_rule.variant = row.spec.variant;
  as_rule.type = row.spec.type;
  as_rule.kv = row.spec.kv;
  as_rule.expert_ranks = row.spec.op == KernelOp::moe ? row.spec.size[5] : 1;
  as_rule.a = row.a;
  as_rule.b = row.b;
  const std::string_view rule = row_artefact(as_rule);
  row.status = rule.empty() ? "ok" : "flagged: " + std::string(rule);
}

void check_time(KernelRow& row, std::string_view text, double scale) {
  if (!to_number(text, row.measured_ms) || row.measured_ms <= 0)
    row.status =
        "refused: latency is " + (text.empty() ? "missing" : std::string(text.substr(0, 20)));
  else
    row.measured_ms *= scale;
}

void check_sizes(KernelRow& row, const Layout& layout) {
  for (std::size_t i = 0; i < max_sizes && layout.sizes[i]; ++i)
    if (!(row.spec.size[i] > 0))
      row.status = std::string("refused: ") + layout.sizes[i] + " is missing";
  if (!(row.a > 0)) row.status = std::string("refused: ") + layout.a + " is missing";
  if (layout.b && !(row.b > 0)) row.status = std::string("refused: ") + layout.b + " is missing";
}

void check_light_speed(KernelRow& row, const Rates& rates) {
  if (row.exchange) return; // over more links than one
  const double floor_us = row.share * speed_of_light_us(rates, row.spec, row.a, row.b);
  if (row.measured_ms * 1e3 < 0.5 * floor_us)
    row.status = "refused: below half the speed of light";
  else if (row.measured_ms * 1e3 < floor_us)
    row.status = "flagged: faster-than-memory";
}

KernelRow silicon_row(const Header& header, const std::vector<std::string_view>& fields,
                      const Device& device, const Rates& rates) {
  const auto text = [&](const char* name) { return fields[header.of(name)]; };
  KernelRow row;
  row.op = text("op");
  KernelSpec& spec = row.spec;
  if (!op_from(row.op, spec.op)) {
    row.status = "not modelled: operator " + std::string(row.op);
    return row;
  }
  if (!precision_from(text("dtype"), spec.type) || !precision_from(text("kv_dtype"), spec.kv)) {
    row.status = "not modelled: format " + std::string(text("dtype"));
    return row;
  }
  spec.engine = text("framework");
  spec.kernel = spec.op == KernelOp::gemm ? "-" : text("kernel");
  spec.variant = text("distribution");
  if (spec.op == KernelOp::custom_allreduce)
    spec.variant = spec.kernel.ends_with("eager") ? "eager" : "graph";
  const Layout layout = layout_of(spec.op);
  for (std::size_t i = 0; i < max_sizes && layout.sizes[i]; ++i)
    spec.size[i] = number_or(text(layout.sizes[i]), 0);
  row.a = number_or(text(layout.a), 0);
  row.b = layout.b ? number_or(text(layout.b), -1) + layout.b_shift : 0;
  flag(row, device);
  check_sizes(row, layout);
  check_time(row, text("latency_ms"), 1);
  if (row.predicted()) check_light_speed(row, rates);
  return row;
}

// "H800-SXM-80GB" of a publication is the device "h800-sxm" when one name begins with the other,
// whatever the case and the separators.
bool same_device(std::string_view name, const Device& device) {
  const auto plain = [](std::string_view text) {
    std::string out;
    for (const char c : text)
      if (std::isalnum(static_cast<unsigned char>(c)))
        out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
  };
  const std::string wanted = plain(name);
  const auto matches = [&](std::string_view own) {
    const std::string text = plain(own);
    // "H200-SXM" begins with "h20", but is another number.
    const auto begins = [](std::string_view whole, std::string_view start) {
      return whole.starts_with(start) &&
             (whole.size() == start.size() ||
              !std::isdigit(static_cast<unsigned char>(start.back())) ||
              !std::isdigit(static_cast<unsigned char>(whole[start.size()])));
    };
    return !text.empty() && !wanted.empty() && (begins(wanted, text) || begins(text, wanted));
  };
  if (matches(device.name)) return true;
  for (const std::string& alias : device.aliases)
    if (plain(alias) == wanted) return true;
  return false;
}

std::vector<double> tag_numbers(std::string_view tag) {
  std::vector<double> numbers;
  std::size_t start = 0;
  while (start <= tag.size()) {
    const std::size_t end = std::min(tag.find('-', start), tag.size());
    double value = 0;
    if (to_number(tag.substr(start, end - start), value)) numbers.push_back(value);
    start = end + 1;
  }
  return numbers;
}

// Number that follows a word of the notes, as "topk" in "experts 96, topk 8, ...".
double noted(std::string_view notes, std::string_view word) {
  const std::size_t at = notes.find(word);
  if (at == std::string_view::npos) return 0;
  std::string_view rest = notes.substr(at + word.size());
  rest.remove_prefix(std::min(rest.size(), rest.find_first_of("0123456789")));
  return number_or(rest.substr(0, rest.find_first_not_of("0123456789.")), 0);
}

// Grouped products: InferSim's are the up (gate and up) or the down products of one layer's
// experts, DeepGEMM's so many equal products of m rows each.
void grouped_row(KernelRow& row, double n, double k, std::string_view notes) {
  KernelSpec& spec = row.spec;
  spec.type = Precision::fp8_block;
  row.b = 0;
  if (const double groups = noted(notes, "groups="); groups > 0) {
    spec.op = KernelOp::gemm;
    spec.engine = "trtllm";
    spec.size = {n, k};
    row.share = groups;
    return;
  }
  const bool up = row.op.find("up_proj") != std::string_view::npos;
  spec.op = KernelOp::moe;
  spec.engine = "sglang";
  spec.variant = "balanced";
  // m tokens of each of the ranks: this one's experts see as many pairs as its own tokens make.
  spec.size = {k, n, noted(notes, "topk"), noted(notes, "local experts"), 1, 1};
  row.share = up ? 2.0 / 3 : 1.0 / 3;
}

// Exchanges: sends between two ranks; DeepEP's throughput mode, and its low-latency mode between
// nodes; low latency within one is a table's.
void exchange_row(KernelRow& row, double gpus, double width, double bytes, const Device& device) {
  KernelSpec& spec = row.spec;
  spec.type = Precision::bf16;
  row.b = 0;
  CollectiveOp op;
  op.ranks = static_cast<int>(gpus);
  if (row.op == "nccl_sendrecv") {
    op.kind = CollectiveOp::Kind::send;
    op.bytes_per_row = 1;
    row.a = bytes;
    spec.engine = "nccl";
    spec.op = KernelOp::nccl_alltoall;
    spec.size = {gpus};
    row.exchange = op;
    return;
  }
  const bool dispatch = row.op.ends_with("dispatch");
  spec.op = dispatch ? KernelOp::deepep_ll_dispatch : KernelOp::deepep_ll_combine;
  spec.engine = "sglang";
  spec.size = {width, 8, 256, gpus};
  if (row.op.starts_with("deepep_ll_") && gpus <= device.scale_up.domain) return;
  op.kind = dispatch ? CollectiveOp::Kind::dispatch : CollectiveOp::Kind::combine;
  op.bytes_per_row = width * (dispatch ? 1 + 4.0 / 128 : 2); // fp8 with scales; 16 bit back
  op.top_k = 8;
  op.experts = 256;
  if (gpus > device.scale_up.domain) { // DeepSeek-V3's routing: top 4 of 8 groups
    op.groups = 8;
    op.top_groups = 4;
  }
  row.exchange = op;
}

KernelRow published_row(const Header& header, const std::vector<std::string_view>& fields,
                        const Device& device, const Rates& rates) {
  const auto text = [&](const char* name) { return fields[header.of(name)]; };
  KernelRow row;
  row.op = text("op");
  KernelSpec& spec = row.spec;
  const std::string_view op = row.op;
  const double m = number_or(text("m"), 0);
  const double n = number_or(text("n"), 0);
  const std::string_view third = text("k_or_bytes");
  if (!same_device(text("gpu"), device)) {
    row.status = "not modelled: other device";
    return row;
  }
  if (!precision_from(text("dtype"), spec.type)) {
    row.status = "not modelled: format " + std::string(text("dtype"));
    return row;
  }
  const std::vector<double> tag = tag_numbers(third);
  row.a = m;
  row.b = n;
  spec.kernel = "";
  if (op.starts_with("gemm")) {
    spec.op = KernelOp::gemm;
    spec.size = {n, number_or(third, 0)};
    row.b = 0;
    if (spec.type == Precision::fp8) // DeepGEMM: 128-wide scales
      spec.type = Precision::fp8_block;
    spec.engine = spec.type == Precision::bf16 ? "vllm" : "trtllm";
  } else if ((op == "mha_decode" || op == "mha_prefill") && tag.size() == 3) {
    spec.op = op == "mha_decode" ? KernelOp::generation_attention : KernelOp::context_attention;
    spec.size = {tag[0], tag[1], tag[2]};
    spec.engine = "trtllm";
  } else if ((op == "mla_decode" || op == "mla_prefill") && tag.size() == 3) {
    spec.op = op == "mla_decode" ? KernelOp::generation_mla : KernelOp::context_mla;
    spec.size = {tag[0]};
    spec.engine = "sglang";
    if (spec.op == KernelOp::context_mla) spec.engine = "trtllm";
  } else if ((op.starts_with("nccl_") && op != "nccl_sendrecv") || op == "all_reduce_torch_nccl") {
    if (op == "all_reduce_torch_nccl")
      spec.op = KernelOp::nccl_all_reduce;
    else if (!op_from(op, spec.op)) {
      row.status = "not modelled: operator " + std::string(op);
      return row;
    }
    spec.engine = "nccl";
    spec.size = {number_or(text("gpus"), 0)};
    row.a = number_or(third, 0) / (spec.type == Precision::int8 ? 1 : 2);
    row.b = 0;
  } else if (op == "nccl_sendrecv" || op.starts_with("deepep_ll_") ||
             op.starts_with("deepep_normal_")) {
    exchange_row(row, number_or(text("gpus"), 0), n, number_or(third, 0), device);
  } else if (op.starts_with("grouped_gemm_")) {
    grouped_row(row, n, number_or(third, 0), text("notes"));
  } else if (op == "dsa_decode" && third.starts_with("attn-") && tag.size() >= 3) {
    // The entries that the indexer chose, read by a dense kernel's tiles.
    spec.op = KernelOp::generation_mla;
    spec.engine = "sglang";
    spec.size = {tag[0]};
    row.b = n > 0 ? std::min(n, tag.back()) : 0;
  } else {
    row.status = "not modelled: operator " + std::string(op.substr(0, op.find(' ')));
    return row;
  }
  spec.kv = text("notes").find("kv_dtype fp8") != std::string_view::npos ? Precision::fp8
                                                                         : Precision::bf16;
  flag(row, device);
  check_sizes(row, layout_of(spec.op));
  const std::string_view metric = text("metric");
  if (metric == "latency_us") {
    check_time(row, text("value"), 1e-3);
  } else if (metric == "tflops" && spec.op == KernelOp::gemm) {
    check_time(row, text("value"), 1);
    if (row.predicted())
      row.measured_ms =
          row.share * 2 * row.a * spec.size[0] * spec.size[1] / (row.measured_ms * 1e12) * 1e3;
  } else if (metric == "bottleneck_gb_s" && row.exchange) { // of the slowest link on the way
    check_time(row, text("value"), 1);
    const Traffic traffic =
        collective_traffic(*row.exchange, group_of(device, row.exchange->ranks), row.a);
    if (row.predicted())
      row.measured_ms = (traffic.scale_out > 0 ? traffic.scale_out : traffic.scale_up) /
                        (row.measured_ms * 1e9) * 1e3;
  } else {
    row.status = "not modelled: metric " + std::string(metric);
    return row;
  }
  if (row.predicted()) check_light_speed(row, rates);
  return row;
}

} // namespace

std::vector<KernelRow> read_kernel_rows(std::string_view csv, const Device& device) {
  Csv reader(csv);
  std::vector<std::string_view> fields;
  Header header;
  if (!reader.next(fields)) invalid_request("/csv", "the file is empty");
  for (std::size_t i = 0; i < fields.size(); ++i)
    header.column[fields[i]] = i;
  const std::size_t width = fields.size();
  const bool silicon = header.column.count("latency_ms") > 0;
  header.of(silicon ? "framework" : "source_repo");
  const Rates rates = rates_of(device);
  std::vector<KernelRow> rows;
  while (reader.next(fields)) {
    if (fields.size() != width) {
      KernelRow row;
      row.status = "refused: " + std::to_string(fields.size()) + " fields instead of " +
                   std::to_string(width);
      rows.push_back(std::move(row));
    } else {
      rows.push_back(silicon ? silicon_row(header, fields, device, rates)
                             : published_row(header, fields, device, rates));
    }
    rows.back().number = rows.size();
  }
  return rows;
}

} // namespace dsk::perf
