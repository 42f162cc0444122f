// Column and row splits against the unsharded product in double precision: every published shape
// (at 1/16 of its width, which keeps the odd ones odd), random odd widths, all weight formats, 1 to
// 8 ranks.
#include "tp/layer.hpp"

#include "tp/shard.hpp"

using namespace layer;

namespace {

struct Shape {
  const char* name;
  std::size_t n, k;
};

// Unsharded weights of the linear layers of DeepSeek-V3/R1, Llama-3.x-70B, Qwen2.5-72B, Qwen3-32B
// and Qwen3-235B-A22B, from their published config.json files.
constexpr Shape shapes[] = {
    {"deepseek-v3 q_a+kv_a", 2112, 7168},
    {"deepseek-v3 q_b", 24576, 1536},
    {"deepseek-v3 kv_b", 32768, 512},
    {"deepseek-v3 o", 7168, 16384},
    {"deepseek-v3 dense gate", 18432, 7168},
    {"deepseek-v3 dense down", 7168, 18432},
    {"deepseek-v3 expert gate", 2048, 7168},
    {"deepseek-v3 expert down", 7168, 2048},
    {"deepseek-v3 router", 256, 7168},
    {"deepseek-v3 lm_head", 129280, 7168},
    {"llama-70b qkv", 10240, 8192},
    {"llama-70b o", 8192, 8192},
    {"llama-70b gate", 28672, 8192},
    {"llama-70b down", 8192, 28672},
    {"llama-70b lm_head", 128256, 8192},
    {"qwen2.5-72b gate", 29568, 8192},
    {"qwen2.5-72b down", 8192, 29568},
    {"qwen2.5-72b lm_head", 152064, 8192},
    {"qwen3-32b qkv", 10240, 5120},
    {"qwen3-32b o", 5120, 8192},
    {"qwen3-32b gate", 25600, 5120},
    {"qwen3-32b down", 5120, 25600},
    {"qwen3-32b lm_head", 151936, 5120},
    {"qwen3-235b qkv", 9216, 4096},
    {"qwen3-235b o", 4096, 8192},
    {"qwen3-235b expert gate", 1536, 4096},
    {"qwen3-235b expert down", 4096, 1536},
    {"qwen3-235b router", 128, 4096},
};

constexpr dsk_dtype formats[] = {DSK_DTYPE_BF16,   DSK_DTYPE_F16, DSK_DTYPE_F32,
                                 DSK_DTYPE_F8E4M3, DSK_DTYPE_I8,  DSK_DTYPE_I4};

dsk_dtype activation_of(dsk_dtype weight) {
  return weight == DSK_DTYPE_F16 || weight == DSK_DTYPE_F32 ? weight : DSK_DTYPE_BF16;
}

Owned<dsk_tp_linear> make_plan(dsk_tp_comm* comm, const Weight& weight, dsk_tp_split split,
                               std::size_t m, std::uint32_t flags) {
  const dsk_tp_weight described = weight.describe();
  dsk_tp_linear_desc desc{};
  desc.struct_size = sizeof desc;
  desc.flags = flags;
  desc.split = split;
  desc.activation_dtype = weight.activation;
  desc.max_m = m;
  desc.weights = &described;
  desc.weight_count = 1;
  dsk_tp_linear* plan = nullptr;
  dsk_error* error = nullptr;
  ok(dsk_tp_linear_create(comm, &desc, &plan, &error), error);
  return Owned<dsk_tp_linear>(plan);
}

dsk_tp_plan_info info_of(const dsk_tp_linear* plan) {
  dsk_tp_plan_info info{};
  info.struct_size = sizeof info;
  dsk_error* error = nullptr;
  ok(dsk_tp_linear_get_info(plan, &info, &error), error);
  return info;
}

/// Runs one split layer on all ranks of a group and holds every output against double precision.
void check_layer(const Weight& weight, dsk_tp_split split, std::uint32_t ranks, std::size_t m,
                 std::uint32_t flags, Rng& rng) {
  World world(ranks);
  const dsk_dtype t = weight.activation;
  const Bytes x = random_tensor(rng, t, m * weight.k);
  std::vector<Owned<dsk_tp_linear>> plans;
  std::vector<dsk_tp_plan_info> infos;
  std::vector<Buffer> xs, ys, spaces;
  for (std::uint32_t r = 0; r < ranks; ++r) {
    plans.push_back(make_plan(world.raw[r], weight, split, m, flags));
    infos.push_back(info_of(plans[r].get()));
    // The rank's columns of x.
    const std::size_t columns = infos[r].input_columns,
                      from = split == DSK_TP_SPLIT_ROW ? infos[r].k_offset : 0;
    Bytes part(m * columns * size_of(t));
    for (std::size_t row = 0; row < m; ++row)
      std::memcpy(part.data() + row * columns * size_of(t),
                  x.data() + (row * weight.k + from) * size_of(t), columns * size_of(t));
    xs.emplace_back(part);
    ys.emplace_back(m * infos[r].output_columns * size_of(t));
    spaces.emplace_back(infos[r].workspace_bytes);
  }
  dsk_tp_group* group = nullptr;
  dsk_error* error = nullptr;
  ok(dsk_tp_group_begin(world.raw.data(), ranks, &group, &error), error);
  for (std::uint32_t r = 0; r < ranks; ++r) {
    const dsk_tp_args args = arguments(m, xs[r], ys[r], spaces[r]);
    ok(dsk_tp_linear_enqueue(plans[r].get(), &args, nullptr, &error), error);
  }
  ok(dsk_tp_group_end(group, &error), error);

  const bool narrow_wire =
      split == DSK_TP_SPLIT_ROW && ranks > 1 && !(flags & DSK_TP_REDUCE_F32) && t != DSK_DTYPE_F32;
  std::size_t covered = 0;
  double worst = 0;
  for (std::size_t row = 0; row < m; ++row) {
    std::vector<double> whole(weight.k);
    for (std::size_t i = 0; i < weight.k; ++i)
      whole[i] = read(x.data(), t, row * weight.k + i);
    std::vector<std::vector<double>> parts(ranks); // x as each rank's product sees it
    for (std::uint32_t r = 0; r < ranks; ++r) {
      const std::size_t from = split == DSK_TP_SPLIT_ROW ? infos[r].k_offset : 0;
      parts[r] = seen(weight.dtype,
                      {whole.begin() + static_cast<std::ptrdiff_t>(from),
                       whole.begin() + static_cast<std::ptrdiff_t>(from + infos[r].input_columns)},
                      from);
    }
    const bool gathered = flags & DSK_TP_GATHER_OUTPUT;
    const bool all_columns = split != DSK_TP_SPLIT_COLUMN || gathered; // on every rank
    struct Wanted {
      double sum = 0, allowed = 0;
    };
    const auto wanted_at = [&](std::uint32_t r, std::size_t n) {
      double expected = weight.bias_at(n), magnitude = std::fabs(expected), wire = 0;
      if (split == DSK_TP_SPLIT_ROW) {
        for (std::uint32_t s = 0; s < ranks; ++s) {
          const Exact part = dot(weight, n, parts[s], infos[s].k_offset);
          expected += part.sum;
          magnitude += part.magnitude;
          if (narrow_wire)
            wire += 0.5 * ulp(t, part.sum) +
                    ulp(t, part.sum) * 0x1p-10; // each partial sum is rounded once
        }
        if (narrow_wire)
          wire += ulp(t, expected - weight.bias_at(n)); // and so is the sum, before the bias
      } else {
        const Exact whole_sum = dot(weight, n, parts[r], 0);
        expected += whole_sum.sum;
        magnitude += whole_sum.magnitude;
      }
      return Wanted{expected,
                    ulp(t, expected) + static_cast<double>(weight.k) * 0x1p-24 * magnitude + wire};
    };
    std::vector<Wanted> wanted(infos[0].output_columns);
    for (std::uint32_t r = 0; r < ranks; ++r)
      for (std::size_t c = 0; c < infos[r].output_columns; ++c) {
        if (!all_columns)
          wanted[0] = wanted_at(r, infos[r].n_offset + c);
        else if (r == 0)
          wanted[c] = wanted_at(r, c);
        const Wanted& want = wanted[all_columns ? c : 0];
        const double got = read(ys[r].get(), t, row * infos[r].output_columns + c);
        worst = std::max(worst, std::fabs(got - want.sum) / want.allowed);
        if (row == 0 && split == DSK_TP_SPLIT_COLUMN && !gathered) ++covered;
      }
  }
  CHECK(worst <= 1.0);
  if (split == DSK_TP_SPLIT_COLUMN && !(flags & DSK_TP_GATHER_OUTPUT)) CHECK(covered == weight.n);
  for (std::uint32_t r = 0; r < ranks; ++r) {
    CHECK(ys[r].guard_intact());
    CHECK(spaces[r].guard_intact());
    // The same bits on every rank: sampling must agree.
    if (split == DSK_TP_SPLIT_ROW) CHECK(std::memcmp(ys[r].get(), ys[0].get(), ys[0].bytes()) == 0);
  }
}

} // namespace

TEST_CASE("shards of every published shape cover the weight exactly") {
  for (const Shape& shape : shapes)
    for (std::uint32_t ranks = 1; ranks <= 8; ++ranks)
      for (const dsk_dtype format : formats) {
        CAPTURE(std::string(shape.name));
        CAPTURE(ranks);
        std::uint64_t row = 0, column = 0;
        for (std::uint32_t r = 0; r < ranks; ++r) {
          const auto rows = dsk::tp::split(shape.n, ranks, r, dsk::tp::output_unit(shape.n, ranks));
          const auto columns =
              dsk::tp::split(shape.k, ranks, r, dsk::tp::input_unit(activation_of(format), format));
          REQUIRE(rows.begin == row);
          REQUIRE(columns.begin == column);
          REQUIRE(rows.size() > 0);
          REQUIRE(columns.size() > 0);
          if (shape.n % ranks == 0) REQUIRE(rows.size() == shape.n / ranks);
          row = rows.end;
          column = columns.end;
        }
        REQUIRE(row == shape.n);
        REQUIRE(column == shape.k);
      }
}

TEST_CASE("column and row splits of every published shape") {
  Rng rng(1);
  for (const Shape& shape : shapes) {
    const std::size_t n = std::min<std::size_t>(shape.n / 16, 1400), k = shape.k / 16;
    for (const dsk_dtype format : formats) {
      const Weight weight(rng, format, activation_of(format), n, k, true);
      for (const std::uint32_t ranks : {1u, 2u, 4u, 8u}) {
        CAPTURE(std::string(shape.name));
        CAPTURE(format);
        CAPTURE(ranks);
        if (k / ranks < 16) continue; // less than one unit of 16 columns for each rank
        check_layer(weight, DSK_TP_SPLIT_COLUMN, ranks, 1, ranks == 4 ? DSK_TP_GATHER_OUTPUT : 0,
                    rng);
        check_layer(weight, DSK_TP_SPLIT_ROW, ranks, 1, ranks == 4 ? DSK_TP_REDUCE_F32 : 0, rng);
      }
    }
  }
}

TEST_CASE("random odd widths, 1 to 8 ranks, several rows, both paths") {
  Rng rng(2);
  constexpr Shape odd[] = {
      {"192", 192, 192}, {"576", 576, 192}, {"2112", 264, 528}, {"3696", 231, 462}};
  for (int round = 0; round < 40; ++round) {
    const Shape& base = odd[round % 4];
    const std::size_t n = round < 4 ? base.n : 8 + rng() % 300;
    const std::size_t k = round < 4 ? base.k / 8 * 8 : 128 + rng() % 60 * 8;
    const auto ranks = static_cast<std::uint32_t>(1 + rng() % 8);
    if (n < ranks) continue;
    const dsk_dtype format = formats[rng() % 6];
    const Weight weight(rng, format, activation_of(format), n, k, rng() % 2);
    CAPTURE(n);
    CAPTURE(k);
    CAPTURE(ranks);
    CAPTURE(format);
    const std::size_t m = 1 + rng() % 5;
    const std::uint32_t path = rng() % 2 ? DSK_TP_REFERENCE : 0;
    check_layer(weight, DSK_TP_SPLIT_REPLICATED, 1, m, path, rng);
    check_layer(weight, DSK_TP_SPLIT_COLUMN, ranks, m,
                path | (rng() % 2 ? DSK_TP_GATHER_OUTPUT : 0), rng);
    check_layer(weight, DSK_TP_SPLIT_ROW, ranks, m, path | (rng() % 2 ? DSK_TP_REDUCE_F32 : 0),
                rng);
  }
}

TEST_CASE("odd k that no vector width divides, in the formats that take it") {
  Rng rng(3);
  for (const dsk_dtype format : {DSK_DTYPE_BF16, DSK_DTYPE_F32, DSK_DTYPE_F8E4M3, DSK_DTYPE_I8})
    for (const std::size_t k : {129u, 251u, 383u}) {
      const Weight weight(rng, format, activation_of(format), 37, k, true);
      check_layer(weight, DSK_TP_SPLIT_ROW, 3, 2, 0, rng);
      check_layer(weight, DSK_TP_SPLIT_COLUMN, 5, 2, DSK_TP_GATHER_OUTPUT, rng);
    }
}

TEST_CASE("heads: split, replicated, refused") {
  using dsk::tp::split_heads;
  // Llama-3.x-70B: 64 query and 8 key-value heads; Qwen3-235B: 64 and 4, so that TP 8 replicates
  // each on two ranks.
  for (std::uint32_t r = 0; r < 8; ++r) {
    const auto llama = split_heads(64, 8, 8, r);
    CHECK(llama.query.begin == 8 * r);
    CHECK(llama.key_value.begin == r);
    CHECK(llama.key_value.size() == 1);
    const auto qwen = split_heads(64, 4, 8, r);
    CHECK(qwen.query.size() == 8);
    CHECK(qwen.key_value.begin == r / 2);
    // Each rank's query heads use its own key-value head: head q belongs to group q / (64 / 4).
    CHECK(qwen.query.begin / 16 == qwen.key_value.begin);
    CHECK((qwen.query.end - 1) / 16 == qwen.key_value.begin);
  }
  CHECK_THROWS(split_heads(64, 8, 3, 0));
  CHECK_THROWS(split_heads(64, 6, 4, 0));
  CHECK_THROWS(split_heads(12, 3, 4, 0));
}
