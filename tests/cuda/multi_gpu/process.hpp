// Processes of this same program, and the lines that they write.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "options.hpp"

namespace multi {

/// One child. Its standard output is a pipe that ends here; it is killed when this goes, and by the
/// kernel when this process goes.
class Child {
public:
  Child(const std::vector<std::string>& arguments,
        const std::map<std::string, std::string>& environment);
  ~Child();
  Child(const Child&) = delete;

  /// The next whole line, if one has come. Never waits.
  bool take_line(std::string& line);
  bool ended() const { return fd_ < 0 && buffer_.empty(); }
  int fd() const { return fd_; }
  void read_some();
  void kill_now();
  /// Waits for the end; the exit code, or 128 + signal.
  int wait();

private:
  pid_t pid_ = -1;
  int fd_ = -1;
  int status_ = -1; // of wait(), once it is known
  std::string buffer_;
};

/// Waits for a line of one of the children (NULL entries are left out). False when all have ended
/// or the time is up.
bool next_line(const std::vector<std::unique_ptr<Child>>& children, double until_s,
               std::size_t& from, std::string& line);

/// The options as arguments of this program.
std::vector<std::string> arguments_of(const Options& options);
/// Arguments of a process that is one rank of `part`.
std::vector<std::string> rank_arguments(const Options& options, const std::string& part);
/// Writes a child's line as this process's own.
void pass_on(const std::string& line);

/// To be called first in a child: it dies with its parent.
void die_with_parent();

} // namespace multi
