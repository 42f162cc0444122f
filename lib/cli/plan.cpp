#include <cstdio>
#include <memory>

#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "cli/request.hpp"

namespace dsk::cli {
namespace {

struct PlanFlags {
  std::string request_file;
  ModelFlags model;
  PlanRequest request;
  std::vector<std::string> catalog_files;
  bool json = false;
  std::string out_dir;
  std::string emit;
  std::string inventory;
};

PlanRequest request_of(const PlanFlags& flags) {
  PlanRequest request = flags.request;
  request.model = flags.model.model();
  if (request.devices.empty()) throw UsageError("give at least one --device");
  if (request.workload.input_tokens == 0 || request.workload.output_tokens == 0)
    throw UsageError("give --input and --output, the mean tokens of a request");
  if (!flags.catalog_files.empty()) request.catalog = catalog_of(flags.catalog_files).items();
  return request;
}

std::string emitted(const Plan& plan, const std::string& what) {
  if (what == "kubernetes") return plan.emit(DSK_EMIT_KUBERNETES);
  if (what == "command") return plan.emit(DSK_EMIT_COMMAND);
  return plan.emit(DSK_EMIT_TABLE);
}

std::string indices_text(const std::vector<std::int64_t>& gpus) {
  std::string out;
  for (const std::int64_t gpu : gpus)
    out += (out.empty() ? "" : ",") + std::to_string(gpu);
  return out;
}

std::string fit_table(const FitAnswer& answer) {
  std::string out = std::to_string(answer.replicas_placed) + " of " +
                    std::to_string(answer.replicas_wanted) + " replicas fit\n";
  for (const FitAnswerReplica& replica : answer.replicas) {
    out += "  replica, score " + std::to_string(replica.score) + ":";
    for (const FitAnswerReplicaPod& pod : replica.pods)
      out += " " + pod.node + " GPU " + indices_text(pod.gpus);
    out += "\n";
  }
  out += "nodes, each alone\n";
  for (const FitAnswerNode& node : answer.nodes) {
    out += "  " + node.name + ": ";
    if (node.fits)
      out += "score " + std::to_string(node.score) + ", GPU " + indices_text(node.gpus);
    for (std::size_t i = 0; i < node.reasons.size(); ++i)
      out += (i == 0 ? "" : "; ") + node.reasons[i].text;
    out += "\n";
  }
  return out;
}

// Exit code 1 when not every replica has room, as for a plan that is infeasible.
int run_fit(const PlanFlags& flags, const Plan& plan) {
  const std::string answer = plan.fit_json(read_request(flags.inventory));
  const FitAnswer fit = FitAnswer::from_json(answer);
  print(flags.json ? answer : fit_table(fit));
  return fit.fits ? exit_answered : exit_infeasible;
}

int run(const PlanFlags& flags) {
  const std::string request =
      flags.request_file.empty() ? request_of(flags).to_json() : read_request(flags.request_file);
  const Plan plan = Plan::from_json(request, interrupt());
  const bool feasible = plan.info().feasible != 0;
  if (!flags.out_dir.empty()) {
    make_directory(flags.out_dir);
    write_file(flags.out_dir + "/plan.json", plan.to_json());
    if (feasible) {
      write_file(flags.out_dir + "/plan.yaml", plan.emit(DSK_EMIT_KUBERNETES));
      write_file(flags.out_dir + "/start.sh", plan.emit(DSK_EMIT_COMMAND));
    }
  }
  if (!flags.inventory.empty() && feasible) return run_fit(flags, plan);
  print(flags.json ? plan.to_json() : emitted(plan, flags.emit));
  if (!flags.out_dir.empty() && !flags.json)
    print("\nWritten to " + flags.out_dir + ": plan.json" +
          (feasible ? ", plan.yaml (Kubernetes), start.sh (engine start command)" : "") + "\n");
  return feasible ? exit_answered : exit_infeasible;
}

} // namespace

void add_plan(CLI::App& app, int& code) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* sub = app.add_subcommand("plan", "Find the devices, splits and cost that meet an SLA");
  PlanRequest& r = flags->request;
  auto* file =
      sub->add_option("--request", flags->request_file, "Request document (\"-\": standard input)");
  flags->model.add(*sub);
  sub->add_option("--device", r.devices, "Accelerator to consider; repeat for more")
      ->allow_extra_args(false);
  sub->add_option("--engine", r.engines,
                  "vllm, sglang, tensorrt-llm; NAME@VERSION; repeat for more")
      ->allow_extra_args(false);
  sub->add_option("--input", r.workload.input_tokens, "Mean input tokens of a request");
  sub->add_option("--output", r.workload.output_tokens, "Mean output tokens of a request");
  sub->add_option("--rate", r.workload.rate_per_s, "Requests per second (open loop)");
  sub->add_option("--concurrency", r.workload.concurrency, "Requests in flight (closed loop)");
  sub->add_option("--prefix-hit", r.workload.prefix_hit_rate,
                  "Share of input tokens found in the prefix cache");
  sub->add_option("--ttft-ms", r.slo.ttft_ms, "Bound on mean time to first token");
  sub->add_option("--tpot-ms", r.slo.tpot_ms, "Bound on mean time per output token");
  sub->add_option("--e2e-ms", r.slo.e2e_ms, "Bound on mean end-to-end time");
  sub->add_option("--latency-ms", r.slo.latency_ms,
                  "A bound whose meaning is open: each reading is answered");
  sub->add_option("--max-gpus", r.limits.max_gpus, "At most this many GPUs");
  sub->add_option("--budget", r.limits.usd_per_hour, "At most this many US dollars an hour");
  sub->add_option("--tp", r.search.tp, "Tensor-parallel widths to try")->delimiter(',');
  sub->add_option("--pp", r.search.pp, "Pipeline stages to try")->delimiter(',');
  sub->add_option("--dp", r.search.dp, "Attention data-parallel ranks to try")->delimiter(',');
  sub->add_option("--ep", r.search.ep, "Expert-parallel widths to try")->delimiter(',');
  sub->add_option("--weights", r.search.weights,
                  "Weight formats to try: checkpoint, bf16, fp8, int4, ...")
      ->delimiter(',');
  sub->add_option("--kv", r.search.kv, "KV cache types to try: bf16, fp8, ...")->delimiter(',');
  sub->add_option("--max-batch", r.search.max_batch, "Sequences of one replica at once");
  sub->add_option("--memory-fraction", r.search.memory_fraction,
                  "The engine's memory fraction flag");
  sub->add_option("--objective", r.objective, "cost, gpus or latency");
  sub->add_option("--catalog", flags->catalog_files,
                  "File with your own device, model or price; repeat for more")
      ->allow_extra_args(false);
  sub->add_option("--out-dir", flags->out_dir, "Write plan.json, plan.yaml and start.sh here");
  sub->add_option("--emit", flags->emit, "Print this instead of the table")
      ->check(CLI::IsMember({"table", "kubernetes", "command"}));
  sub->add_option("--fit", flags->inventory,
                  "Print instead where the plan fits on the nodes of this inventory file");
  sub->add_flag("--json", flags->json, "Print the answer document");
  file->excludes(sub->get_option("--model"));
  sub->callback([flags, &code] { code = run(*flags); });
}

} // namespace dsk::cli
