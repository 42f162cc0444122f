#include <cstdio>
#include <memory>

#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "cli/request.hpp"
#include "cli/validate.hpp"

namespace dsk::cli {
namespace {

struct ValidateKernelsFlags {
  std::string file;
  std::string device;
  std::string hold_out = "none";
  std::string predictions_file;
  std::vector<std::string> catalog_files;
  bool json = false;
};

std::string row_text(const JsonValue& s) {
  char line[256];
  std::snprintf(line, sizeof line,
                "%-2s%-21s %-7s %-18s %-15s %7lld %8.2f %8.2f %8.2f %7.3f %7.1f\n",
                s["flagged"].boolean() ? "*" : "", s["op"].text().c_str(),
                s["engine"].text().c_str(), s["type"].text().c_str(), s["size"].text().c_str(),
                static_cast<long long>(s["rows"].integer()), 100 * s["median"].number(),
                100 * s["mean"].number(), 100 * s["p90"].number(), s["bias"].number(),
                100 * s["coverage"].number());
  return line;
}

std::string scores_table(const JsonValue& report) {
  std::string out =
      report["device"].text() + ", hold-out " + report["hold_out"].text() + ", " +
      std::to_string(report["rows"].integer()) +
      " rows. Errors |predicted / measured - 1| in %; bias: median of "
      "predicted / measured; 90 %: rows inside\ntheir interval in %. Lines with * are "
      "rows that a rule calls artefacts.\n\n";
  char head[256];
  std::snprintf(head, sizeof head, "  %-21s %-7s %-18s %-15s %7s %8s %8s %8s %7s %7s\n", "operator",
                "engine", "format", "size", "rows", "median", "mean", "P90", "bias", "90 %");
  out += head;
  for (const JsonValue& score : report["scores"].items())
    out += row_text(score);
  for (const char* member : {"flagged", "not_predicted"})
    for (const JsonValue& item : report[member].items())
      out += (std::string(member) == "flagged" ? "" : "not predicted: ") + item["reason"].text() +
             ": " + std::to_string(item["rows"].integer()) + " rows\n";
  return out;
}

int run(const ValidateKernelsFlags& flags) {
  JsonValue request = JsonValue::object();
  request.set("device", flags.device);
  request.set("hold_out", flags.hold_out);
  put_catalog(request, flags.catalog_files);
  came_from("/csv", flags.file);
  const auto [report, predictions] = validate_kernels(request.dump(), read_table(flags.file));
  if (!flags.predictions_file.empty()) write_file(flags.predictions_file, predictions);
  print(flags.json ? report : scores_table(JsonValue::parse(report)));
  return exit_answered;
}

} // namespace

void add_validate_kernels(CLI::App& app, int& code) {
  auto flags = std::make_shared<ValidateKernelsFlags>();
  CLI::App* sub = app.add_subcommand("kernels", "Kernel times of a table, row by row");
  sub->add_option("file", flags->file, "The table: CSV, or CSV.gz")->required();
  sub->add_option("--gpu", flags->device, "Device that was measured")->required();
  sub->add_option("--hold-out", flags->hold_out,
                  "What the model must not have seen: shape, gpu (its family), device, frontier, "
                  "none")
      ->check(CLI::IsMember({"shape", "gpu", "device", "frontier", "none"}));
  sub->add_option("--predictions", flags->predictions_file,
                  "Write each row's prediction here (CSV)");
  sub->add_option("--catalog", flags->catalog_files, "File with your own device; repeat for more")
      ->allow_extra_args(false);
  sub->add_flag("--json", flags->json, "Print the scores as JSON");
  sub->callback([flags, &code] { code = run(*flags); });
}

} // namespace dsk::cli
