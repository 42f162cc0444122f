#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "options.hpp"

extern char** environ;

namespace multi {

Child::Child(const std::vector<std::string>& arguments,
             const std::map<std::string, std::string>& environment) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    if (environment.find(text.substr(0, text.find('='))) == environment.end())
      variables.push_back(text);
  }
  for (const auto& [name, value] : environment)
    variables.push_back(name + "=" + value);
  std::vector<char*> argv, env;
  std::string self = "/proc/self/exe";
  argv.push_back(self.data());
  std::vector<std::string> copies = arguments;
  for (std::string& argument : copies)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  for (std::string& variable : variables)
    env.push_back(variable.data());
  env.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe: " + std::string(strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int failure = posix_spawn(&pid_, self.c_str(), &actions, nullptr, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  fd_ = ends[0];
  if (failure != 0) {
    close(fd_);
    throw std::runtime_error("cannot start a process: " + std::string(strerror(failure)));
  }
  fcntl(fd_, F_SETFL, O_NONBLOCK);
}

Child::~Child() {
  if (status_ < 0) kill_now();
  (void)wait();
  if (fd_ >= 0) close(fd_);
}

void Child::kill_now() {
  if (status_ < 0) kill(pid_, SIGKILL);
}

int Child::wait() {
  if (status_ >= 0) return status_;
  int raw = 0;
  while (waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
  }
  status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return status_;
}

void Child::read_some() {
  char bytes[4096];
  while (fd_ >= 0) {
    const ssize_t got = read(fd_, bytes, sizeof bytes);
    if (got > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(got));
      continue;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    close(fd_);
    fd_ = -1;
    if (!buffer_.empty() && buffer_.back() != '\n') buffer_ += '\n'; // cut off by a kill
  }
}

bool Child::take_line(std::string& line) {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return false;
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return true;
}

bool next_line(const std::vector<std::unique_ptr<Child>>& children, double until_s,
               std::size_t& from, std::string& line) {
  for (;;) {
    std::vector<pollfd> open;
    for (std::size_t i = 0; i < children.size(); ++i) {
      if (!children[i]) continue;
      children[i]->read_some();
      if (children[i]->take_line(line)) {
        from = i;
        return true;
      }
      if (!children[i]->ended()) open.push_back({children[i]->fd(), POLLIN, 0});
    }
    const double left_ms = (until_s - now_s()) * 1000;
    if (open.empty() || left_ms <= 0) return false;
    (void)poll(open.data(), open.size(), left_ms > 1000 ? 1000 : static_cast<int>(left_ms) + 1);
  }
}

std::vector<std::string> arguments_of(const Options& options) {
  std::vector<std::string> out{"--backend", options.backend, "--until",
                               std::to_string(options.until_s)};
  std::string worlds;
  for (const std::uint32_t world : options.worlds)
    worlds += (worlds.empty() ? "" : ",") + std::to_string(world);
  out.insert(out.end(), {"--ranks", worlds});
  if (options.one_device) out.push_back("--one-device");
  if (options.small) out.push_back("--small");
  return out;
}
std::vector<std::string> rank_arguments(const Options& options, const std::string& part) {
  std::vector<std::string> out = arguments_of(options);
  out.insert(out.end(), {"--rank-of", part});
  return out;
}
void pass_on(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void die_with_parent() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

} // namespace multi
