// dsk: the library on the command line.
#include <csignal>
#include <cstdio>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/origins.hpp"

namespace dsk::cli {
namespace {

int exit_code_of(dsk_status status) {
  switch (status) {
  case DSK_STATUS_OK:
    return exit_answered;
  case DSK_STATUS_INVALID_ARGUMENT:
  case DSK_STATUS_INVALID_REQUEST:
  case DSK_STATUS_NOT_FOUND:
  case DSK_STATUS_UNSUPPORTED:
    return exit_bad_input;
  case DSK_STATUS_UNAVAILABLE:
  case DSK_STATUS_IO:
  case DSK_STATUS_BACKEND:
    return exit_unavailable;
  case DSK_STATUS_CANCELLED:
  case DSK_STATUS_DEADLINE:
    return exit_cancelled;
  case DSK_STATUS_OUT_OF_MEMORY:
  case DSK_STATUS_INTERNAL:
  case DSK_STATUS_FORCE_32BIT:
    break;
  }
  return exit_internal;
}

int complain(int code, const std::string& message) {
  std::fprintf(stderr, "dsk: %s\n", message.c_str());
  return code;
}

int run(int argc, char** argv) {
  check_abi();
  CLI::App app("Plan, measure and run DeepSeek-class models.", "dsk");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("dsk ") + dsk_version_string());
  int code = exit_answered;
  add_plan(app, code);
  add_memory(app, code);
  add_cost(app, code);
  add_catalog(app, code);
  add_explain(app, code);
  add_simulate(app, code);
  add_tune(app, code);
  add_validate(app, code);
  add_bench(app, code);
  add_machine(app, code);
  add_calibrate(app, code);
  add_load(app, code);
  add_monitor(app, code);
  app.add_subcommand("version", "Print the version of the tool and of the library")->callback([] {
    print("dsk " + std::to_string(DSK_VERSION_MAJOR) + "." + std::to_string(DSK_VERSION_MINOR) +
          "." + std::to_string(DSK_VERSION_PATCH) + ", libdsk " + dsk_version_string() + ", ABI " +
          std::to_string(dsk_abi_version()) + "\n");
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // Help and version end here too, with code 0.
    return app.exit(e) == 0 ? exit_answered : exit_bad_input;
  }
  return code;
}

} // namespace

const Cancel& interrupt() {
  static const Cancel cancel;
  return cancel;
}

} // namespace dsk::cli

int main(int argc, char** argv) {
  using namespace dsk::cli;
  try {
    interrupt(); // made before a signal can come
    std::signal(SIGINT, [](int) { dsk_cancel_set(interrupt().get()); });
    return run(argc, argv);
  } catch (const dsk::Error& e) {
    return complain(exit_code_of(e.status()), sentence_of(e));
  } catch (const FileError& e) {
    return complain(exit_unavailable, e.what());
  } catch (const UsageError& e) {
    return complain(exit_bad_input, e.what());
  } catch (const std::exception& e) {
    return complain(exit_internal, e.what());
  }
}
