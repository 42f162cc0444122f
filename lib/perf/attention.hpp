// Attention of one device: shapes after the split, and the work of a decode step or a prefill
// chunk.
#pragma once

#include "catalog/model.hpp"
#include "perf/ops_work.hpp"

namespace dsk::perf {

/// One attention layer as one tensor-parallel rank runs it.
struct AttentionShape {
  enum class Kind : std::uint8_t {
    grouped, // keys and values per KV head
    latent,  // MLA: one latent a token; absorbed in decode, per-head keys and values in prefill
    linear   // a fixed state a sequence
  };
  Kind kind = Kind::grouped;
  double heads = 0;
  double kv_heads = 0;       // grouped: at least 1 on every rank
  double qk_dim = 0;         // decode's query-key width of a head (latent: rank + rope)
  double v_dim = 0;          // decode's value width (latent: rank)
  double prefill_qk_dim = 0; // width in prefill (latent: nope + rope)
  double prefill_v_dim = 0;
  double entry_bytes = 0; // cache bytes read for one attended entry of one KV head group
  double window = 0;      // newest tokens always seen; 0 = all
  double compress_ratio =
      0;                  // beyond the window, one entry for so many tokens; 0 = nothing beyond it
  double top_k = 0;       // entries beyond the window that are picked; 0 = all
  double index_heads = 0; // lightning indexer, replicated on every rank
  double index_dim = 0;
  double index_entry_bytes = 0;
  double state_bytes = 0; // linear: state of one sequence

  bool operator==(const AttentionShape&) const = default;

  /// Cache entries that one query at the end of `length` tokens attends to.
  double entries(double length) const;
  /// Entries that the indexer scores for that query.
  double index_entries(double length) const;
};

/// The rank's share under `tp`. MLA latents and indexer keys are replicated; KV heads never split.
AttentionShape attention_shape(const Attention& attention, int tp, Element kv);

/// One new token for each of `sequences` caches of `length` tokens, `queries` tokens a sequence
/// (1, or 1 + drafts when speculative decoding verifies): the cache is read once for all of them.
Work decode_attention_work(const AttentionShape& shape, double sequences, double length,
                           double queries = 1);
/// The indexer's part of the same step; zero work without one.
Work decode_index_work(const AttentionShape& shape, double sequences, double length,
                       double queries = 1);

/// `fresh` tokens of one sequence after `context` cached ones.
Work prefill_attention_work(const AttentionShape& shape, double fresh, double context);
Work prefill_index_work(const AttentionShape& shape, double fresh, double context);

} // namespace dsk::perf
