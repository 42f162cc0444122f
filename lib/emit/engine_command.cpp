#include "emit/engine_command.hpp"

#include <algorithm>
#include <cctype>

#include "base/error.hpp"
#include "base/text.hpp"
#include "emit/yaml.hpp"

namespace dsk::emit {
namespace {

constexpr const char* leader_address = "$LWS_LEADER_ADDRESS";
constexpr const char* node_rank = "$LWS_WORKER_INDEX";
constexpr int rendezvous_port = 20000;

[[noreturn]] void unsupported(std::string sentence) {
  throw Error(DSK_STATUS_UNSUPPORTED, std::move(sentence));
}

class Builder {
public:
  explicit Builder(std::initializer_list<const char*> words) {
    for (const char* word : words)
      words_.push_back({word});
  }
  Builder& flag(const char* name) {
    words_.push_back({name});
    return *this;
  }
  Builder& option(const char* name, std::string value) {
    words_.push_back({name});
    words_.push_back({std::move(value)});
    return *this;
  }
  Builder& option(const char* name, std::int64_t value) {
    return option(name, std::to_string(value));
  }
  Builder& expanded(const char* name, std::string value) {
    words_.push_back({name});
    words_.push_back({std::move(value), true});
    return *this;
  }
  /// Only when it differs from what the engine does by itself.
  Builder& width(const char* name, int value) { return value > 1 ? option(name, value) : *this; }

  Words words() const { return words_; }

private:
  Words words_;
};

bool is_16_bit(Element e) {
  return e == Element::bf16 || e == Element::fp16;
}

// "auto" keeps the checkpoint's own 16-bit type.
std::string kv_name(const EngineStart& s, const char* fp8, const char* fp4) {
  if (is_16_bit(s.kv)) return "auto";
  if (s.kv == Element::fp8) return fp8;
  if (s.kv == Element::fp4 && fp4) return fp4;
  unsupported("the engine has no " + std::string(element_name(s.kv)) + " KV cache");
}

int devices_per_node(const EngineStart& s) {
  if (s.nodes < 1 || s.parallel.devices() % s.nodes != 0)
    unsupported(std::to_string(s.parallel.devices()) + " devices do not divide over " +
                std::to_string(s.nodes) + " nodes");
  return s.parallel.devices() / s.nodes;
}

EngineCommand vllm(const EngineStart& s) {
  const perf::Parallel& p = s.parallel;
  const int rank_devices = p.tp * p.pp;
  if (p.ep != 1 && p.ep != p.tp * p.dp)
    unsupported("vLLM spreads experts over all of TP x DP = " + std::to_string(p.tp * p.dp) +
                " devices or none, not over " + std::to_string(p.ep));
  const int per_node = devices_per_node(s);
  if (s.nodes > 1 && p.dp > 1 && per_node % rank_devices != 0)
    unsupported("a data-parallel rank of vLLM (" + std::to_string(rank_devices) +
                " devices) must not span nodes of " + std::to_string(per_node) + " devices");

  Builder b{"vllm", "serve"};
  b.flag(s.model.c_str())
      .width("--tensor-parallel-size", p.tp)
      .width("--pipeline-parallel-size", p.pp)
      .width("--data-parallel-size", p.dp);
  if (p.ep > 1) b.flag("--enable-expert-parallel");
  b.option("--kv-cache-dtype", kv_name(s, "fp8", nullptr))
      .option("--gpu-memory-utilization", number_text(s.memory_fraction))
      .option("--max-num-seqs", s.max_sequences)
      .option("--max-num-batched-tokens", s.token_budget)
      .option("--max-model-len", s.max_tokens);
  if (s.mtp_tokens > 0)
    b.option("--speculative-config",
             json::dump_compact({{"method", "mtp"}, {"num_speculative_tokens", s.mtp_tokens}}));

  EngineCommand command;
  if (s.nodes == 1) {
    command.leader = b.option("--host", "0.0.0.0").option("--port", s.port).words();
    return command;
  }
  if (p.dp > 1) {
    const int local = per_node / rank_devices;
    b.option("--data-parallel-size-local", local)
        .expanded("--data-parallel-address", leader_address)
        .option("--data-parallel-rpc-port", rendezvous_port);
    command.worker = Builder(b)
                         .flag("--headless")
                         .expanded("--data-parallel-start-rank",
                                   "$((LWS_WORKER_INDEX * " + std::to_string(local) + "))")
                         .words();
  } else {
    b.option("--nnodes", s.nodes)
        .expanded("--node-rank", node_rank)
        .expanded("--master-addr", leader_address)
        .option("--master-port", rendezvous_port);
    command.worker = Builder(b).flag("--headless").words();
  }
  command.leader = b.option("--host", "0.0.0.0").option("--port", s.port).words();
  return command;
}

EngineCommand sglang(const EngineStart& s) {
  const perf::Parallel& p = s.parallel;
  devices_per_node(s);
  Builder b{"python3", "-m", "sglang.launch_server"};
  b.option("--model-path", s.model).option("--tp-size", p.tp * p.dp).width("--pp-size", p.pp);
  if (p.dp > 1) b.option("--dp-size", p.dp).flag("--enable-dp-attention");
  b.width("--ep-size", p.ep)
      .option("--kv-cache-dtype", kv_name(s, "fp8_e4m3", "fp4_e2m1"))
      .option("--mem-fraction-static", number_text(s.memory_fraction))
      .option("--max-running-requests", s.max_sequences * p.dp)
      .option("--chunked-prefill-size", s.token_budget * p.dp)
      .option("--context-length", s.max_tokens);
  if (s.mtp_tokens > 0)
    b.option("--speculative-algorithm", "EAGLE")
        .option("--speculative-num-steps", s.mtp_tokens)
        .option("--speculative-eagle-topk", 1)
        .option("--speculative-num-draft-tokens", s.mtp_tokens + 1);
  b.flag("--enable-metrics").option("--host", "0.0.0.0").option("--port", s.port);
  EngineCommand command;
  if (s.nodes > 1) {
    b.option("--nnodes", s.nodes)
        .expanded("--node-rank", node_rank)
        .expanded("--dist-init-addr",
                  std::string(leader_address) + ":" + std::to_string(rendezvous_port));
    command.worker = b.words();
  }
  command.leader = b.words();
  return command;
}

EngineCommand tensorrt_llm(const EngineStart& s) {
  const perf::Parallel& p = s.parallel;
  devices_per_node(s);
  if (p.dp > 1 && p.tp > 1)
    unsupported("TensorRT-LLM runs attention either tensor-parallel or data-parallel over the same "
                "ranks, not TP " +
                std::to_string(p.tp) + " x DP " + std::to_string(p.dp));
  if (s.nodes > 1)
    unsupported(
        "TensorRT-LLM over several nodes is started by MPI (mpirun or srun with "
        "trtllm-llmapi-launch), which a pod cannot do alone; plan for one node, or for vLLM "
        "or SGLang");
  Json config;
  config["kv_cache_config"] = {{"dtype", kv_name(s, "fp8", "nvfp4")}};
  if (p.dp > 1) config["enable_attention_dp"] = true;
  if (s.mtp_tokens > 0)
    config["speculative_config"] = {{"decoding_type", "MTP"},
                                    {"num_nextn_predict_layers", s.mtp_tokens}};
  EngineCommand command;
  command.files = {{"/etc/dsk/trtllm.yaml", yaml(config)}};
  Builder b{"trtllm-serve", "serve"};
  command.leader =
      b.flag(s.model.c_str())
          .option("--backend", "pytorch")
          .option("--tp_size", p.tp * p.dp)
          .width("--pp_size", p.pp)
          .width("--ep_size", p.ep)
          .option("--kv_cache_free_gpu_memory_fraction", number_text(s.memory_fraction))
          .option("--max_batch_size", s.max_sequences)
          .option("--max_num_tokens", s.token_budget)
          .option("--max_seq_len", s.max_tokens)
          .flag("--enable_chunked_prefill")
          .option("--config", command.files.front().path)
          .option("--host", "0.0.0.0")
          .option("--port", s.port)
          .words();
  return command;
}

bool is_safe(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("-_./:=,@%+").find(c) != std::string_view::npos;
}

std::string shell_word(const Word& word) {
  if (word.expands) return '"' + word.text + '"';
  if (!word.text.empty() && std::all_of(word.text.begin(), word.text.end(), is_safe))
    return word.text;
  std::string out = "'";
  for (const char c : word.text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + '\'';
}

} // namespace

EngineCommand engine_command(const EngineStart& start) {
  switch (start.engine) {
  case EngineKind::vllm:
    return vllm(start);
  case EngineKind::sglang:
    return sglang(start);
  case EngineKind::tensorrt_llm:
    return tensorrt_llm(start);
  case EngineKind::lmdeploy:
  case EngineKind::generic:
    break;
  }
  unsupported("there is no start command for this engine; vllm, sglang and tensorrt-llm have one");
}

std::vector<std::string> argument_list(const Words& words) {
  std::vector<std::string> out;
  for (const Word& word : words) {
    if (word.expands)
      throw Error(DSK_STATUS_INTERNAL, "the command has a word for the shell: " + word.text);
    out.push_back(word.text);
  }
  return out;
}

std::string shell_line(const Words& words) {
  std::string out;
  for (const Word& word : words) {
    if (!out.empty()) out += ' ';
    out += shell_word(word);
  }
  return out;
}

std::string shell_script(const EngineStart& start, const EngineCommand& command) {
  std::string out = "#!/bin/sh\nset -eu\n";
  for (const ConfigFile& file : command.files) {
    const std::string folder = file.path.substr(0, file.path.rfind('/'));
    out += "mkdir -p " + shell_word({folder}) + "\ncat > " + shell_word({file.path}) +
           " <<'DSK_END'\n" + file.text + "DSK_END\n";
  }
  if (command.worker.empty()) return out + "exec " + shell_line(command.leader) + '\n';
  out +=
      "# Run on each of the " + std::to_string(start.nodes) +
      " nodes of a replica, with the first node's address and the node's rank (0 is the first):\n"
      ": \"${LWS_LEADER_ADDRESS:?address of the first node}\" "
      "\"${LWS_WORKER_INDEX:?rank of this node}\"\n";
  if (shell_line(command.leader) == shell_line(command.worker))
    return out + "exec " + shell_line(command.leader) + '\n';
  return out + "if [ \"$LWS_WORKER_INDEX\" = 0 ]; then\n  exec " + shell_line(command.leader) +
         "\nelse\n  exec " + shell_line(command.worker) + "\nfi\n";
}

} // namespace dsk::emit
