// What every subcommand shares: how it is added, how it ends, and the request that flags build.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "dsk/dsk.hpp"

namespace dsk::cli {

/// Exit codes of the tool, as docs/cli.md lists them.
enum ExitCode : int {
  exit_answered = 0,
  exit_infeasible = 1,
  exit_bad_input = 2,
  exit_internal = 3,
  exit_unavailable = 4,
  exit_cancelled = 130
};

/// A failure to read or write a file, with the system's reason.
class FileError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What the user typed makes no request.
class UsageError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// The token that Ctrl-C sets.
const Cancel& interrupt();

/// Each adds one subcommand to `app`; its callback stores the exit code in `code`.
void add_plan(CLI::App& app, int& code);
void add_memory(CLI::App& app, int& code);
void add_cost(CLI::App& app, int& code);
void add_catalog(CLI::App& app, int& code);
void add_explain(CLI::App& app, int& code);
void add_simulate(CLI::App& app, int& code);
void add_tune(CLI::App& app, int& code);
void add_validate(CLI::App& app, int& code);
void add_bench(CLI::App& app, int& code);
void add_throughput(CLI::App& bench, int& code);
void add_machine(CLI::App& app, int& code);
void add_calibrate(CLI::App& app, int& code);
void add_load(CLI::App& app, int& code);
void add_monitor(CLI::App& app, int& code);

} // namespace dsk::cli
