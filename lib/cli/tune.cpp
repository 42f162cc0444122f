// dsk tune batching: the policy that meets an SLA with the fewest devices.
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/origins.hpp"

namespace dsk::cli {
namespace {

struct TuneFlags {
  std::string request_file;
  bool json = false;
};

int run(const TuneFlags& flags) {
  const std::string request = read_request(flags.request_file);
  const std::string text = detail::text_from([&](char** out, size_t* len, dsk_error** error) {
    return dsk_plan_tune_batching(request.data(), request.size(), interrupt().get(), out, len,
                                  error);
  });
  const JsonValue answer = JsonValue::parse(text);
  const bool feasible = answer["feasible"].boolean();
  if (flags.json) {
    print(text);
    return feasible ? exit_answered : exit_infeasible;
  }
  char line[256];
  std::string out = feasible ? "" : "No policy keeps the bounds; nearest first.\n\n";
  std::snprintf(line, sizeof line, "%5s %6s %8s %10s %10s %10s  %s\n", "GPUs", "meets", "share %",
                "TTFT p99", "TPOT p99", "E2E p99", "policy");
  out += line;
  for (const JsonValue& p : answer["policies"].items()) {
    std::snprintf(line, sizeof line, "%5lld %6s %8.2f %10.5g %10.5g %10.5g  ",
                  static_cast<long long>(p["gpus"].integer()), p["meets"].boolean() ? "yes" : "no",
                  100 * p["goodput_share"].number(), p["ttft_ms"]["p99"].number(),
                  p["tpot_ms"]["p99"].number(), p["e2e_ms"]["p99"].number());
    out += line + p["policy"].dump() + "\n";
  }
  print(out);
  return feasible ? exit_answered : exit_infeasible;
}

} // namespace

void add_tune(CLI::App& app, int& code) {
  CLI::App* tune = app.add_subcommand("tune", "Find settings by simulation");
  tune->require_subcommand(1);
  auto flags = std::make_shared<TuneFlags>();
  CLI::App* sub = tune->add_subcommand("batching", "Batch size, wait and slots that meet an SLA");
  sub->add_option("--request", flags->request_file,
                  "Simulation request with \"slo\" and \"tune\" (\"-\": standard input)")
      ->required();
  sub->add_flag("--json", flags->json, "Print the answer document");
  sub->callback([flags, &code] { code = run(*flags); });
}

} // namespace dsk::cli
