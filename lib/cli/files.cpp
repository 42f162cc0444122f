#include "cli/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include <unistd.h>
#include <zlib.h>

#include "cli/command.hpp"

namespace dsk::cli {
namespace {

constexpr std::size_t max_file_bytes = std::size_t{64} << 20;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw FileError(path + ": " + what);
}

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

} // namespace

std::string read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin
                                                           : std::fopen(path.c_str(), "rb"));
  if (!file) fail(path, std::string("cannot be read: ") + std::strerror(errno));
  std::string text;
  char buffer[65536];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file.get())) {
    text.append(buffer, got);
    if (text.size() > max_file_bytes)
      throw UsageError(path + ": is larger than " + std::to_string(max_file_bytes) + " bytes");
  }
  if (std::ferror(file.get())) fail(path, std::string("cannot be read: ") + std::strerror(errno));
  return text;
}

std::string read_table(const std::string& path) {
  if (path.size() < 3 || path.compare(path.size() - 3, 3, ".gz") != 0) return read_file(path);
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) fail(path, std::string("cannot be read: ") + std::strerror(errno));
  std::string text;
  char buffer[65536];
  int got = 0;
  while ((got = gzread(file.get(), buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > max_file_bytes)
      fail(path, "unpacks to more than " + std::to_string(max_file_bytes) + " bytes");
  }
  // A file that ends early reads as shorter; zlib tells only when it is closed or asked.
  int code = Z_OK;
  const char* reason = gzerror(file.get(), &code);
  if (got < 0 || code != Z_OK) fail(path, std::string("cannot be unpacked: ") + reason);
  return text;
}

void write_file(const std::string& path, const std::string& text) {
  const std::string partial = path + ".partial-" + std::to_string(::getpid());
  std::FILE* file = std::fopen(partial.c_str(), "wb");
  if (!file) fail(path, std::string("cannot be written: ") + std::strerror(errno));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed || std::rename(partial.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    std::remove(partial.c_str());
    fail(path, "cannot be written: " + reason);
  }
}

void append_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "ab");
  if (!file) fail(path, std::string("cannot be written: ") + std::strerror(errno));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size() &&
                       std::fflush(file) == 0 && ::fsync(::fileno(file)) == 0;
  if (std::fclose(file) != 0 || !written)
    fail(path, std::string("cannot be written: ") + std::strerror(errno));
}

void make_directory(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) fail(path, "cannot be made: " + code.message());
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    fail("standard output", std::strerror(errno));
}

bool file_exists(const std::string& path) {
  std::error_code code;
  return std::filesystem::is_regular_file(path, code);
}

std::vector<std::string> files_under(const std::string& folder, const std::string& ending) {
  std::vector<std::string> found;
  std::error_code code;
  for (std::filesystem::recursive_directory_iterator at(folder, code), end; !code && at != end;
       at.increment(code))
    if (at->path().string().ends_with(ending)) found.push_back(at->path().string());
  if (code) fail(folder, "cannot be read: " + code.message());
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace dsk::cli
