#include "perf/step_cache.hpp"

#include <cstring>

namespace dsk::perf {
namespace {

// Everything that a timer's times depend on, as bytes.
class Key {
public:
  Key(const Rates& rates, const Engine& engine) {
    bytes_.append(rates.name).append(1, '\0').append(engine.name).append(1, '\0');
    bytes_.append(engine.version).append(1, '\0'); // kernels of old versions are slower
  }
  Key& operator<<(double value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
    return *this;
  }
  Key& operator<<(const MatrixOp& op) {
    return *this << static_cast<double>(op.precision) << op.n << op.k << op.copies
                 << op.weight_bytes;
  }
  Key& operator<<(const ExpertsOp& op) {
    return *this << static_cast<double>(op.precision) << op.hidden << op.intermediate << op.experts
                 << op.top_k << op.groups << op.top_groups << op.skew << op.redundant
                 << static_cast<double>(op.dispatch) << op.moe_tp << op.ep << op.expert_bytes;
  }
  Key& operator<<(const AttentionOp& op) {
    const AttentionShape& s = op.shape;
    *this << static_cast<double>(s.kind) << s.heads << s.kv_heads << s.qk_dim << s.v_dim
          << s.prefill_qk_dim << s.prefill_v_dim << s.entry_bytes << s.window << s.compress_ratio
          << s.top_k << s.index_heads << s.index_dim << s.index_entry_bytes << s.state_bytes
          << op.expands;
    return op.expands ? *this << op.expansion : *this;
  }
  const std::string& bytes() const { return bytes_; }

private:
  std::string bytes_;
};

template <class Map, class Make> const auto& found_or_made(Map& map, const Key& key, Make&& make) {
  auto& slot = map[key.bytes()];
  if (!slot) slot = make();
  return *slot;
}

template <class Timer> Curve<columns> one_run(const Timer& timer, Column error) {
  Curve<columns> curve(token_knots);
  for (std::size_t i = 0; i < curve.size(); ++i)
    add_kernel(curve[i], 1, timer.at(knot(i)), error);
  return curve;
}

// The row at knot `i` on the line from knot i - 1 to knot i + 1.
Row between(const Row& left, const Row& right, std::size_t i) {
  const double f = (knot(i) - knot(i - 1)) / (knot(i + 1) - knot(i - 1));
  Row row{};
  for (std::size_t c = 0; c < columns; ++c)
    row[c] = left[c] + f * (right[c] - left[c]);
  return row;
}

// Every second knot is asked; decode attention is so close to linear in between that the others are
// put on the line.
Surface<columns> decode_surface(const std::vector<AttentionTimer>& timers, double queries) {
  Surface<columns> decode(sequence_knots, length_knots);
  const auto asked = [](std::size_t i, std::size_t count) { return i % 2 == 0 || i + 1 == count; };
  for (std::size_t x = 0; x < sequence_knots; ++x) {
    if (!asked(x, sequence_knots)) continue;
    for (std::size_t y = 0; y < length_knots; ++y) {
      if (!asked(y, length_knots)) continue;
      for (const AttentionTimer& t : timers) {
        Row& row = decode.at(x, y);
        if (t.op().count > 0) t.add_decode(row, t.op().count, knot(x), knot(y), queries);
        if (t.op().draft_count > 0) t.add_decode(row, t.op().draft_count, knot(x), knot(y), 1);
      }
    }
    for (std::size_t y = 0; y < length_knots; ++y)
      if (!asked(y, length_knots))
        decode.at(x, y) = between(decode.at(x, y - 1), decode.at(x, y + 1), y);
  }
  for (std::size_t x = 0; x < sequence_knots; ++x)
    if (!asked(x, sequence_knots))
      for (std::size_t y = 0; y < length_knots; ++y)
        decode.at(x, y) = between(decode.at(x - 1, y), decode.at(x + 1, y), x);
  return decode;
}

} // namespace

StepCache::StepCache() : state_(std::make_unique<State>()) {}
StepCache::~StepCache() = default;
StepCache::StepCache(StepCache&&) noexcept = default;
StepCache& StepCache::operator=(StepCache&&) noexcept = default;

const StepCache::State::Prepared<ProductTimer>&
StepCache::State::product(const MatrixOp& op, const Rates& rates, const Engine& engine) {
  return found_or_made(products_, Key(rates, engine) << op, [&] {
    const ProductTimer timer(op, rates, engine);
    return std::make_unique<const Prepared<ProductTimer>>(
        Prepared<ProductTimer>{timer, one_run(timer, error_products)});
  });
}

const StepCache::State::Prepared<ExpertsTimer>&
StepCache::State::experts(const ExpertsOp& op, const Rates& rates, const Engine& engine) {
  return found_or_made(experts_, Key(rates, engine) << op, [&] {
    const ExpertsTimer timer(op, rates, engine);
    return std::make_unique<const Prepared<ExpertsTimer>>(
        Prepared<ExpertsTimer>{timer, one_run(timer, error_experts)});
  });
}

const AttentionTimer& StepCache::State::attention(const AttentionOp& op, const Rates& rates,
                                                  const Engine& engine) {
  return found_or_made(attention_, Key(rates, engine) << op,
                       [&] { return std::make_unique<const AttentionTimer>(op, rates, engine); });
}

std::shared_ptr<const Surface<columns>>
StepCache::State::decode(const std::vector<AttentionTimer>& timers, double queries,
                         const Rates& rates, const Engine& engine) {
  Key key(rates, engine);
  key << queries;
  for (const AttentionTimer& timer : timers)
    key << timer.op() << timer.op().count << timer.op().draft_count;
  auto& slot = decode_[key.bytes()];
  if (!slot) slot = std::make_shared<const Surface<columns>>(decode_surface(timers, queries));
  return slot;
}

} // namespace dsk::perf
