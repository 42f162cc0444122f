#include <cstdio>
#include <ctime>
#include <memory>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "cli/request.hpp"
#include "cli/run_deployment.hpp"
#include "dsk/bench.hpp"

namespace dsk::cli {
namespace {

struct CalibrateFlags {
  std::string device;
  std::vector<std::string> from, check, runs, check_runs, catalog_files;
  std::string deployment;
  std::string name;
  std::string out = "calibration.json";
};

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

/// Of a list that may be absent.
std::vector<JsonValue> items_of(const JsonValue& list) {
  return list.is_null() ? std::vector<JsonValue>() : list.items();
}

std::string percent_of(const JsonValue& share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %%", 100 * share.number());
  return text;
}

std::string percent(const JsonValue& value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", value.number());
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// `pointer` is where the array goes in the request; so below.
JsonValue documents_of(const std::vector<std::string>& files, const std::string& pointer) {
  JsonValue out = JsonValue::array();
  for (const std::string& file : files)
    for (JsonValue& document : parse_json_lines(read_file(file), file, pointer, out.items().size()))
      out.add(std::move(document));
  return out;
}

std::string links_text(const JsonValue& links) {
  std::string text;
  if (const JsonValue& peer = links["peer_copy"]; !peer.is_null()) {
    text += "copies between devices: " + peer["gb_per_s"].dump() + " GB/s; error " +
            percent(peer["before"]["error_percent"]) + " before, " +
            percent(peer["after"]["error_percent"]) + " after; " +
            std::to_string(peer["pairs"].items().size()) + " pairs\n";
    for (const JsonValue& o : peer["outliers"].items())
      text += "  out of line: " + o["from_device"].dump() + " to " + o["to_device"].dump() + ", " +
              o["gb_per_s"].dump() + " GB/s\n";
  }
  for (const JsonValue& c : items_of(links["all_reduce"])) {
    text += "all-reduce of " + c["ranks"].dump() + ", " + c["by"].text() + ": median error " +
            percent(c["before"]["median_error_percent"]) + " before, " +
            percent(c["after"]["median_error_percent"]) + " after; 90 % within " +
            percent(c["after"]["p90_error_percent"]) + "\n";
    for (const JsonValue& o : c["outliers"].items())
      text += "  left out: " + o["bytes"].dump() + " bytes, " + o["times_its_neighbours"].dump() +
              " times its neighbours\n";
  }
  return text;
}

/// A folder with meta.json and requests.jsonl, or the file of a load generator.
JsonValue run_of(const std::string& path, const CalibrateFlags& f, const std::string& pointer) {
  JsonValue out = JsonValue::object();
  out.set("name", path);
  if (file_exists(path + "/meta.json")) {
    const RunMeta meta(path + "/meta.json", pointer + "/deployment");
    // What the log names counts: a run of another device is refused.
    out.set("deployment", meta.deployment(meta.names_device() ? "" : f.device, ""));
    came_from(pointer + "/request_log", path + "/requests.jsonl");
    out.set("request_log", read_file(path + "/requests.jsonl"));
    return out;
  }
  const std::string file = read_file(path);
  if (f.deployment.empty())
    throw UsageError(path + " does not say what was deployed: give --deployment");
  out.set("deployment", read_json(f.deployment, pointer + "/deployment"));
  JsonValue report = parse_json(file, path, pointer);
  if (report.kind() != JsonValue::Kind::object)
    throw UsageError(path + ": must be a report of dsk load or the result of vllm bench serve");
  const bool own = !report["latency"].is_null(); // vLLM's members are flat
  const char* name = own ? "load_report" : "vllm_bench";
  came_from(pointer + "/" + name, path);
  out.set(name, std::move(report));
  return out;
}

JsonValue runs_of(const std::vector<std::string>& paths, const CalibrateFlags& f,
                  const std::string& pointer) {
  JsonValue out = JsonValue::array();
  for (const std::string& path : paths)
    out.add(run_of(path, f, pointer + "/" + std::to_string(out.items().size())));
  return out;
}

std::string runs_text(const JsonValue& runs) {
  std::string text = "runs of " + runs["engine"].text() + ": median error " +
                     percent(runs["before"]["median_error_percent"]) + " before, " +
                     percent(runs["after"]["median_error_percent"]) + " after; 90 % within " +
                     percent(runs["after"]["p90_error_percent"]) + "\n";
  for (const auto& [name, factor] : runs["factors"].members())
    text += "  " + name + ": " + factor["value"].dump() + " (" + factor["low"].dump() + " to " +
            factor["high"].dump() + "), " + percent_of(factor["said_by_runs"]) +
            " of it said by the runs; holds on " + factor["holds_on"].text() + "\n";
  for (const JsonValue& o : runs["outliers"].items())
    text += "  out of line: " + o["run"].text() + ", " + o["metric"].text() + ", " +
            o["times_the_measured"].dump() + " times the measured\n";
  for (const JsonValue& assumption : items_of(runs["assumptions"]))
    text += "  assumed: " + assumption.text() + "\n";
  for (const JsonValue& run : items_of(runs["check"])) {
    text += "  unseen: " + run["name"].text() + "\n";
    for (const JsonValue& m : run["metrics"].items())
      text += "    " + m["name"].text() + ": error " + percent(m["error_before_percent"]) +
              " before, " + percent(m["error_after_percent"]) + " after\n";
  }
  return text;
}

int run(const CalibrateFlags& f) {
  JsonValue request = JsonValue::object();
  request.set("device", f.device);
  request.set("as_of", today());
  if (!f.name.empty()) request.set("name", f.name);
  put_catalog(request, f.catalog_files);
  request.set("measurements", documents_of(f.from, "/measurements"));
  if (!f.from.empty()) came_from("/measurements", joined(f.from));
  if (!f.runs.empty()) request.set("runs", runs_of(f.runs, f, "/runs"));
  if (!f.check_runs.empty()) request.set("check_runs", runs_of(f.check_runs, f, "/check_runs"));
  if (!f.check.empty()) request.set("check", documents_of(f.check, "/check"));
  const std::string document = calibrate_json(request.dump());
  write_file(f.out, document);
  const JsonValue answer = JsonValue::parse(document);
  std::string text;
  for (const JsonValue& p : answer["products"].items()) {
    text += p["type"].text() + ": median error " + percent(p["before"]["median_error_percent"]) +
            " before, " + percent(p["after"]["median_error_percent"]) + " after; 90 % within " +
            percent(p["after"]["p90_error_percent"]) + "; " +
            std::to_string(p["points"].items().size()) + " products, " +
            std::to_string(p["outliers"].items().size()) + " outliers\n";
    if (const JsonValue& check = p["check"]; !check.is_null())
      text += "  unseen: " + check["products"].dump() + " products, median error " +
              percent(check["median_error_percent"]) + "\n";
    for (const JsonValue& o : p["outliers"].items())
      text += "  left out: " + o["m"].dump() + " x " + o["n"].dump() + " x " + o["k"].dump() +
              ", " + o["times_the_law"].dump() + " times the law\n";
  }
  if (const JsonValue& links = answer["links"]; !links.is_null()) text += links_text(links);
  if (const JsonValue& launch = answer["launch"]; !launch.is_null()) {
    text += "launches:";
    for (const auto& [name, us] : launch.members())
      text += " " + name + " " + us.dump();
    text += "\n";
  }
  if (const JsonValue& runs = answer["engine_runs"]; !runs.is_null()) text += runs_text(runs);
  for (const JsonValue& name : answer["not_trusted"].items())
    text += "  not trusted: " + name.text() + "\n";
  print(text + "Written to " + f.out + "; use it with --catalog " + f.out + "\n");
  return exit_answered;
}

} // namespace

void add_calibrate(CLI::App& app, int& code) {
  auto f = std::make_shared<CalibrateFlags>();
  CLI::App* sub = app.add_subcommand("calibrate", "Make plans of a device sharper by measurements");
  sub->add_option("--device", f->device, "Name of the device in the catalogue")->required();
  CLI::Option* from = sub->add_option("--from", f->from, "JSON lines of dsk bench; repeat for more")
                          ->allow_extra_args(false);
  CLI::Option* runs =
      sub->add_option("--runs", f->runs,
                      "A run of an engine: a folder with meta.json and requests.jsonl, the result "
                      "file of vllm bench serve, or a report of dsk load; repeat for more")
          ->allow_extra_args(false);
  sub->add_option("--check-runs", f->check_runs, "A run that is predicted, not fitted")
      ->allow_extra_args(false);
  sub->add_option("--deployment", f->deployment,
                  "Simulation request without workload: what the runs in files were made on");
  sub->add_option("--check", f->check, "JSON lines that are predicted, not fitted")
      ->allow_extra_args(false);
  sub->add_option("--catalog", f->catalog_files,
                  "File with your own device or model; repeat for more")
      ->allow_extra_args(false);
  sub->add_option("--name", f->name, "Name of the calibration");
  sub->add_option("--out", f->out, "Document to write");
  sub->callback([f, from, runs, &code] {
    if (from->count() + runs->count() == 0) throw UsageError("give --from or --runs");
    code = run(*f);
  });
}

} // namespace dsk::cli
