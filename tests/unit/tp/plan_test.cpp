// MLP, fused QKV, epilogues, groups, threads, chains, and bad input, through the C ABI on the CPU.
#include "tp/layer.hpp"

#include <thread>

using namespace layer;

namespace {

dsk_tp_plan_info info_of(const dsk_tp_mlp* plan) {
  dsk_tp_plan_info info{};
  info.struct_size = sizeof info;
  dsk_error* error = nullptr;
  ok(dsk_tp_mlp_get_info(plan, &info, &error), error);
  return info;
}
dsk_tp_plan_info info_of(const dsk_tp_linear* plan) {
  dsk_tp_plan_info info{};
  info.struct_size = sizeof info;
  dsk_error* error = nullptr;
  ok(dsk_tp_linear_get_info(plan, &info, &error), error);
  return info;
}

dsk_tp_linear_desc linear_desc(const dsk_tp_weight* weight, dsk_tp_split split,
                               dsk_dtype activation, std::size_t m, std::uint32_t flags = 0) {
  dsk_tp_linear_desc desc{};
  desc.struct_size = sizeof desc;
  desc.flags = flags;
  desc.split = split;
  desc.activation_dtype = activation;
  desc.max_m = m;
  desc.weights = weight;
  desc.weight_count = 1;
  return desc;
}

Owned<dsk_tp_linear> make(dsk_tp_comm* comm, const dsk_tp_linear_desc& desc) {
  dsk_tp_linear* plan = nullptr;
  dsk_error* error = nullptr;
  ok(dsk_tp_linear_create(comm, &desc, &plan, &error), error);
  return Owned<dsk_tp_linear>(plan);
}

double activate(dsk_tp_activation which, double x) {
  if (which == DSK_TP_ACTIVATION_SILU) return x / (1 + std::exp(-x));
  if (which == DSK_TP_ACTIVATION_GELU) return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
  return 0.5 * x *
         (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * std::pow(x, 3))));
}

/// Runs `body` on one thread for each rank.
template <class Body> void on_threads(std::uint32_t ranks, Body body) {
  std::vector<std::thread> threads;
  for (std::uint32_t r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] { body(r); });
  for (std::thread& thread : threads)
    thread.join();
}

/// A row-parallel BF16 layer on several ranks with everything an enqueue needs.
struct Row {
  World world;
  Weight weight;
  std::size_t m;
  std::vector<Owned<dsk_tp_linear>> plans;
  std::vector<Buffer> xs, ys, spaces;

  Row(std::uint32_t ranks, std::size_t m_, Rng& rng, std::uint64_t timeout_ms = 20000,
      std::uint64_t max_bytes = 0, std::size_t n = 96)
      : world(ranks, timeout_ms, max_bytes),
        weight(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, n, 16 * ranks, false), m(m_) {
    const dsk_tp_weight described = weight.describe();
    for (std::uint32_t r = 0; r < ranks; ++r) {
      plans.push_back(
          make(world.raw[r], linear_desc(&described, DSK_TP_SPLIT_ROW, DSK_DTYPE_BF16, m)));
      xs.emplace_back(random_tensor(rng, DSK_DTYPE_BF16, m * 16));
      ys.emplace_back(m * n * 2);
      spaces.emplace_back(info_of(plans[r].get()).workspace_bytes);
    }
  }
  dsk_tp_args args(std::uint32_t r) { return arguments(m, xs[r], ys[r], spaces[r]); }
  dsk_status enqueue(std::uint32_t r, dsk_error** error) {
    const dsk_tp_args a = args(r);
    return dsk_tp_linear_enqueue(plans[r].get(), &a, nullptr, error);
  }
};

} // namespace

TEST_CASE("gated MLP of 1 to 8 ranks against double precision, all formats and activations") {
  Rng rng(11);
  constexpr std::size_t hidden = 96, m = 3;
  // 462 = 29568 / 64: blocks of 128 straddle the ranks.
  for (const dsk_dtype format :
       {DSK_DTYPE_BF16, DSK_DTYPE_F16, DSK_DTYPE_F32, DSK_DTYPE_F8E4M3, DSK_DTYPE_I8, DSK_DTYPE_I4})
    for (const std::uint32_t ranks : {1u, 2u, 3u, 8u}) {
      const std::size_t inner = format == DSK_DTYPE_I4 ? 464 : 462;
      const dsk_dtype t =
          format == DSK_DTYPE_F16 || format == DSK_DTYPE_F32 ? format : DSK_DTYPE_BF16;
      const auto activation =
          static_cast<dsk_tp_activation>((ranks + static_cast<unsigned>(format)) % 3);
      CAPTURE(format);
      CAPTURE(ranks);
      CAPTURE(activation);
      const Weight gate(rng, format, t, inner, hidden, true),
          up(rng, format, t, inner, hidden, false), down(rng, format, t, hidden, inner, true);
      const dsk_tp_weight g = gate.describe(), u = up.describe(), d = down.describe();
      World world(ranks);
      const Bytes x = random_tensor(rng, t, m * hidden);
      const Buffer xs(x);
      std::vector<Owned<dsk_tp_mlp>> plans;
      std::vector<Buffer> ys, spaces;
      std::vector<dsk_tp_plan_info> infos;
      dsk_error* error = nullptr;
      for (std::uint32_t r = 0; r < ranks; ++r) {
        dsk_tp_mlp_desc desc{};
        desc.struct_size = sizeof desc;
        desc.flags = DSK_TP_REDUCE_F32;
        desc.activation = activation;
        desc.activation_dtype = t;
        desc.max_m = m;
        desc.gate = &g;
        desc.up = &u;
        desc.down = &d;
        dsk_tp_mlp* plan = nullptr;
        ok(dsk_tp_mlp_create(world.raw[r], &desc, &plan, &error), error);
        plans.emplace_back(plan);
        infos.push_back(info_of(plan));
        ys.emplace_back(m * hidden * size_of(t));
        spaces.emplace_back(infos[r].workspace_bytes);
      }
      on_threads(ranks, [&](std::uint32_t r) {
        const dsk_tp_args args = arguments(m, xs, ys[r], spaces[r]);
        dsk_error* mine = nullptr;
        const dsk_status status = dsk_tp_mlp_enqueue(plans[r].get(), &args, nullptr, &mine);
        CHECK(status == DSK_STATUS_OK);
        dsk_error_destroy(mine);
      });
      double worst = 0;
      for (std::size_t row = 0; row < m; ++row) {
        std::vector<double> whole(hidden);
        for (std::size_t i = 0; i < hidden; ++i)
          whole[i] = read(x.data(), t, row * hidden + i);
        const std::vector<double> sees = seen(format, whole, 0);
        // h and how far it may be off: its own rounding, and one step of gate and up each.
        std::vector<double> h(inner), slack(inner);
        for (std::size_t i = 0; i < inner; ++i) {
          const Exact a = dot(gate, i, sees, 0), b = dot(up, i, sees, 0);
          const double gv = a.sum + gate.bias_at(i), uv = b.sum;
          const double g_off = ulp(t, gv) + hidden * 0x1p-24 * (a.magnitude + 1),
                       u_off = ulp(t, uv) + hidden * 0x1p-24 * b.magnitude;
          h[i] = activate(activation, gv) * uv;
          slack[i] = ulp(t, h[i]) + 1.2 * g_off * (std::fabs(uv) + u_off) +
                     (std::fabs(activate(activation, gv)) + 1.2 * g_off) * u_off;
          h[i] = rounded(t, h[i]);
        }
        std::vector<std::vector<double>> parts;
        for (std::uint32_t r = 0; r < ranks; ++r) {
          const auto from = static_cast<std::ptrdiff_t>(infos[r].k_offset);
          parts.push_back(
              seen(format,
                   {h.begin() + from, h.begin() + from + static_cast<std::ptrdiff_t>(infos[r].k)},
                   infos[r].k_offset));
        }
        for (std::size_t n = 0; n < hidden; ++n) {
          double expected = down.bias_at(n), magnitude = std::fabs(expected), off = 0;
          for (std::uint32_t r = 0; r < ranks; ++r) {
            const Exact part = dot(down, n, parts[r], infos[r].k_offset);
            expected += part.sum;
            magnitude += part.magnitude;
            double largest = 0;
            for (const double v : parts[r])
              largest = std::max(largest, std::fabs(v));
            // A changed h may fall on the next code of its block or row.
            const double code = format == DSK_DTYPE_F8E4M3 ? largest / 14
                                : format == DSK_DTYPE_I8   ? largest / 127
                                                           : 0;
            for (std::size_t i = 0; i < infos[r].k; ++i)
              off += (slack[infos[r].k_offset + i] +
                      (slack[infos[r].k_offset + i] > 0
                           ? std::min(code, std::fabs(parts[r][i]) / 8 + largest / 127)
                           : 0)) *
                     std::fabs(down.value[n * inner + infos[r].k_offset + i]);
          }
          const double allowed =
              ulp(t, expected) + static_cast<double>(inner) * 0x1p-24 * magnitude + off;
          for (std::uint32_t r = 0; r < ranks; ++r)
            worst = std::max(worst, std::fabs(read(ys[r].get(), t, row * hidden + n) - expected) /
                                        allowed);
        }
      }
      CHECK(worst <= 1.0);
      for (std::uint32_t r = 0; r < ranks; ++r)
        CHECK(std::memcmp(ys[r].get(), ys[0].get(), ys[0].bytes()) == 0);
    }
}

TEST_CASE("fused QKV: one weight or three give the same shards, key-value heads replicated where "
          "there are few") {
  Rng rng(12);
  constexpr std::size_t m = 2, k = 256;
  constexpr std::uint32_t q_heads = 8, kv_heads = 2, dim = 96; // 96: scale blocks straddle heads
  for (const dsk_dtype format : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3, DSK_DTYPE_I8, DSK_DTYPE_I4}) {
    const Weight q(rng, format, DSK_DTYPE_BF16, q_heads * dim, k, true),
        kk(rng, format, DSK_DTYPE_BF16, kv_heads * dim, k, true),
        v(rng, format, DSK_DTYPE_BF16, kv_heads * dim, k, true);
    const dsk_tp_weight three[] = {q.describe(), kk.describe(), v.describe()};
    const Bytes x = random_tensor(rng, DSK_DTYPE_BF16, m * k);
    const Buffer xs(x);
    for (const std::uint32_t ranks : {1u, 2u, 4u, 8u}) {
      CAPTURE(format);
      CAPTURE(ranks);
      World world(ranks);
      const std::uint32_t q_local = q_heads / ranks, kv_local = std::max(1u, kv_heads / ranks);
      for (std::uint32_t r = 0; r < ranks; ++r) {
        dsk_tp_linear_desc desc =
            linear_desc(three, DSK_TP_SPLIT_COLUMN, DSK_DTYPE_BF16, m, DSK_TP_REFERENCE);
        desc.weight_count = 3;
        desc.q_heads = q_heads;
        desc.kv_heads = kv_heads;
        desc.head_dim = dim;
        const auto plan = make(world.raw[r], desc);
        const dsk_tp_plan_info info = info_of(plan.get());
        REQUIRE(info.output_columns == (q_local + 2 * kv_local) * dim);
        Buffer y(m * info.output_columns * 2), space(info.workspace_bytes);
        const dsk_tp_args args = arguments(m, xs, y, space);
        dsk_error* error = nullptr;
        ok(dsk_tp_linear_enqueue(plan.get(), &args, nullptr, &error), error);
        const std::uint32_t kv_first = kv_heads >= ranks ? r * kv_local : r / (ranks / kv_heads);
        std::size_t wrong = 0;
        for (std::size_t row = 0; row < m; ++row) {
          std::vector<double> whole(k);
          for (std::size_t i = 0; i < k; ++i)
            whole[i] = read(x.data(), DSK_DTYPE_BF16, row * k + i);
          const std::vector<double> sees = seen(format, whole, 0);
          for (std::size_t c = 0; c < info.output_columns; ++c) {
            const std::size_t head = c / dim, in_head = c % dim;
            const Weight& part = head < q_local ? q : head < q_local + kv_local ? kk : v;
            const std::size_t n = head < q_local
                                      ? (r * q_local + head) * dim + in_head
                                      : (kv_first + (head - q_local) % kv_local) * dim + in_head;
            const Exact exact = dot(part, n, sees, 0);
            const double expected = exact.sum + part.bias_at(n);
            const double got = read(y.get(), DSK_DTYPE_BF16, row * info.output_columns + c);
            wrong += !(std::fabs(got - expected) <=
                       ulp(DSK_DTYPE_BF16, expected) + k * 0x1p-24 * exact.magnitude);
          }
        }
        CHECK(wrong == 0);
      }
    }
  }
  // The same weight given whole.
  const Weight fused(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, (q_heads + 2 * kv_heads) * dim, k, false);
  dsk_tp_weight part[3];
  const dsk_tp_weight whole = fused.describe();
  std::size_t from = 0;
  for (int i = 0; i < 3; ++i) {
    part[i] = whole;
    part[i].n = (i == 0 ? q_heads : kv_heads) * dim;
    part[i].data = fused.data.data() + from * k * 2;
    part[i].data_bytes = part[i].n * k * 2;
    from += part[i].n;
  }
  World world(4);
  const Buffer xs(random_tensor(rng, DSK_DTYPE_BF16, m * k));
  for (std::uint32_t r = 0; r < 4; ++r) {
    std::vector<Buffer> ys;
    for (const bool one : {true, false}) {
      dsk_tp_linear_desc desc =
          linear_desc(one ? &whole : part, DSK_TP_SPLIT_COLUMN, DSK_DTYPE_BF16, m);
      desc.weight_count = one ? 1 : 3;
      desc.q_heads = q_heads;
      desc.kv_heads = kv_heads;
      desc.head_dim = dim;
      const auto plan = make(world.raw[r], desc);
      ys.emplace_back(m * info_of(plan.get()).output_columns * 2);
      Buffer space(info_of(plan.get()).workspace_bytes);
      const dsk_tp_args args = arguments(m, xs, ys.back(), space);
      dsk_error* error = nullptr;
      ok(dsk_tp_linear_enqueue(plan.get(), &args, nullptr, &error), error);
    }
    CHECK(std::memcmp(ys[0].get(), ys[1].get(), ys[0].bytes()) == 0);
  }
}

TEST_CASE("residual and RMSNorm follow the all-reduce") {
  Rng rng(13);
  constexpr std::size_t n = 160, k = 256, m = 4;
  for (const std::uint32_t ranks : {1u, 4u})
    for (const dsk_dtype t : {DSK_DTYPE_BF16, DSK_DTYPE_F16, DSK_DTYPE_F32}) {
      CAPTURE(ranks);
      CAPTURE(t);
      const Weight weight(rng, t, t, n, k, true);
      const dsk_tp_weight described = weight.describe();
      const Bytes gamma = random_tensor(rng, t, n), x = random_tensor(rng, t, m * k),
                  residual = random_tensor(rng, t, m * n);
      World world(ranks);
      const Buffer residuals(residual);
      std::vector<Owned<dsk_tp_linear>> plans;
      std::vector<Buffer> xs, ys, outs, spaces;
      for (std::uint32_t r = 0; r < ranks; ++r) {
        dsk_tp_linear_desc desc =
            linear_desc(&described, DSK_TP_SPLIT_ROW, t, m, DSK_TP_REDUCE_F32 | DSK_TP_RESIDUAL);
        desc.gamma = gamma.data();
        desc.norm_eps = 1e-5f;
        plans.push_back(make(world.raw[r], desc));
        const std::size_t columns = k / ranks;
        Bytes part(m * columns * size_of(t));
        for (std::size_t row = 0; row < m; ++row)
          std::memcpy(part.data() + row * columns * size_of(t),
                      x.data() + (row * k + r * columns) * size_of(t), columns * size_of(t));
        xs.emplace_back(part);
        ys.emplace_back(m * n * size_of(t));
        outs.emplace_back(m * n * size_of(t));
        spaces.emplace_back(info_of(plans[r].get()).workspace_bytes);
      }
      on_threads(ranks, [&](std::uint32_t r) {
        dsk_tp_args args = arguments(m, xs[r], ys[r], spaces[r]);
        args.residual = residuals.get();
        args.residual_out = outs[r].get();
        CHECK(dsk_tp_linear_enqueue(plans[r].get(), &args, nullptr, nullptr) == DSK_STATUS_OK);
      });
      std::size_t wrong_sum = 0, wrong_norm = 0;
      for (std::size_t row = 0; row < m; ++row) {
        double squares = 0;
        for (std::size_t c = 0; c < n; ++c) {
          std::vector<double> whole(k);
          for (std::size_t i = 0; i < k; ++i)
            whole[i] = read(x.data(), t, row * k + i);
          const Exact exact = dot(weight, c, whole, 0);
          const double expected =
              exact.sum + weight.bias_at(c) + read(residual.data(), t, row * n + c);
          const double got = read(outs[0].get(), t, row * n + c);
          wrong_sum += !(std::fabs(got - expected) <=
                         ulp(t, expected) + k * 0x1p-24 * (exact.magnitude + 2));
          squares += got * got; // the norm sees the rounded residual
        }
        for (std::size_t c = 0; c < n; ++c) {
          const double expected = read(outs[0].get(), t, row * n + c) /
                                  std::sqrt(squares / n + 1e-5) * read(gamma.data(), t, c);
          wrong_norm +=
              !(std::fabs(read(ys[0].get(), t, row * n + c) - expected) <= ulp(t, expected));
        }
      }
      CHECK(wrong_sum == 0);
      CHECK(wrong_norm == 0);
    }
}

TEST_CASE("a row has the same bits at every m, and on threads as in a group") {
  Rng rng(14);
  Row layer(4, 64, rng);
  on_threads(4, [&](std::uint32_t r) { CHECK(layer.enqueue(r, nullptr) == DSK_STATUS_OK); });
  const Bytes all(static_cast<const std::uint8_t*>(layer.ys[0].get()),
                  static_cast<const std::uint8_t*>(layer.ys[0].get()) + layer.ys[0].bytes());
  for (const std::size_t m : {1u, 3u, 64u}) {
    layer.m = m;
    for (Buffer& y : layer.ys)
      std::memset(y.get(), 0x5a, y.bytes());
    dsk_tp_group* group = nullptr;
    dsk_error* error = nullptr;
    ok(dsk_tp_group_begin(layer.world.raw.data(), 4, &group, &error), error);
    for (std::uint32_t r = 0; r < 4; ++r)
      ok(layer.enqueue(3 - r, &error), error);
    ok(dsk_tp_group_end(group, &error), error);
    for (const Buffer& y : layer.ys)
      CHECK(std::memcmp(y.get(), all.data(), m * 96 * 2) == 0);
  }
}

TEST_CASE("messages larger than the slots go in pieces") {
  Rng rng(15);
  for (const std::uint64_t max_bytes : {1024u, 4096u, 1u << 20}) {
    Row layer(3, 700, rng, 20000, max_bytes, 128); // 179,200 bytes
    on_threads(3, [&](std::uint32_t r) { CHECK(layer.enqueue(r, nullptr) == DSK_STATUS_OK); });
    std::size_t wrong = 0;
    for (std::size_t row = 0; row < 700; row += 7)
      for (std::size_t c = 0; c < 128; ++c) {
        double expected = 0, allowed = 0;
        for (std::uint32_t r = 0; r < 3; ++r) {
          std::vector<double> part(16);
          for (std::size_t i = 0; i < 16; ++i)
            part[i] = read(layer.xs[r].get(), DSK_DTYPE_BF16, row * 16 + i);
          const double sum = dot(layer.weight, c, part, 16 * r).sum;
          expected += sum;
          allowed += ulp(DSK_DTYPE_BF16, sum);
        }
        wrong += !(std::fabs(read(layer.ys[1].get(), DSK_DTYPE_BF16, row * 128 + c) - expected) <=
                   allowed + ulp(DSK_DTYPE_BF16, expected));
      }
    CHECK(wrong == 0);
  }
}

TEST_CASE("chains: replay equals enqueue, pointers and m change with the next capture") {
  Rng rng(16);
  Row layer(2, 8, rng);
  dsk_tp_graph* raw = nullptr;
  dsk_error* error = nullptr;
  ok(dsk_tp_graph_create(layer.world.raw.data(), 2, &raw, &error), error);
  const Owned<dsk_tp_graph> graph(raw);
  refused(dsk_tp_graph_replay(raw, nullptr, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "not captured");
  std::uint64_t steps[2] = {};
  for (std::uint32_t r = 0; r < 2; ++r) {
    const dsk_tp_args args = layer.args(r);
    ok(dsk_tp_graph_add_linear(raw, layer.plans[r].get(), &args, &steps[r], &error), error);
    if (r == 0)
      refused(dsk_tp_graph_capture(raw, &error), error, DSK_STATUS_INVALID_ARGUMENT,
              "do not match");
  }
  ok(dsk_tp_graph_capture(raw, &error), error);
  dsk_tp_graph_info info{};
  info.struct_size = sizeof info;
  ok(dsk_tp_graph_get_info(raw, &info, &error), error);
  CHECK(info.captured == 1);
  CHECK(info.steps == 2);
  CHECK(info.memory_bytes == 0);
  for (int i = 0; i < 3; ++i)
    ok(dsk_tp_graph_replay(raw, nullptr, &error), error);
  const Bytes first(static_cast<const std::uint8_t*>(layer.ys[0].get()),
                    static_cast<const std::uint8_t*>(layer.ys[0].get()) + layer.ys[0].bytes());
  on_threads(2, [&](std::uint32_t r) { CHECK(layer.enqueue(r, nullptr) == DSK_STATUS_OK); });
  CHECK(std::memcmp(first.data(), layer.ys[0].get(), first.size()) == 0);

  Buffer other(first.size());
  dsk_tp_args changed = layer.args(0);
  changed.y = other.get();
  changed.m = 3;
  ok(dsk_tp_graph_set(raw, steps[0], &changed, &error), error);
  ok(dsk_tp_graph_replay(raw, nullptr, &error), error); // the former capture still holds
  refused(dsk_tp_graph_capture(raw, &error), error, DSK_STATUS_INVALID_ARGUMENT, "do not match");
  dsk_tp_args second = layer.args(1);
  second.m = 3;
  ok(dsk_tp_graph_set(raw, steps[1], &second, &error), error);
  ok(dsk_tp_graph_capture(raw, &error), error);
  ok(dsk_tp_graph_replay(raw, nullptr, &error), error);
  CHECK(std::memcmp(first.data(), other.get(), 3 * 96 * 2) == 0);
  CHECK(static_cast<const std::uint8_t*>(other.get())[3 * 96 * 2] == 0xcd); // row 3 is untouched
  refused(dsk_tp_graph_set(raw, 2, &second, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "step is 2");
  refused(dsk_tp_graph_add_linear(raw, layer.plans[1].get(), &second, nullptr, &error), error,
          DSK_STATUS_INVALID_ARGUMENT, "captured");
}

TEST_CASE("bad input: one sentence that names the argument, and nothing is written") {
  Rng rng(17);
  Row layer(1, 4, rng);
  dsk_error* error = nullptr;
  dsk_tp_linear* plan = layer.plans[0].get();
  const auto expect = [&](auto change, const char* text) {
    dsk_tp_args args = layer.args(0);
    change(args);
    refused(dsk_tp_linear_enqueue(plan, &args, nullptr, &error), error, DSK_STATUS_INVALID_ARGUMENT,
            text);
  };
  auto* y = static_cast<std::uint8_t*>(layer.ys[0].get());
  expect([](dsk_tp_args& a) { a.x = nullptr; }, "args.x is NULL");
  expect([](dsk_tp_args& a) { a.y = nullptr; }, "args.y is NULL");
  expect([](dsk_tp_args& a) { a.m = 5; }, "args.m is 5");
  expect([&](dsk_tp_args& a) { a.y = y + 8; }, "args.y is not aligned");
  expect([&](dsk_tp_args& a) { a.x = y + 16; }, "args.x and args.y overlap");
  expect([&](dsk_tp_args& a) { a.residual = y; }, "without DSK_TP_RESIDUAL");
  expect([](dsk_tp_args& a) { a.workspace = nullptr; }, "args.workspace is NULL");
  expect([](dsk_tp_args& a) { --a.workspace_bytes; }, "args.workspace_bytes");
  expect([](dsk_tp_args& a) { a.struct_size = 0; }, "args.struct_size");
  dsk_tp_args args = layer.args(0);
  refused(dsk_tp_linear_enqueue(plan, &args, y, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "stream must be NULL");
  refused(dsk_tp_linear_enqueue(nullptr, &args, nullptr, &error), error,
          DSK_STATUS_INVALID_ARGUMENT, "plan is NULL");
  refused(dsk_tp_linear_enqueue(plan, nullptr, nullptr, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "args is NULL");
  for (std::size_t i = 0; i < layer.ys[0].bytes(); ++i)
    REQUIRE(y[i] == 0xcd);
  args.m = 0;
  args.x = nullptr;
  ok(dsk_tp_linear_enqueue(plan, &args, nullptr, &error), error); // m = 0 is a no-op
  REQUIRE(y[0] == 0xcd);

  // A newer caller's larger struct is taken when its unknown tail is zero.
  struct {
    dsk_tp_args known;
    std::uint64_t future;
  } newer{layer.args(0), 0};
  newer.known.struct_size = sizeof newer;
  ok(dsk_tp_linear_enqueue(plan, &newer.known, nullptr, &error), error);
  newer.future = 1;
  refused(dsk_tp_linear_enqueue(plan, &newer.known, nullptr, &error), error, DSK_STATUS_UNSUPPORTED,
          "does not know");

  const dsk_tp_weight good = layer.weight.describe();
  const auto refuse_plan = [&](auto change, const char* text) {
    dsk_tp_weight weight = good;
    dsk_tp_linear_desc desc = linear_desc(&weight, DSK_TP_SPLIT_COLUMN, DSK_DTYPE_BF16, 4);
    change(desc, weight);
    dsk_tp_linear* out = nullptr;
    refused(dsk_tp_linear_create(layer.world.raw[0], &desc, &out, &error), error,
            DSK_STATUS_INVALID_ARGUMENT, text);
    CHECK(out == nullptr);
  };
  using D = dsk_tp_linear_desc;
  using W = dsk_tp_weight;
  refuse_plan([](D& d, W&) { d.max_m = 0; }, "desc.max_m is 0");
  refuse_plan([](D& d, W&) { d.max_m = 65537; }, "desc.max_m is 65537");
  refuse_plan([](D& d, W&) { d.flags = 1u << 30; }, "desc.flags");
  refuse_plan([](D& d, W&) { d.flags = DSK_TP_RESIDUAL; }, "desc.flags");
  refuse_plan([](D& d, W&) { d.activation_dtype = DSK_DTYPE_I8; }, "desc.activation_dtype is I8");
  refuse_plan([](D& d, W&) { d.weights = nullptr; }, "desc.weights is NULL");
  refuse_plan(
      [](D& d, W&) {
        d.q_heads = 7;
        d.kv_heads = 2;
        d.head_dim = 8;
      },
      "q_heads 7");
  refuse_plan([&](D& d, W&) { d.gamma = y; }, "desc.gamma");
  refuse_plan([](D&, W& w) { w.data = nullptr; }, "data is NULL");
  refuse_plan([](D&, W& w) { --w.data_bytes; }, "data_bytes");
  refuse_plan([](D&, W& w) { w.n = 0; }, "n and k");
  refuse_plan([](D&, W& w) { w.dtype = DSK_DTYPE_F16; }, "dtype is F16");
  refuse_plan(
      [](D&, W& w) {
        w.dtype = DSK_DTYPE_F8E4M3;
        w.data_bytes /= 2;
      },
      "scales is NULL");
  refuse_plan(
      [](D&, W& w) {
        w.dtype = DSK_DTYPE_I4;
        w.k = 12;
      },
      "multiple of 8");
  dsk_tp_linear_desc desc = linear_desc(&good, DSK_TP_SPLIT_ROW, DSK_DTYPE_BF16, 4);
  World eight(8);
  dsk_tp_linear* out = nullptr;
  refused(dsk_tp_linear_create(eight.raw[0], &desc, &out, &error), error,
          DSK_STATUS_INVALID_ARGUMENT, "cannot be split over 8");
}

TEST_CASE("every function refuses NULL") {
  dsk_error* error = nullptr;
  dsk_tp_device* device = nullptr;
  refused(dsk_tp_device_create(nullptr, 0, 0, &device, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "backend");
  refused(dsk_tp_device_create("cpu", 3, 1, &device, &error), error, DSK_STATUS_NOT_FOUND,
          "CPU device 1");
  refused(dsk_tp_device_create("tpu!", 4, 0, &device, &error), error, DSK_STATUS_NOT_FOUND, "tpu!");
  refused(dsk_tp_device_create("cpu", 3, 0, nullptr, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "out");
  refused(dsk_tp_comm_wait(nullptr, nullptr, &error), error, DSK_STATUS_INVALID_ARGUMENT, "comm");
  refused(dsk_tp_group_end(nullptr, &error), error, DSK_STATUS_INVALID_ARGUMENT, "group");
  refused(dsk_tp_graph_capture(nullptr, &error), error, DSK_STATUS_INVALID_ARGUMENT, "graph");
  refused(dsk_tp_graph_replay(nullptr, nullptr, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "graph");
  refused(dsk_tp_tuning_to_json(nullptr, nullptr, nullptr, &error), error,
          DSK_STATUS_INVALID_ARGUMENT, "tuning");
  dsk_tp_device_destroy(nullptr);
  dsk_tp_comm_destroy(nullptr);
  dsk_tp_comm_abort(nullptr);
  dsk_tp_linear_destroy(nullptr);
  dsk_tp_mlp_destroy(nullptr);
  dsk_tp_graph_destroy(nullptr);
  dsk_tp_weights_destroy(nullptr);
  dsk_tp_tuning_destroy(nullptr);
  dsk_tp_device_memory_destroy(nullptr, nullptr);
}

TEST_CASE("any order of destruction is right") {
  const std::uint64_t before = dsk_live_objects();
  {
    Rng rng(18);
    Row layer(2, 2, rng);
    dsk_tp_graph* raw = nullptr;
    dsk_error* error = nullptr;
    ok(dsk_tp_graph_create(layer.world.raw.data(), 2, &raw, &error), error);
    const Owned<dsk_tp_graph> graph(raw);
    for (std::uint32_t r = 0; r < 2; ++r) {
      const dsk_tp_args args = layer.args(r);
      ok(dsk_tp_graph_add_linear(raw, layer.plans[r].get(), &args, nullptr, &error), error);
    }
    ok(dsk_tp_graph_capture(raw, &error), error);
    layer.world.device.reset();
    layer.world.comms.clear();
    layer.plans.clear();
    ok(dsk_tp_graph_replay(raw, nullptr, &error), error);
  }
  CHECK(dsk_live_objects() == before);
}
