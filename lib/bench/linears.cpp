#include "bench/linears.hpp"

#include <algorithm>

namespace dsk::bench {
namespace {

class Shapes {
public:
  explicit Shapes(int tp) : tp_(tp) {}

  std::uint64_t share(std::int64_t width) const {
    return static_cast<std::uint64_t>((width + tp_ - 1) / tp_);
  }
  void add(const std::string& name, std::uint64_t n, std::uint64_t k) {
    if (n == 0 || k == 0) return;
    for (const Linear& known : out_)
      if (known.n == n && known.k == k) return;
    // The same layer of another kind of block, with another shape.
    const auto named = std::count_if(out_.begin(), out_.end(), [&](const Linear& l) {
      return l.name.substr(0, l.name.find('.')) == name;
    });
    out_.push_back({named ? name + "." + std::to_string(named + 1) : name, n, k});
  }
  std::vector<Linear> take() { return std::move(out_); }

private:
  int tp_;
  std::vector<Linear> out_;
};

std::uint64_t whole(std::int64_t width) {
  return static_cast<std::uint64_t>(width);
}

void add_attention(Shapes& shapes, const GqaAttention& a, std::uint64_t hidden, int tp) {
  // With fewer KV heads than ranks each rank holds one of them.
  const int kv_heads = std::max(1, (a.kv_heads + tp - 1) / tp);
  const std::uint64_t q = shapes.share(std::int64_t{a.heads}) *
                          static_cast<std::uint64_t>(a.qk_head_dim * (a.output_gate ? 2 : 1));
  const auto kv = static_cast<std::uint64_t>(kv_heads * (a.qk_head_dim + a.v_head_dim));
  shapes.add("qkv", q + kv, hidden);
  shapes.add("o", hidden,
             shapes.share(std::int64_t{a.heads}) * static_cast<std::uint64_t>(a.v_head_dim));
}

void add_attention(Shapes& shapes, const MlaAttention& a, std::uint64_t hidden, int) {
  const std::uint64_t heads = shapes.share(std::int64_t{a.heads});
  const int qk = a.qk_nope_dim + a.qk_rope_dim;
  shapes.add("q_a_kv_a", whole(a.q_lora_rank + a.kv_lora_rank + a.qk_rope_dim), hidden);
  shapes.add("q_b", heads * whole(qk), a.q_lora_rank ? whole(a.q_lora_rank) : hidden);
  shapes.add("kv_b", heads * whole(a.qk_nope_dim + a.v_head_dim), whole(a.kv_lora_rank));
  shapes.add("o", hidden, heads * whole(a.v_head_dim));
}

template <class Other> void add_attention(Shapes&, const Other&, std::uint64_t, int) {}

void add_ffn(Shapes& shapes, const DenseMlp& mlp, std::uint64_t hidden) {
  const std::uint64_t width = shapes.share(mlp.intermediate);
  shapes.add(mlp.gated ? "gate_up" : "up", (mlp.gated ? 2 : 1) * width, hidden);
  shapes.add("down", hidden, width);
}

void add_ffn(Shapes& shapes, const MoeMlp& moe, std::uint64_t hidden) {
  const std::uint64_t shared = shapes.share(moe.shared_intermediate);
  shapes.add("shared_gate_up", 2 * shared, hidden);
  shapes.add("shared_down", hidden, shared);
  const std::uint64_t expert = shapes.share(moe.intermediate);
  shapes.add("expert_gate_up", 2 * expert, hidden);
  shapes.add("expert_down", hidden, expert);
  shapes.add("router", whole(moe.experts), hidden);
}

} // namespace

std::vector<Linear> linears_of(const Model& model, int tp) {
  Shapes shapes(tp);
  const std::uint64_t hidden = whole(model.hidden);
  for (const Layer& layer : model.kinds) {
    std::visit([&](const auto& a) { add_attention(shapes, a, hidden, tp); }, layer.attention);
    std::visit([&](const auto& f) { add_ffn(shapes, f, hidden); }, layer.ffn);
  }
  shapes.add("lm_head", shapes.share(model.vocab), hidden);
  return shapes.take();
}

} // namespace dsk::bench
