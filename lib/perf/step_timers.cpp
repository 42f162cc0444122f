#include "perf/step_timers.hpp"

#include <algorithm>
#include <cmath>

#include "perf/moe.hpp"
#include "perf/step_overheads.hpp"
#include "perf/tables_rules.hpp"

namespace dsk::perf {

double total_us(const Row& row) {
  double total = 0;
  for (std::size_t c = compute; c <= host; ++c)
    total += row[c];
  return total;
}

std::size_t largest(const Row& row) {
  std::size_t at = compute;
  for (std::size_t c = compute; c <= host; ++c)
    if (row[c] > row[at]) at = c;
  return at;
}

double relative_error(const Row& row) {
  double squares = 0;
  for (std::size_t c = error_products; c < columns; ++c)
    squares += row[c] * row[c];
  const double total = total_us(row);
  return total > 0 ? std::sqrt(squares) / total : 0;
}

void add_kernel(Row& row, double runs, const KernelTime& time, Column error) {
  row[launch] += runs * time.launch_us;
  row[time.compute_bound ? compute : memory] += runs * (time.us - time.launch_us);
  row[error] += runs * time.us * time.error;
}

void add_collective(Row& row, double runs, const CollectiveTime& time) {
  row[scale_up] += runs * time.scale_up_us;
  row[scale_out] += runs * time.scale_out_us;
  row[error_links] += runs * time.us * time.error;
}

namespace {

// Whose kernels an engine's tables go by.
std::string_view tables_of(const Engine& engine) {
  switch (engine.kind) {
  case EngineKind::sglang:
    return "sglang";
  case EngineKind::tensorrt_llm:
    return "trtllm";
  case EngineKind::vllm:
  case EngineKind::lmdeploy:
  case EngineKind::generic:
    break;
  }
  return "vllm";
}

// fp8 with one scale a tensor or channel: the TensorRT-LLM rows hold a quantisation launch that
// served models fuse away, so vLLM's serve every engine.
std::string_view gemm_tables(const MatrixOp& op, const Engine& engine) {
  return op.precision == Precision::fp8 ? "vllm" : tables_of(engine);
}

Precision cache_precision(double entry_bytes, double width) {
  return entry_bytes < 1.5 * width ? Precision::fp8 : Precision::bf16;
}

} // namespace

ProductTimer::ProductTimer(const MatrixOp& product, const Rates& rates, const Engine& engine)
    : op(product) {
  KernelSpec spec;
  spec.op = KernelOp::gemm;
  spec.type = op.precision;
  spec.engine = gemm_tables(op, engine);
  spec.size = {op.n, op.k};
  // Products side by side (one a head) fill the device together; no table holds such.
  timer = op.copies > 1 ? KernelTimer::law_only(rates, spec, law_of(KernelOp::gemm))
                        : KernelTimer(rates, spec);
}

Work ProductTimer::work(double rows) const {
  return gemm_work(rows, op.n, op.k, op.copies, op.weight_bytes, input_element_bytes(op.precision));
}

// Engines tune their expert kernels for the models that tables are measured on. Others lose a time
// a token and layer that no split divides: 0.12 to 0.23 us on H100 and H200, 0.06 to 0.11 us on
// B200, 0.2 to 0.5 us on A100 over gpt-oss, MiniMax-M2.5 and Qwen3.5 with three engines at TP 1 to
// 8 (InferenceX, GPUStack, to 2026-08). It goes with the units, not with the memory: gpt-oss takes
// as long on H200 as on H100. So many operations at the 16-bit peak:
constexpr double untuned_token_flops = 150e6;

ExpertsTimer::ExpertsTimer(const ExpertsOp& experts, const Rates& rates, const Engine& engine)
    : op(experts) {
  KernelSpec spec;
  spec.op = KernelOp::moe;
  spec.type = op.precision;
  // Only TensorRT-LLM's tables skip the pairs of other ranks, as every engine does behind an
  // all-to-all or with an expert map.
  spec.engine = op.ep > 1 ? "trtllm" : tables_of(engine);
  spec.variant = "balanced";
  spec.size = {op.hidden,  op.intermediate * op.moe_tp,    op.top_k,
               op.experts, static_cast<double>(op.moe_tp), static_cast<double>(op.ep)};
  // FP4 experts have two on Blackwell, for few tokens and for many, and engines choose by size.
  const std::vector<std::string_view> names = kernel_names(spec);
  if (spec.type != Precision::nvfp4)
    kernels_.emplace_back(rates, spec);
  else
    for (const std::string_view name : names) {
      spec.kernel = name;
      kernels_.emplace_back(rates, spec);
    }
  flops_factor_ = old_experts_factor(engine, rates.family, input_element_bytes(op.precision) > 1);
  const double peak = std::max(rates.flops_per_us[static_cast<std::size_t>(Element::bf16)],
                               rates.flops_per_us[static_cast<std::size_t>(Element::fp16)]);
  if (!kernels_[0].exact() && peak > 0) token_us_ = untuned_token_flops / peak;
  deviations_ = maximum_deviations(op.ep, expected_maximum);
  if (op.redundant > 0)
    peak_ = balanced_peak(static_cast<int>(op.experts), op.ep, op.skew, op.redundant);
}

KernelTime ExpertsTimer::at(double tokens) const {
  Work all = work(tokens);
  all.flops *= flops_factor_;
  KernelTime fastest = kernels_[0].at(all, tokens, 0);
  for (std::size_t i = 1; i < kernels_.size(); ++i)
    if (const KernelTime other = kernels_[i].at(all, tokens, 0); other.us < fastest.us)
      fastest = other;
  fastest.us += tokens * token_us_;
  return fastest;
}

bool ExpertsTimer::measured() const {
  return kernels_[0].origin() <= Origin::interpolated;
}

Work ExpertsTimer::work(double tokens) const {
  const double local = op.experts / op.ep;
  const double hit = expected_distinct_experts(op.experts, op.top_k, tokens) / op.ep;
  const double input = input_element_bytes(op.precision);
  if (op.ep == 1)
    return experts_work(tokens * op.top_k, hit, op.hidden, op.intermediate, op.expert_bytes, input);
  const double busiest =
      rank_load({op.experts, op.top_k, op.groups, op.top_groups}, tokens, op.ep, op.skew, peak_)
          .max(deviations_);
  // Streaming: the rank with most hits sets the time; spread of a sum of `local` yes-no events.
  const double p = std::min(1.0, hit / local);
  const RankLoad hits{hit, std::sqrt(local * p * (1 - p)), hit, local};
  const double all = tokens * op.top_k;
  Work work =
      experts_work(op.dispatch == ExpertDispatch::executed ? all : busiest, hits.max(deviations_),
                   op.hidden, op.intermediate, op.expert_bytes, input);
  if (op.dispatch == ExpertDispatch::masked) // gathered and scattered for nothing
    work.bytes += (all - busiest) * op.hidden * (input + 2);
  return work;
}

AttentionTimer::AttentionTimer(const AttentionOp& attention, const Rates& rates,
                               const Engine& engine)
    : op_(attention), prefill_factor_(length_knots) {
  const AttentionShape& shape = op_.shape;
  const bool latent = shape.kind == AttentionShape::Kind::latent;
  const bool sparse = shape.index_heads > 0 || shape.compress_ratio > 0;
  KernelSpec spec;
  spec.engine = tables_of(engine);
  spec.kv = cache_precision(shape.entry_bytes, latent ? shape.qk_dim : shape.qk_dim + shape.v_dim);
  spec.size = {shape.heads};
  if (!latent) {
    spec.size = {shape.heads, shape.kv_heads, shape.qk_dim};
    decode_factor_ =
        grouped_attention_factor(engine, shape.heads / shape.kv_heads, spec.kv == Precision::bf16);
    // What is beyond the bytes is arithmetic, which faster memory beside the same units does not
    // shorten: the factors are H100's.
    constexpr double h100_bytes_per_us = 3.35e6;
    if (rates.family == "hopper" && decode_factor_ > 1)
      decode_factor_ = 1 + (decode_factor_ - 1) * rates.bytes_per_us / h100_bytes_per_us;
  }
  if (shape.kind == AttentionShape::Kind::linear) {
    // Gated delta rule: no table. Prefill's chunked products reach a sixth of the peak, decode
    // streams the state (shares assumed from the +26 us a layer of served hybrids).
    spec.op = KernelOp::context_attention;
    prefill_ = KernelTimer::law_only(rates, spec, {20, 0.2, 0.6, 2, 0.7});
    spec.op = KernelOp::generation_attention;
    decode_ = KernelTimer::law_only(rates, spec, {8, 0.3, 0.6, 2, 0.7});
  } else {
    spec.op = latent ? KernelOp::generation_mla : KernelOp::generation_attention;
    decode_ = KernelTimer(rates, spec);
    spec.op = latent ? KernelOp::context_mla : KernelOp::context_attention;
    prefill_ = KernelTimer(rates, spec);
  }
  // Indexer logits: 0.50-0.59 of the fp8 peak in prefill, 0.06-0.18 in paged decode (H800,
  // alibaba/InferSim f2293dab, 2026-05-08).
  spec.op = KernelOp::context_attention;
  spec.type = Precision::fp8;
  index_ = KernelTimer::law_only(rates, spec, {8, 0.7, 0.5, 2, 0.6});

  for (std::size_t i = 0; i < length_knots; ++i) {
    const KernelTimer::Factor f = prefill_.factor(1, knot(i));
    // Gathered entries are not the dense kernel that was measured.
    prefill_factor_[i] = {f.value, std::hypot(f.error, sparse ? 0.3 : 0.05)};
  }
  if (op_.expands) {
    expansion_ = Curve<columns>(token_knots);
    const ProductTimer product(op_.expansion, rates, engine);
    for (std::size_t i = 0; i < token_knots; ++i)
      add_kernel(expansion_[i], 1, product.at(knot(i)), error_products);
  }
}

Work AttentionTimer::decode_work(double sequences, double length, double queries) const {
  return decode_attention_work(op_.shape, sequences, length, queries) +
         decode_index_work(op_.shape, sequences, length, queries);
}

KernelTime AttentionTimer::add_decode(Row& row, double runs, double sequences, double length,
                                      double queries) const {
  const AttentionShape& shape = op_.shape;
  Work work = decode_attention_work(shape, sequences, length, queries);
  if (shape.kind == AttentionShape::Kind::latent) work = padded_decode_work(shape, work, queries);
  const double entries = std::max(1.0, shape.entries(length));
  KernelTime time = decode_.at(work, sequences, entries);
  time.us = time.launch_us + decode_factor_ * (time.us - time.launch_us);
  if (shape.index_heads > 0 || shape.compress_ratio > 0) time.error = std::hypot(time.error, 0.3);
  add_kernel(row, runs, time, error_attention);
  const Work index = decode_index_work(shape, sequences, length, queries);
  if (index.flops > 0) add_kernel(row, runs, index_.law(index), error_attention);
  return time;
}

Work AttentionTimer::prefill_work(double fresh, double context) const {
  return prefill_attention_work(op_.shape, fresh, context) +
         prefill_index_work(op_.shape, fresh, context);
}

void AttentionTimer::add_prefill(Row& row, double runs, double fresh,
                                 double context) const noexcept {
  KernelTime time = prefill_.law(prefill_attention_work(op_.shape, fresh, context));
  std::array<double, 2> factor{};
  prefill_factor_.add(fresh + context, factor);
  time.us *= factor[0];
  time.launch_us *= factor[0];
  time.error = factor[1];
  add_kernel(row, runs, time, error_attention);
  const Work index = prefill_index_work(op_.shape, fresh, context);
  if (index.flops > 0) add_kernel(row, runs, index_.law(index), error_attention);
  if (op_.expands) {
    Row expansion{};
    expansion_.add(fresh + context, expansion);
    for (std::size_t c = 0; c < columns; ++c)
      row[c] += runs * expansion[c];
  }
}

ElementwiseTimer::ElementwiseTimer(const ElementwiseOp& elementwise, const Rates& rates)
    : op(elementwise) {
  // Streams memory only; its launches are in the engine's time a layer.
  timer = KernelTimer::law_only(rates, {}, {0, 1, 0.80, 2, 0.3});
}

} // namespace dsk::perf
