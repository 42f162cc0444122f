#include <cstdio>
#include <ctime>
#include <memory>

#include "cli/bench_table.hpp"
#include "cli/command.hpp"
#include "cli/files.hpp"
#include "dsk/bench.hpp"

namespace dsk::cli {
namespace {

struct Flags {
  std::string device;
  std::vector<std::string> from, check;
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

std::string percent(const JsonValue& value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", value.number());
  return text;
}

JsonValue documents_of(const std::vector<std::string>& files) {
  JsonValue out = JsonValue::array();
  for (const std::string& file : files)
    for (const std::string& line : lines_of(read_file(file)))
      out.add(JsonValue::parse(line));
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
      text += "  out of line: " + o["from"].dump() + " to " + o["to"].dump() + ", " +
              o["gb_per_s"].dump() + " GB/s\n";
  }
  for (const JsonValue& c : links["all_reduce"].items()) {
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

int run(const Flags& f) {
  JsonValue request = JsonValue::object();
  request.set("device", f.device);
  request.set("as_of", today());
  if (!f.name.empty()) request.set("name", f.name);
  request.set("measurements", documents_of(f.from));
  if (!f.check.empty()) request.set("check", documents_of(f.check));
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
  for (const JsonValue& name : answer["not_trusted"].items())
    text += "  not trusted: " + name.text() + "\n";
  print(text + "Written to " + f.out + "; use it with --catalog " + f.out + "\n");
  return exit_answered;
}

} // namespace

void add_calibrate(CLI::App& app, int& code) {
  auto f = std::make_shared<Flags>();
  CLI::App* sub = app.add_subcommand("calibrate", "Make plans of a device sharper by measurements");
  sub->add_option("--device", f->device, "Name of the device in the catalogue")->required();
  sub->add_option("--from", f->from, "JSON lines of dsk bench; repeat for more")
      ->required()
      ->allow_extra_args(false);
  sub->add_option("--check", f->check, "JSON lines that are predicted, not fitted")
      ->allow_extra_args(false);
  sub->add_option("--name", f->name, "Name of the calibration");
  sub->add_option("--out", f->out, "Document to write");
  sub->callback([f, &code] { code = run(*f); });
}

} // namespace dsk::cli
