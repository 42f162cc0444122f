// dsk validate KIND FILE: measurements of others against the library's predictions.
#pragma once

#include "cli/command.hpp"

namespace dsk::cli {

/// Each adds one kind of measurement to the subcommand `validate`.
void add_validate_memory(CLI::App& validate, int& code);
void add_validate_kernels(CLI::App& app, int& code);
void add_validate_e2e(CLI::App& validate, int& code);
void add_validate_requests(CLI::App& validate, int& code);

} // namespace dsk::cli
