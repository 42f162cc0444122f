// The run on several GPUs: everything that needs more than one device, in one call of bounded time.
//   usage: multi_gpu [--backend cuda|cpu] [--ranks 8,4,2] [--budget SECONDS] [--out FILE.jsonl]
//                    [--skip PART,...] [--only PART,...] [--one-device] [--small]
//          multi_gpu --table FILE.jsonl   prints the table of a run that is over
// Each part runs in a process of its own, so that a hang or a crash costs that part alone; time
// that a part leaves over goes to those after it. JSON lines go to FILE, a table to standard
// output.
// --one-device puts all ranks on device 0, driven by one thread. --small takes sizes that test this
// program instead of a machine. Exit 0 when nothing was wrong, also when time ran out; 1 otherwise.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <stdexcept>

#include "dsk/tp.h"
#include "parts.hpp"
#include "process.hpp"
#include "report.hpp"
#include "world.hpp"

namespace {

using namespace multi;

struct Part {
  const char* name;
  double weight; // share of the time
  void (*run)(const Options&);
};
// What rests on nothing comes first; what may end badly comes last.
constexpr Part parts[] = {
    {"topology", 30, topology},      {"check", 50, check},   {"processes", 50, check_processes},
    {"all-reduce", 150, all_reduce}, {"decode", 90, decode}, {"prefill", 90, prefill},
    {"replays", 60, replays},        {"loss", 60, loss}};

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

struct Command {
  Options options;
  double budget_s = 570;
  std::string out = "multi_gpu.jsonl", table, part, rank_of;
  std::vector<std::string> skip, only;
};

Command parse(int argc, char** argv) {
  Command command;
  const auto known = [](const std::vector<std::string>& names) {
    for (const std::string& name : names)
      if (std::none_of(std::begin(parts), std::end(parts),
                       [&](const Part& part) { return name == part.name; }))
        throw std::runtime_error("there is no part \"" + name + "\"");
    return names;
  };
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw std::runtime_error(name + " needs a value");
      return argv[++i];
    };
    if (name == "--backend")
      command.options.backend = value();
    else if (name == "--ranks")
      for (const std::string& word : words(value()))
        command.options.worlds.push_back(static_cast<std::uint32_t>(std::stoul(word)));
    else if (name == "--budget")
      command.budget_s = std::stod(value());
    else if (name == "--out")
      command.out = value();
    else if (name == "--table")
      command.table = value();
    else if (name == "--skip")
      command.skip = known(words(value()));
    else if (name == "--only")
      command.only = known(words(value()));
    else if (name == "--one-device")
      command.options.one_device = true;
    else if (name == "--small")
      command.options.small = true;
    else if (name == "--until")
      command.options.until_s = std::stod(value());
    else if (name == "--part")
      command.part = value();
    else if (name == "--rank-of")
      command.rank_of = value();
    else
      throw std::runtime_error("there is no option " + name);
  }
  std::sort(command.options.worlds.rbegin(), command.options.worlds.rend());
  for (const std::uint32_t world : command.options.worlds)
    if (world < 2 || world > 16) throw std::runtime_error("--ranks takes 2 to 16");
  return command;
}

/// 8, 4 and 2, as far as there are devices.
std::vector<std::uint32_t> default_worlds(const Options& options) {
  std::uint32_t devices = 8;
  if (options.backend != "cpu" && !options.one_device) {
    dsk_backend_probe probe{};
    probe.struct_size = sizeof probe;
    dsk_backend_error error{};
    need(table_of(options.backend).probe(&probe, &error), error);
    devices = probe.device_count;
  }
  std::vector<std::uint32_t> worlds;
  for (const std::uint32_t world : {8u, 4u, 2u})
    if (world <= devices) worlds.push_back(world);
  if (worlds.empty())
    throw std::runtime_error("there are " + std::to_string(devices) +
                             " devices; at least 2 are needed, or --one-device");
  return worlds;
}

int table_of_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  return print_table(lines) ? 0 : 1;
}

int lead(Command& command) {
  Options& options = command.options;
  const double start = now_s(), end = start + command.budget_s;
  if (options.worlds.empty()) options.worlds = default_worlds(options);
  std::FILE* file = std::fopen(command.out.c_str(), "w");
  if (!file) throw std::runtime_error("cannot write " + command.out);
  std::vector<std::string> lines;
  const auto keep = [&](const std::string& line) {
    if (line[0] == '{') { // a library may print something of its own
      lines.push_back(line);
      std::fprintf(file, "%s\n", line.c_str());
      std::fflush(file);
    }
    const std::string text = progress_of(line);
    if (!text.empty()) std::printf("[%5.1f s] %s\n", now_s() - start, text.c_str());
    std::fflush(stdout);
  };
  const auto chosen = [&](const Part& part) {
    const auto in = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), part.name) != names.end();
    };
    return !in(command.skip) && (command.only.empty() || in(command.only));
  };
  double weights = 0;
  for (const Part& part : parts)
    weights += chosen(part) ? part.weight : 0;
  for (const Part& part : parts) {
    if (!chosen(part)) continue;
    const auto note = [&](const char* kind, const std::string& what) {
      keep("{\"kind\":\"" + std::string(kind) + "\",\"part\":\"" + part.name + "\",\"what\":\"" +
           what + "\"}");
    };
    // Past its time a part gets a little more to end by itself, and is then killed.
    const double begun = now_s(), share = (end - begun) * part.weight / weights;
    weights -= part.weight;
    options.until_s = begun + share;
    if (share < 0.2) {
      note("unfinished", "not begun");
      continue;
    }
    std::vector<std::string> arguments = arguments_of(options);
    arguments.insert(arguments.end(), {"--part", part.name});
    std::vector<std::unique_ptr<Child>> child;
    child.push_back(std::make_unique<Child>(arguments, std::map<std::string, std::string>{}));
    std::string line;
    std::size_t from = 0;
    while (next_line(child, options.until_s + std::min(15.0, 5 + share / 4), from, line))
      keep(line);
    const bool hung = !child[0]->ended();
    if (hung) child[0]->kill_now();
    const int code = child[0]->wait();
    char text[96];
    std::snprintf(text, sizeof text, "%.1f of %.1f s, %s", now_s() - begun, share,
                  hung   ? "killed: it did not end"
                  : code ? "failed"
                         : "done");
    if (hung || code != 0)
      note("wrong", hung ? "did not end in its time" : "ended with code " + std::to_string(code));
    note("part", text);
  }
  std::fclose(file);
  const bool right = print_table(lines);
  std::printf("\n%s after %.1f s; %zu lines in %s\n",
              right ? "nothing was wrong" : "SOMETHING WAS WRONG", now_s() - start, lines.size(),
              command.out.c_str());
  return right ? 0 : 1;
}

int run(int argc, char** argv) {
  // Multicast stays off in every process of the run: it can take a shared host's links down.
  setenv("NCCL_NVLS_ENABLE", "0", 1);
  // Two streams of a rank must not share a queue of the device.
  setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
  Command command = parse(argc, argv);
  if (!command.table.empty()) return table_of_file(command.table);
  if (command.part.empty() && command.rank_of.empty()) return lead(command);
  die_with_parent();
  if (!command.rank_of.empty()) {
    if (!run_rank(command.options, command.rank_of))
      throw std::runtime_error("there is no part \"" + command.rank_of + "\" with rank processes");
    return 0;
  }
  for (const Part& part : parts)
    if (command.part == part.name) part.run(command.options);
  return 0;
}

} // namespace

bool multi::run_rank(const Options& options, const std::string& part) {
  if (part == "processes")
    check_rank(options);
  else if (part == "loss")
    loss_rank(options);
  else
    return false;
  return true;
}

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "multi_gpu: %s\n", e.what());
    return 2;
  }
}
