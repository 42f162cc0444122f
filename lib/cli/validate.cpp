#include "cli/validate.hpp"

namespace dsk::cli {

void add_validate(CLI::App& app, int& code) {
  CLI::App* sub =
      app.add_subcommand("validate", "Predict published measurements and show the error");
  sub->require_subcommand(1);
  add_validate_memory(*sub, code);
  add_validate_kernels(*sub, code);
  add_validate_e2e(*sub, code);
  add_validate_requests(*sub, code);
}

} // namespace dsk::cli
