// The command that starts a serving engine on each node of a replica.
//
// Flags and what they count, by engine (from the engines' own argument parsers:
// vllm/engine/arg_utils.py, sglang/srt/server_args.py, tensorrt_llm/commands/serve.py as of
// November 2026):
//   vLLM          --tensor-parallel-size and --data-parallel-size multiply; sequences, tokens and
//   memory are counted for each
//                 data-parallel rank; expert parallelism is all of TP x DP or none.
//   SGLang        --tp-size spans the whole replica and --dp-size divides its attention;
//   --max-running-requests and
//                 --chunked-prefill-size are totals that it divides by --dp-size.
//   TensorRT-LLM  attention is either tensor-parallel or, with enable_attention_dp, data-parallel
//   over the same ranks; batch
//                 and tokens are counted for each rank. What has no flag goes into its YAML file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/engine.hpp"
#include "catalog/format.hpp"
#include "perf/deployment.hpp"

namespace dsk::emit {

/// What an engine has to be told about one replica.
struct EngineStart {
  EngineKind engine = EngineKind::generic;
  std::string model; // Hugging Face name or a path on the node
  perf::Parallel parallel;
  int nodes = 1; // all with the same number of devices
  Element kv = Element::bf16;
  double memory_fraction = 0.9;
  std::int64_t max_sequences = 0; // at once, of one data-parallel rank
  std::int64_t token_budget = 0;  // tokens of a step, of one data-parallel rank
  std::int64_t max_tokens = 0;    // input + output of one request
  int mtp_tokens = 0;             // draft tokens of multi-token prediction; 0 = off
  int port = 8000;
};

/// A word of a command; one that `expands` is for the shell ($LWS_WORKER_INDEX), the rest is
/// literal.
struct Word {
  std::string text;
  bool expands = false;
};
using Words = std::vector<Word>;

/// A file that the engine reads at its start.
struct ConfigFile {
  std::string path;
  std::string text;
};

/// `worker` is empty for one node. In a command over several nodes LWS_LEADER_ADDRESS is the first
/// node's address and LWS_WORKER_INDEX the node's rank from 0, as LeaderWorkerSet sets them.
struct EngineCommand {
  Words leader;
  Words worker;
  std::vector<ConfigFile> files;
};

/// Throws UNSUPPORTED where the engine cannot do what is asked, with a sentence that says so.
EngineCommand engine_command(const EngineStart& start);

/// Literal words; throws INTERNAL when one of them expands.
std::vector<std::string> argument_list(const Words& words);

/// One line for a POSIX shell, quoted where needed.
std::string shell_line(const Words& words);

/// A shell script for people: writes the engine's files, then the command of this node, or, over
/// several nodes, that of the leader where LWS_WORKER_INDEX is 0 and of a worker elsewhere.
std::string shell_script(const EngineStart& start, const EngineCommand& command);

} // namespace dsk::emit
