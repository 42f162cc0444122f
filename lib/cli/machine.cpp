#include <memory>

#include "cli/bench_table.hpp"
#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "dsk/bench.hpp"

namespace dsk::cli {
namespace {

struct MachineFlags {
  std::string from;
  std::string out_dir = "machine-report";
  std::string suite = "quick";
  std::string first, second;
};

int write_report(const std::string& directory, const std::string& lines) {
  make_directory(directory);
  write_file(directory + "/report.jsonl", lines);
  write_file(directory + "/report.html", machine_page(lines));
  print("Written to " + directory + ": report.html, report.jsonl\n");
  return exit_answered;
}

/// Lines of measurements, checked; they become the documents from `first` on.
std::string read_lines(const std::string& path, std::size_t& first) {
  std::string text = read_file(path);
  first += parse_json_lines(text, path, "", first).size();
  return text;
}

int report(const MachineFlags& flags) {
  std::size_t first = 0;
  if (!flags.from.empty()) return write_report(flags.out_dir, read_lines(flags.from, first));
  JsonValue request = JsonValue::object();
  request.set("suite", flags.suite);
  return write_report(flags.out_dir, bench_probe(request.dump(), interrupt()));
}

int compare(const MachineFlags& flags) {
  std::size_t first = 0;
  const std::string one = read_lines(flags.first, first);
  return write_report(flags.out_dir, one + "\n" + read_lines(flags.second, first));
}

} // namespace

void add_machine(CLI::App& app, int& code) {
  auto flags = std::make_shared<MachineFlags>();
  CLI::App* machine = app.add_subcommand("machine", "What this machine is and reaches");
  machine->require_subcommand(1);
  machine->add_subcommand("show", "Print the machine record as JSON")->callback([&code] {
    print(machine_json());
    code = exit_answered;
  });
  CLI::App* sub = machine->add_subcommand(
      "report", "Record, measurements and hashes as one HTML page and one JSON lines file");
  sub->add_option("--from", flags->from, "Measurements that are taken already (dsk bench --out)");
  sub->add_option("--suite", flags->suite, "Measurements to take: quick, full, before_after, host");
  sub->add_option("--out-dir", flags->out_dir, "Folder to write to");
  sub->callback([flags, &code] { code = report(*flags); });
  CLI::App* both = machine->add_subcommand("compare", "Two reports side by side");
  both->add_option("first", flags->first, "report.jsonl")->required();
  both->add_option("second", flags->second, "report.jsonl of the other machine")->required();
  both->add_option("--out-dir", flags->out_dir, "Folder to write to");
  both->callback([flags, &code] { code = compare(*flags); });
}

} // namespace dsk::cli
