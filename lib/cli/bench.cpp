#include "dsk/bench.hpp"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

#include <unistd.h>

#include "cli/bench_table.hpp"
#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/origins.hpp"

namespace dsk::cli {
namespace {

struct BenchFlags {
  std::string suite;
  std::string backend = "cuda";
  int device = 0;
  std::string disk;
  std::string out;
  std::string model;
  int tp = 1;
  std::vector<std::string> only;
  bool json = false;
  // run
  std::string name;
  std::uint64_t iterations = 0;
  double seconds = 0;
  std::vector<std::string> command;
};

/// The file that a disk is measured on: the user's own, or one of 1 GiB in the user's folder that
/// goes with this object.
class DiskFile {
public:
  explicit DiskFile(const std::string& where) : path_(where) {
    if (where.empty() || !std::filesystem::is_directory(where)) return;
    path_ = where + "/dsk-bench-" + std::to_string(::getpid());
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    if (!file) throw FileError(path_ + ": cannot be written");
    own_ = true;
    // Not zeros: a file system may store those as nothing.
    std::string block(std::size_t{1} << 20, '\0');
    std::uint64_t state = 88172645463325252ull;
    bool good = true;
    for (int i = 0; i < 1024 && good && !interrupt().is_set(); ++i) {
      for (std::size_t at = 0; at < block.size(); at += 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        std::memcpy(&block[at], &state, 8);
      }
      good = std::fwrite(block.data(), 1, block.size(), file) == block.size();
    }
    good = std::fflush(file) == 0 && ::fsync(::fileno(file)) == 0 && good;
    if (std::fclose(file) != 0 || !good) {
      std::remove(path_.c_str());
      throw FileError(path_ + ": 1 GiB cannot be written here");
    }
  }
  ~DiskFile() {
    if (own_) std::remove(path_.c_str());
  }
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;
  const std::string& path() const { return path_; }

private:
  std::string path_;
  bool own_ = false;
};

JsonValue request_of(const BenchFlags& flags, const std::string& disk_path) {
  JsonValue request = JsonValue::object();
  request.set("suite", flags.suite);
  request.set("backend", flags.backend);
  request.set("device", static_cast<std::int64_t>(flags.device));
  if (!disk_path.empty()) request.set("disk_path", disk_path);
  if (!flags.model.empty()) {
    request.set("model", flags.model);
    request.set("tp", static_cast<std::int64_t>(flags.tp));
  }
  return request;
}

std::vector<std::string> probe_names(const BenchFlags& flags) {
  if (!flags.only.empty()) return flags.only;
  JsonValue request = request_of(flags, "");
  request.set("list", true);
  std::vector<std::string> names;
  for (const std::string& line : lines_of(bench_probe(request.dump(), interrupt())))
    names.push_back(JsonValue::parse(line)["name"].text());
  return names;
}

/// What a former run has written already: its whole lines and the probes that they end. Probes that
/// were not run are left out: what they lacked may be there now.
struct Former {
  std::string text;
  std::set<std::string> done;
};

Former former_run(const std::string& path) {
  Former out;
  if (path.empty() || !std::filesystem::exists(path)) return out;
  const std::string text = read_file(path);
  if (text.empty()) return out;
  const std::string whole =
      text.substr(0, text.rfind('\n') + 1); // a killed run may leave half a line
  const auto text_of = [](const JsonValue& object, const char* name) {
    const bool there =
        object.kind() == JsonValue::Kind::object && object[name].kind() == JsonValue::Kind::text;
    return there ? object[name].text() : std::string();
  };
  std::size_t at = 0;
  const std::vector<std::string> lines = lines_of(whole);
  for (const JsonValue& document : parse_json_lines(whole, path, "/former")) {
    const std::string& line = lines.at(at);
    const bool machine = text_of(document, "kind") == "machine";
    if (at++ == 0 ? !machine : !machine && text_of(document, "name").empty()) {
      at = 0;
      break;
    }
    if (!machine && !document["skipped"].is_null()) continue;
    if (!machine) out.done.insert(text_of(document, "name"));
    out.text += line + "\n";
  }
  // A file of something else stays as it is.
  if (at == 0) throw UsageError(path + ": is no run of dsk bench, which --out could go on with");
  return out;
}

// One call for each probe, so that what is done is on disk before the next begins.
int run_suite(const BenchFlags& flags) {
  const DiskFile disk(flags.disk);
  Former former = former_run(flags.out);
  if (former.text.empty()) former.text = machine_json();
  if (!flags.out.empty()) write_file(flags.out, former.text);
  if (flags.json)
    print(former.text);
  else
    print(machine_line(former.text) + measurement_heading());
  const std::vector<std::string> names = probe_names(flags);
  std::size_t at = 0, former_count = 0;
  std::string last_reason;
  for (const std::string& name : names) {
    ++at;
    if (former.done.count(name)) {
      ++former_count;
      continue;
    }
    if (isatty(STDERR_FILENO))
      std::fprintf(stderr, "\r\033[K%zu of %zu: %s", at, names.size(), name.c_str());
    JsonValue request = request_of(flags, disk.path());
    JsonValue one = JsonValue::array();
    one.add(JsonValue(name));
    request.set("probes", std::move(one));
    std::string fresh;
    for (const std::string& line : lines_of(bench_probe(request.dump(), interrupt())))
      if (JsonValue::parse(line)["kind"].text() != "machine") fresh += line + "\n";
    if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\r\033[K");
    if (!flags.out.empty()) append_file(flags.out, fresh);
    if (flags.json)
      print(fresh);
    else
      for (const std::string& line : lines_of(fresh))
        print(measurement_row(line, last_reason));
  }
  if (!flags.json && former_count > 0)
    print(std::to_string(former_count) + " of " + std::to_string(names.size()) + " are in " +
          flags.out + " already and were not measured again\n");
  return exit_answered;
}

int run_command(const BenchFlags& flags) {
  dsk_bench_options options = DSK_BENCH_OPTIONS_INIT;
  options.name = flags.name.empty() ? nullptr : flags.name.c_str();
  options.cancel = interrupt().get();
  if (flags.iterations) {
    options.flags |= DSK_BENCH_FIXED_COUNT;
    options.min_samples = flags.iterations;
  }
  if (flags.seconds > 0) options.max_time_ns = static_cast<std::uint64_t>(1e9 * flags.seconds);
  const std::string line = bench_command(options, flags.command);
  if (!flags.out.empty()) append_file(flags.out, line);
  print(flags.json ? line : measurement_heading() + measurement_row(line));
  return exit_answered;
}

} // namespace

void add_bench(CLI::App& app, int& code) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine, a command or an engine");
  bench->require_subcommand(1);
  const auto suite = [&](const char* name, const char* suite_name, const char* what) {
    CLI::App* sub = bench->add_subcommand(name, what);
    sub->add_option("--backend", flags->backend, "Backend of the device");
    sub->add_option("--device", flags->device, "Number of the device");
    sub->add_option("--model", flags->model, "Measure the linear layers of this model too");
    sub->add_option("--tp", flags->tp, "Tensor-parallel width that splits them");
    sub->add_option("--disk", flags->disk,
                    "File to read, or folder for a file of 1 GiB that is removed again");
    sub->add_option("--only", flags->only, "Probes to run, by name")->delimiter(',');
    sub->add_option("--out", flags->out,
                    "Append JSON lines here; what is there already is not measured again");
    sub->add_flag("--json", flags->json, "Print JSON lines");
    sub->callback([flags, suite_name, &code] {
      flags->suite = suite_name;
      code = run_suite(*flags);
    });
  };
  suite("quick", "quick", "Memory, products, launches and links in about a minute");
  suite("full", "full", "Every probe; resumes with the same --out");
  suite("host", "host", "Memory and disk of the host alone");
  suite("before-after", "before_after",
        "Merged batches, graphs, a persistent kernel and programmatic launch, before and after");
  add_throughput(*bench, code);
  CLI::App* command =
      bench->add_subcommand("run", "Measure a command: dsk bench run -- PROGRAM ...");
  command->add_option("--name", flags->name, "Label of the measurement");
  command->add_option("--iterations", flags->iterations, "Run exactly so often after the warm-up");
  command->add_option("--seconds", flags->seconds, "Stop after this time at the latest");
  command->add_option("--out", flags->out, "Append the JSON line here");
  command->add_flag("--json", flags->json, "Print the JSON line");
  command->add_option("command", flags->command, "Program and arguments")->required();
  command->callback([flags, &code] { code = run_command(*flags); });
}

} // namespace dsk::cli
