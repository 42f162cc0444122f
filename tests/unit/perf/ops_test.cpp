// Work of operators against closed forms, and the laws that any split must keep.
#include <doctest/doctest.h>

#include <cmath>

#include "catalog/catalog.hpp"
#include "perf/moe.hpp"
#include "perf/ops.hpp"
#include "perf/weights.hpp"

using namespace dsk;
using namespace dsk::perf;
using doctest::Approx;

namespace {

Approx exactly(double value) {
  return Approx(value).epsilon(1e-12);
}

struct Fixture {
  Catalog catalog;
  Model model;
  Device device;
  Engine engine;

  Graph graph(const char* name, Parallel parallel, int mtp = 0, const char* gpu = "h200-sxm",
              const char* served_by = "sglang") {
    model = catalog.model(name, "/model");
    device = catalog.device(gpu, "/device");
    engine = catalog.engine(served_by, "", "/engine");
    Deployment d;
    d.model = &model;
    d.device = &device;
    d.engine = &engine;
    d.parallel = parallel;
    d.mtp_tokens = mtp;
    return graph_of(d);
  }
};

// Operations of one token that passes through every product, experts included.
double token_flops(const Graph& graph) {
  double flops = 0;
  for (const MatrixOp& op : graph.products)
    if (op.rows == Rows::tokens || op.rows == Rows::sampled || op.rows == Rows::decode_tokens)
      flops += op.count * gemm_work(1, op.n, op.k, op.copies, 0, 2).flops;
  for (const ExpertsOp& op : graph.experts)
    flops += op.count * experts_work(op.top_k, 0, op.hidden, op.intermediate, 0, 2).flops;
  return flops;
}

} // namespace

TEST_CASE("a product is 2mnk operations; weights, inputs and outputs move once") {
  const Work w = gemm_work(64, 2048, 7168, 3, 2048.0 * 7168, 1);
  CHECK(w.flops == exactly(2.0 * 64 * 2048 * 7168 * 3));
  CHECK(w.bytes == exactly(3 * (2048.0 * 7168 + 64 * 7168 + 64 * 2048 * 2)));
}

TEST_CASE("causal pairs equal their sum over tokens") {
  for (const int fresh : {1, 7, 100})
    for (const int context : {0, 5, 300})
      for (const int window : {0, 1, 16, 200, 1000}) {
        double sum = 0;
        for (int i = 1; i <= fresh; ++i)
          sum += window > 0 ? std::min(context + i, window) : context + i;
        CHECK(causal_pairs(fresh, context, window) == exactly(sum));
      }
}

TEST_CASE("chunks of a prompt add up to the prompt") {
  MlaAttention mla{128, 1536, 512, 128, 64, 128, {}};
  const AttentionShape shape = attention_shape(mla, 8, Element::bf16);
  double flops = 0;
  for (int chunk = 0; chunk < 8; ++chunk)
    flops += prefill_attention_work(shape, 512, 512 * chunk).flops;
  CHECK(flops == exactly(prefill_attention_work(shape, 4096, 0).flops));
  // 16 heads of 192 + 128, pairs 4096 * 4097 / 2.
  CHECK(flops == exactly(2.0 * 16 * 320 * 4096 * 4097 / 2));
}

TEST_CASE("absorbed MLA decode reads one latent a token and does 1088 multiplications a head") {
  MlaAttention mla{128, 1536, 512, 128, 64, 128, {}};
  for (const int tp : {1, 8}) {
    const AttentionShape shape = attention_shape(mla, tp, Element::bf16);
    const Work w = decode_attention_work(shape, 64, 4096);
    CHECK(w.flops == exactly(2.0 * 64 * (128 / tp) * 1088 * 4096));
    CHECK(w.bytes ==
          exactly(64.0 * (4096 * 576 * 2 + (128 / tp) * 1088 * 2))); // latents replicated
  }
  // Absorbed over expanded work a pair: 1088 / 320.
  const AttentionShape shape = attention_shape(mla, 1, Element::bf16);
  CHECK(decode_attention_work(shape, 1, 1000).flops /
            (prefill_attention_work(shape, 1, 999).flops) ==
        exactly(3.4));
}

TEST_CASE("grouped heads: KV heads never split finer than one") {
  GqaAttention gqa;
  gqa.heads = 64;
  gqa.kv_heads = 8;
  gqa.qk_head_dim = gqa.v_head_dim = 128;
  const auto bytes = [&](int tp) {
    return decode_attention_work(attention_shape(gqa, tp, Element::bf16), 1, 8192).bytes -
           64.0 / tp * 256 * 2;
  };
  CHECK(bytes(1) == exactly(8192.0 * 8 * 256 * 2));
  CHECK(bytes(8) == exactly(8192.0 * 256 * 2));
  CHECK(bytes(16) == exactly(bytes(8)));
  gqa.window = 128;
  CHECK(bytes(8) == exactly(128.0 * 256 * 2));
}

TEST_CASE("sparse attention reads top_k entries, and the indexer all keys beyond them") {
  MlaAttention mla{128, 1536, 512, 128, 64, 128, Indexer{64, 128, 2048}};
  const AttentionShape shape = attention_shape(mla, 1, Element::fp8);
  CHECK(shape.entry_bytes == exactly(656)); // 512 fp8, four fp32 scales, 64 bf16 rotary values
  CHECK(shape.entries(100) == exactly(100));
  CHECK(shape.entries(32768) == exactly(2048));
  CHECK(decode_index_work(shape, 1, 2048).flops == 0);
  CHECK(decode_index_work(shape, 1, 32768).flops == exactly(2.0 * 64 * 128 * 32768));
  CHECK(decode_index_work(shape, 1, 32768).bytes == exactly(132.0 * 32768));
}

TEST_CASE("compressed attention: a window and one entry for each ratio tokens") {
  CompressedAttention a;
  a.heads = 64;
  a.head_dim = 512;
  a.rope_dim = 64;
  a.window = 128;
  a.compress_ratio = 128;
  const AttentionShape shape = attention_shape(a, 1, Element::fp8);
  CHECK(shape.entry_bytes == exactly(584)); // 448 fp8, 64 bf16, 7 scales, 1 of padding
  CHECK(shape.entries(100) == exactly(100));
  CHECK(shape.entries(131072) == exactly(128 + 1024));
}

TEST_CASE("distinct experts: one token hits top_k, many hit all") {
  CHECK(expected_distinct_experts(256, 8, 1) == exactly(8));
  CHECK(expected_distinct_experts(256, 8, 2) == exactly(256 * (1 - std::pow(1 - 8.0 / 256, 2))));
  CHECK(expected_distinct_experts(256, 8, 1e6) == exactly(256));
  double before = 0;
  for (double t = 1; t < 4096; t *= 2) {
    const double now = expected_distinct_experts(256, 8, t);
    CHECK(now > before);
    CHECK(now <= std::min(256.0, 8 * t));
    before = now;
  }
}

TEST_CASE("the busiest rank has at least the mean load and at most every token") {
  for (const double tokens : {1.0, 64.0, 4096.0})
    for (const double ranks : {1.0, 8.0, 64.0})
      for (const double skew : {0.0, 0.5, 2.0}) {
        const RankLoad load = rank_load({256, 8}, tokens, ranks, skew);
        CHECK(load.mean == exactly(tokens * 8 / ranks));
        double before = load.mean;
        for (const double quantile : {0.01, 0.5, 0.9, 0.999}) {
          const double now = load.max(maximum_deviations(ranks, quantile));
          CHECK(now >= before);
          CHECK(now <= tokens * std::min(8.0, 256 / ranks) * (1 + 1e-12));
          before = now;
        }
        CHECK(rank_load({256, 8}, tokens, ranks, skew + 0.5).max(1) >= load.max(1));
      }
  // Uniform routing, many tokens: the maximum of 8 normals is 1.42 deviations above the mean
  // (order statistics of the normal law).
  const double deviations = maximum_deviations(8, expected_maximum);
  CHECK(deviations == Approx(1.4236).epsilon(0.04));
  CHECK(rank_load({256, 8}, 8192, 8, 0).max(deviations) ==
        Approx(8192 + deviations * std::sqrt(8192 * 7.0 / 8)));
}

TEST_CASE("EPLB copies lower the peak") {
  CHECK(balanced_peak(256, 8, 0, 0) == Approx(1));
  double before = balanced_peak(256, 64, 1.0, 0);
  CHECK(before > 1);
  for (const int redundant : {32, 64, 128}) {
    const double now = balanced_peak(256, 64, 1.0, redundant);
    CHECK(now <= before);
    CHECK(now >= 1);
    before = now;
  }
  const double deviations = maximum_deviations(64, expected_maximum);
  CHECK(rank_load({256, 8}, 4096, 64, 1.0, balanced_peak(256, 64, 1.0, 64)).max(deviations) <
        rank_load({256, 8}, 4096, 64, 1.0).max(deviations));
}

TEST_CASE_FIXTURE(Fixture, "operations of one token are two for each active parameter") {
  // Products of the graph against the parameters that weights_of lists: an independent count. MLA's
  // kv_b_proj is used absorbed (the same multiplications); the embedding is no product.
  for (const char* name : {"deepseek-v3", "llama-3.1-70b", "qwen3-32b", "mixtral-8x7b"}) {
    CAPTURE(name);
    const Graph g = graph(name, {});
    double parameters = 0;
    const ModelWeights weights = weights_of(model);
    for (std::size_t k = 0; k < model.kinds.size(); ++k) {
      const double layers = static_cast<double>(
          std::count(model.layer_kinds.begin(), model.layer_kinds.end(), static_cast<int>(k)));
      const auto* moe = std::get_if<MoeMlp>(&model.kinds[k].ffn);
      for (const Matrix& m : weights.kinds[k])
        if (m.product)
          parameters += layers * static_cast<double>(m.out * m.in) *
                        (m.shard == Shard::expert ? moe->top_k : static_cast<double>(m.copies));
    }
    for (const Matrix& m : weights.head)
      if (m.product) parameters += static_cast<double>(m.parameters());
    CHECK(token_flops(g) == exactly(2 * parameters));
  }
}

TEST_CASE_FIXTURE(Fixture, "DeepSeek-V3 has three dense layers and 58 with experts") {
  const Graph g = graph("deepseek-v3", {});
  CHECK(g.layers.dense == 3);
  CHECK(g.layers.moe == 58);
  REQUIRE(g.experts.size() == 1);
  CHECK(g.experts[0].count == 58);
  REQUIRE(g.attention.size() == 1);
  CHECK(g.attention[0].count == 61);
}

TEST_CASE_FIXTURE(Fixture, "splitting conserves the sharded weights") {
  for (const char* name : {"deepseek-v3", "llama-3.1-70b", "deepseek-v4-pro"}) {
    CAPTURE(name);
    const auto bytes = [&](Parallel p) {
      const Graph g = graph(name, p, 0, "b200-sxm");
      double split = 0, whole = 0, routed = 0;
      for (const MatrixOp& op : g.products)
        ((op.name.find("o_proj") != std::string::npos ||
          op.name.find("down_proj") != std::string::npos)
             ? split
             : whole) += op.count * op.copies * op.weight_bytes;
      for (const ExpertsOp& op : g.experts)
        routed += op.count * op.expert_bytes * op.experts / op.ep;
      return std::array<double, 3>{split, whole, routed};
    };
    const auto one = bytes({1, 1, 1, 1});
    const auto eight = bytes({8, 1, 1, 1});
    const bool experts = one[2] > 0;
    const auto wide = bytes({1, 1, 8, experts ? 8 : 1});
    CHECK(eight[0] * 8 == exactly(one[0]));
    CHECK(eight[1] < one[1]);
    CHECK(eight[2] * 8 == exactly(one[2]));
    if (experts) CHECK(wide[2] * 8 == exactly(one[2]));
    CHECK(wide[1] == exactly(one[1])); // attention data-parallel: every rank holds all of it
  }
}

TEST_CASE_FIXTURE(Fixture, "drafts run the MTP layer once each") {
  const Graph none = graph("deepseek-v3", {});
  const Graph three = graph("deepseek-v3", {}, 3);
  CHECK(none.layers.drafted_moe == 0);
  CHECK(three.layers.drafted_moe == 3);
  CHECK(three.attention[0].draft_count == 3);
  CHECK_THROWS_WITH(graph("llama-3.1-70b", {}, 1),
                    doctest::Contains("has no multi-token-prediction layer"));
}

TEST_CASE("group-limited routing gathers a token's pairs on fewer ranks, and keeps their mean") {
  const Routing anywhere{256, 8, 8, 8};
  const Routing limited{256, 8, 8, 4};
  for (const double ranks : {2.0, 4.0, 8.0, 32.0}) {
    CAPTURE(ranks);
    const PairsOnRank wide = pairs_on_rank(anywhere, ranks);
    const PairsOnRank narrow = pairs_on_rank(limited, ranks);
    CHECK(wide.mean == exactly(8 / ranks));
    CHECK(narrow.mean == exactly(8 / ranks));
    CHECK(wide.variance == exactly(8 / ranks * (1 - 1 / ranks)));
    CHECK(wide.any == exactly(1 - std::pow(1 - 1 / ranks, 8)));
    CHECK(narrow.variance > wide.variance);
    CHECK(narrow.any < wide.any);
  }
  // One group a rank: half of the ranks at most, two pairs on each in the mean.
  const PairsOnRank group = pairs_on_rank(limited, 8);
  CHECK(group.any == exactly(0.5 * (1 - std::pow(0.75, 8))));
  CHECK(group.variance == exactly(0.5 * (2 * 0.75 + 4) - 1));
}

TEST_CASE_FIXTURE(Fixture, "all-reduces: two a layer under TP, an exchange under attention DP") {
  const auto count = [](const Graph& g, CollectiveOp::Kind kind) {
    double n = 0;
    for (const CollectiveOp& op : g.collectives)
      if (op.kind == kind) n += op.count;
    return n;
  };
  using Kind = CollectiveOp::Kind;
  CHECK(count(graph("llama-3.1-70b", {8, 1, 1, 1}), Kind::all_reduce) == 160);
  CHECK(count(graph("llama-3.1-70b", {1, 1, 1, 1}), Kind::all_reduce) == 0);
  const Graph wide = graph("deepseek-v3", {1, 1, 8, 8});
  CHECK(count(wide, Kind::all_reduce) == 0);
  CHECK(count(wide, Kind::dispatch) == 58);
  CHECK(count(wide, Kind::combine) == 58);
  CHECK(count(graph("llama-3.1-70b", {4, 2, 1, 1}), Kind::send) == 1);
}

TEST_CASE_FIXTURE(Fixture, "a device without the format is refused by name") {
  CHECK_THROWS_WITH(graph("deepseek-v3", {}, 0, "a100-sxm-80gb"),
                    doctest::Contains("does not compute in fp8"));
  // vLLM unpacks fp8 weights and computes in 16 bit.
  for (const MatrixOp& op : graph("deepseek-v3", {}, 0, "a100-sxm-80gb", "vllm").products)
    CHECK((op.precision == Precision::weight_only || op.precision == Precision::bf16));
  // SGLang does where the scales are of channels, not of blocks.
  for (const MatrixOp& op :
       graph("llama-3.1-405b-fp8", {8, 1, 1, 1}, 0, "a100-sxm-80gb", "sglang").products)
    CHECK((op.precision == Precision::weight_only || op.precision == Precision::bf16));
}
