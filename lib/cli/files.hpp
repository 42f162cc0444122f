// Whole files in and out.
#pragma once

#include <string>
#include <vector>

namespace dsk::cli {

/// "-" reads standard input. Throws FileError, and UsageError for more than 64 MiB.
std::string read_file(const std::string& path);

/// The same, and unpacks a name that ends in .gz.
std::string read_table(const std::string& path);

/// Writes beside the target and renames, so that no partial file stays behind. Throws FileError.
void write_file(const std::string& path, const std::string& text);

/// Adds to the end of a file and puts it on the disk. Throws FileError.
void append_file(const std::string& path, const std::string& text);

void make_directory(const std::string& path);

/// Standard output, checked: a full disk or a closed pipe is an error.
void print(const std::string& text);

bool file_exists(const std::string& path);

/// Files at any depth of a folder whose name ends in `ending`, sorted. Throws FileError.
std::vector<std::string> files_under(const std::string& folder, const std::string& ending);

} // namespace dsk::cli
