// dsk validate e2e FILE.csv and dsk validate requests DIR: measured serving against the simulator.
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "cli/request.hpp"
#include "cli/run_deployment.hpp"
#include "cli/validate.hpp"

namespace dsk::cli {
namespace {

struct ValidateServingFlags {
  std::string file;
  std::string models_dir, devices_dir;
  std::string predictions_file;
  std::string device, model;
  std::string hold_out;
  std::int64_t jobs = 2;
  std::vector<std::string> catalog_files;
  bool json = false;
};

/// Calls a C function that gives a report without its length.
template <class Call> std::string report_from(Call&& call) {
  return detail::text_from([&](char** out, size_t* length, dsk_error** error) {
    const dsk_status status = call(out, error);
    if (status == DSK_STATUS_OK) *length = std::strlen(*out);
    return status;
  });
}

// A record under another name of one that the catalogue has takes its place.
std::string catalogue_name(dsk_catalog_kind kind, const std::string& name) {
  try {
    return JsonValue::parse(catalog_record(kind, name))["name"].text();
  } catch (const Error& e) {
    if (e.status() != DSK_STATUS_NOT_FOUND) throw;
    return name;
  }
}

JsonValue read_device(const std::string& path, const std::string& place) {
  const JsonValue document = read_json(path, place);
  if (document.kind() != JsonValue::Kind::object) return document;
  JsonValue device = JsonValue::object();
  for (const auto& [name, value] : document.members())
    device.set(name, name == "name" && value.kind() == JsonValue::Kind::text
                         ? JsonValue(catalogue_name(DSK_CATALOG_DEVICE, value.text()))
                         : value);
  return device;
}

void add_catalog(JsonValue& request, const ValidateServingFlags& f) {
  JsonValue documents = catalog_of(f.catalog_files);
  const auto place = [&] { return "/catalog/" + std::to_string(documents.items().size()); };
  if (!f.devices_dir.empty())
    for (const std::string& path : files_under(f.devices_dir, ".json"))
      documents.add(read_device(path, place()));
  if (!f.models_dir.empty())
    for (const std::string& path : files_under(f.models_dir, "config.json")) {
      // DIR/NAME/config.json: the folder names the model.
      if (!path.ends_with("/config.json")) continue;
      const std::string folder = path.substr(0, path.size() - std::string("/config.json").size());
      JsonValue document = JsonValue::object();
      document.set("kind", "model");
      document.set("name", catalogue_name(DSK_CATALOG_MODEL, folder.substr(folder.rfind('/') + 1)));
      document.set("source", path);
      document.set("as_of", "2026-11");
      document.set("config", read_json(path, place()));
      const std::string quantization = folder + "/hf_quant_config.json";
      if (file_exists(quantization))
        document.set("hf_quant_config", read_json(quantization, place() + "/hf_quant_config"));
      documents.add(std::move(document));
    }
  if (!documents.items().empty()) request.set("catalog", std::move(documents));
}

std::string scores_text(const JsonValue& report) {
  char line[256];
  std::string out = std::to_string(report["rows"].integer()) + " rows, " +
                    std::to_string(report["runs"].integer()) +
                    " runs. Errors |predicted / measured - 1| in %; signed: median of predicted / "
                    "measured - 1; 90 %: rows inside their interval.\n\n";
  std::snprintf(line, sizeof line, "%-48s %-25s %11s %7s %7s %7s %7s %6s\n", "rows", "metric",
                "predicted", "MAPE", "median", "P90", "signed", "90 %");
  out += line;
  std::vector<JsonValue> scores = report["scores"].items();
  for (const auto& member : report.members())
    if (member.first == "hold_out") scores = member.second["scores"].items();
  for (const JsonValue& s : scores) {
    const std::string count =
        std::to_string(s["predicted"].integer()) + "/" + std::to_string(s["rows"].integer());
    if (s["predicted"].integer() == 0) {
      std::snprintf(line, sizeof line, "%-48s %-25s %11s\n", s["group"].text().c_str(),
                    s["metric"].text().c_str(), count.c_str());
    } else {
      std::snprintf(line, sizeof line, "%-48s %-25s %11s %7.1f %7.1f %7.1f %7.1f %6.1f\n",
                    s["group"].text().c_str(), s["metric"].text().c_str(), count.c_str(),
                    s["mape"].number(), s["median"].number(), s["p90"].number(),
                    s["signed_median"].number(), s["coverage"].number());
    }
    out += line;
  }
  for (const JsonValue& item : report["not_predicted"].items())
    out += "not predicted: " + std::to_string(item["rows"].integer()) +
           " rows: " + item["reason"].text() + "\n";
  return out;
}

int run_e2e(const ValidateServingFlags& f) {
  JsonValue request = JsonValue::object();
  request.set("jobs", f.jobs);
  if (!f.hold_out.empty()) request.set("hold_out", f.hold_out);
  add_catalog(request, f);
  const std::string document = request.dump();
  came_from("/csv", f.file);
  const std::string csv = read_file(f.file);
  char* predictions = nullptr;
  const std::string report = report_from([&](char** out, dsk_error** error) {
    return dsk_plan_validate_e2e(document.data(), document.size(), csv.data(), csv.size(),
                                 interrupt().get(), out, &predictions, error);
  });
  const std::unique_ptr<char, void (*)(void*)> owner(predictions, dsk_free);
  if (!f.predictions_file.empty()) write_file(f.predictions_file, predictions);
  print(f.json ? report : scores_text(JsonValue::parse(report)));
  return exit_answered;
}

int run_requests(const ValidateServingFlags& f) {
  JsonValue request = RunMeta(f.file + "/meta.json", "").deployment(f.device, f.model);
  add_catalog(request, f);
  const std::string document = request.dump();
  came_from("/log", f.file + "/requests.jsonl");
  const std::string log = read_file(f.file + "/requests.jsonl");
  const std::string text = report_from([&](char** out, dsk_error** error) {
    return dsk_plan_validate_requests(document.data(), document.size(), log.data(), log.size(),
                                      interrupt().get(), out, error);
  });
  if (f.json) {
    print(text);
    return exit_answered;
  }
  const JsonValue report = JsonValue::parse(text);
  char line[256];
  std::string out;
  std::snprintf(line, sizeof line, "%-20s %12s %12s %9s\n", "", "measured", "simulated", "error %");
  out += line;
  const auto row = [&](const std::string& name, const JsonValue& c) {
    std::snprintf(line, sizeof line, "%-20s %12.5g %12.5g %9.1f\n", name.c_str(),
                  c["measured"].number(), c["simulated"].number(), c["error_percent"].number());
    out += line;
  };
  for (const char* metric : {"ttft_ms", "tpot_ms", "e2e_ms"})
    for (const char* at : {"mean", "p50", "p90", "p99"})
      row(std::string(metric) + " " + at, report[metric][at]);
  row("output tokens/s", report["output_tokens_per_s"]);
  const JsonValue& used = report["simulation"]["deployments"].items()[0]["calibration"];
  if (!used.is_null()) {
    out += "\nCalibration " + used["name"].text() + ", " + used["source"].text() + ", " +
           used["as_of"].text() + "; on it rest";
    for (const JsonValue& name : used["operators"].items())
      out += (&name == &used["operators"].items()[0] ? " " : ", ") + name.text();
    if (const JsonValue& factors = used["factors"]; !factors.is_null()) {
      out += "\nfactors:";
      for (const auto& [name, value] : factors.members())
        out += " " + name + " " + value.dump();
      if (factors["compute"].is_null())
        out += "; those on compute and memory are of another device and do not hold here";
    }
    out += "\n";
  }
  print(out);
  return exit_answered;
}

} // namespace

void add_validate_e2e(CLI::App& validate, int& code) {
  auto f = std::make_shared<ValidateServingFlags>();
  CLI::App* sub = validate.add_subcommand("e2e", "Published end-to-end measurements, every row");
  sub->add_option("file", f->file, "Table (docs/results/e2e.md)")->required();
  sub->add_option("--models", f->models_dir, "DIR/NAME/config.json for each further model");
  sub->add_option("--devices", f->devices_dir, "Folder of further device documents");
  sub->add_option("--predictions", f->predictions_file, "Write one line a row here");
  sub->add_option("--jobs", f->jobs, "Threads");
  sub->add_option("--hold-out", f->hold_out,
                  "Refit every fitted constant without each model, gpu or (engine) version");
  sub->add_option("--catalog", f->catalog_files, "File with your own records; repeat for more")
      ->allow_extra_args(false);
  sub->add_flag("--json", f->json, "Print the report document");
  sub->callback([f, &code] { code = run_e2e(*f); });
}

void add_validate_requests(CLI::App& validate, int& code) {
  auto f = std::make_shared<ValidateServingFlags>();
  CLI::App* sub = validate.add_subcommand("requests", "A request log, replayed");
  sub->add_option("dir", f->file, "Folder with meta.json and requests.jsonl")->required();
  sub->add_option("--device", f->device, "Device, when meta.json does not name it");
  sub->add_option("--model", f->model, "Model instead of the one in meta.json");
  sub->add_option("--calibration", f->catalog_files, "Document of dsk calibrate")
      ->allow_extra_args(false);
  sub->add_option("--catalog", f->catalog_files, "File with your own records; repeat for more")
      ->allow_extra_args(false);
  sub->add_flag("--json", f->json, "Print the report document");
  sub->callback([f, &code] { code = run_requests(*f); });
}

} // namespace dsk::cli
