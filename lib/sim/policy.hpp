// How an engine schedules, as data. One small piece of code (replica.cpp) reads it, so that a new
// engine or version is a new set of values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/engine.hpp"
#include "catalog/model.hpp"

namespace dsk::sim {

enum class Batching {
  mixed,         // decodes first, prefill chunks fill the token budget (vLLM V1, TensorRT-LLM)
  prefill_first, // a step prefills or decodes; whatever waits and fits goes first (SGLang)
  fixed          // a batch is collected, prefilled whole and decoded to its longest answer
};

enum class Preemption {
  recompute, // the newest sequence gives up its KV and prefills again
  swap       // its KV goes to host memory and comes back over the host link
};

struct Policy {
  Batching batching = Batching::mixed;
  Preemption preemption = Preemption::recompute;
  int max_sequences = 256;      // of one attention rank, prefill and decode
  int token_budget = 8192;      // of one attention rank, tokens of one step
  bool chunked = true;          // a prompt may be split over steps
  int max_prompts = 0;          // prompts of one step; 0 = as many as fit
  double reserve_output = 0;    // share of the answer's KV that admission sets aside
  double watermark = 0;         // share of the pool that admission leaves free
  int poll_steps = 1;           // decode steps between two looks at the waiting queue
  int lag_steps = 0;            // steps that a decision lags behind (overlapped scheduling)
  int block_tokens = 16;        // of a KV page
  bool prefix_cache = false;    // pages of known prefixes are found by hash and kept until evicted
  std::vector<int> graph_sizes; // decode batches are padded up to these; empty: not padded

  double request_overhead_s = 0; // HTTP, tokeniser, detokeniser: before a request reaches the queue
  double request_serial_s = 0;   // of it what the front end does for one request after another
  double first_token_steps = 0; // decode steps between a token's step and its arrival at the client
  double prefill_step_us = 0;   // host time of a step with prefill (not captured in a graph)
  double host_step_us = 0;      // a step takes at least this (eager engines) ...
  double host_sequence_us = 0;  // ... plus this a sequence
  double host_prefill_us = 0;   // the same of a step with prefill, when that is more
  double host_between_us = 0;   // between two steps, beside nothing: sampling, the next inputs
  // What unfused kernels move through memory for each token of a step beyond those whose hidden
  // states the L2 cache holds.
  double spill_token_us = 0;
  double spill_tokens = 0;
  // What the process between engine and clients streams; 0 = no limit. It takes requests
  // (request_serial_s each) and tokens in order, so what it is behind delays first and last tokens.
  double stream_tokens_per_s = 0;
  double extra_step_us = 0;     // host time beyond the step model's, each step ...
  double extra_sequence_us = 0; // ... each sequence in it ...
  double extra_token_us = 0;    // ... and each token; may be negative (refits)
  double tokens_per_step = 1;   // accepted tokens of a decode step (speculative decoding)
  int decode_tokens = 1;        // token budget of one decoding sequence: 1 + drafts
  // Rows that one decoding sequence takes of an attention kernel that runs it like a prompt, in
  // steps that have prompts (FlashAttention-2: a tile of rows for its one query); 0 = it has its
  // own kernel.
  int mixed_tile_rows = 0;

  // Prompts wait, beside sequences that decode, until they fill wait_tokens of a step or for
  // wait_steps (TensorRT-LLM's batch waiting). 0 = they do not.
  int wait_tokens = 0;
  int wait_steps = 0;
  // The same for attention ranks: until there is a prompt for each (or for wait_steps), and then
  // batching_wait_steps more (TensorRT-LLM's balance of attention data parallelism).
  int wait_prompts = 0;
  int batching_wait_steps = 0;

  // Dynamic batching by arrival interval: waiting requests are let in when there are batch_size of
  // them or the first has waited batch_wait_s.
  int batch_size = 1;
  double batch_wait_s = 0;
};

/// Host time of a step with prompts, which no CUDA graph holds.
struct PrefillHost {
  double added_us = 0; // to the device's time
  double floor_us = 0; // the least that the step takes: the time to launch it
};
PrefillHost prefill_host(const Engine& engine, const Device& device, const Model& model);

/// The defaults of an engine for a model on a device: what its documents, and the studies in
/// docs/design/simulator.md, say.
Policy default_policy(const Engine& engine, const Device& device, const Model& model);

} // namespace dsk::sim
