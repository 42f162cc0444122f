// Whole files in and out.
#pragma once

#include <string>

namespace dsk::cli {

/// "-" reads standard input. Throws FileError; refuses more than 64 MiB.
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

} // namespace dsk::cli
