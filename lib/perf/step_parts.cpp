// The total of a step in the three parts that a simulator keeps in tables.
#include <algorithm>
#include <cmath>

#include "perf/step_state.hpp"

namespace dsk::perf {

double StepModel::rows_us(const StepRows& rows) const noexcept {
  const State& s = *state_;
  RankBatch rank;
  rank.sequences = rows.busiest_sequences;
  rank.decode_tokens = rows.busiest_sequences * s.queries;
  rank.tokens = rank.decode_tokens + rows.busiest_prefill_tokens;
  rank.replica_tokens = rows.sequences * s.queries + rows.prefill_tokens;
  rank.sampled = rank.decode_tokens + std::ceil(rows.prompts / s.parallel.dp);
  if (rank.replica_tokens <= 0) return 0;
  Row row{};
  for (std::size_t i = 0; i < rows_count; ++i) {
    const double count = s.rows_of(rank, static_cast<Rows>(i));
    if (count > 0) s.curves[i].add(count, row);
  }
  s.add_engine(row, rank);
  return total_us(row);
}

double StepModel::untuned_token_us() const noexcept {
  double us = 0;
  for (const ExpertsTimer& t : state_->experts)
    us += t.op.count * t.untuned_token_us();
  return us;
}

double StepModel::decode_attention_us(double sequences, double mean_length) const noexcept {
  Row row{};
  if (sequences > 0) state_->decode->add(sequences, std::max(1.0, mean_length), row);
  return total_us(row);
}

double StepModel::chunk_attention_us(const PrefillChunk& chunk) const noexcept {
  Row row{};
  for (const AttentionTimer& t : state_->attention)
    if (t.op().count > 0)
      t.add_prefill(row, t.op().count, static_cast<double>(chunk.new_tokens),
                    static_cast<double>(chunk.context));
  return total_us(row);
}

} // namespace dsk::perf
