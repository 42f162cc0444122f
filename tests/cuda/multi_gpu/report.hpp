// What a run says: JSON lines on standard output, and at the end one table of them.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "options.hpp"

namespace multi {

/// One JSON line. Members end in their unit; NaN is written as null.
class Line {
public:
  explicit Line(const std::string& kind);
  Line& set(const char* name, const std::string& value);
  Line& set(const char* name, const char* value) { return set(name, std::string(value)); }
  Line& set(const char* name, double value);
  Line& set(const char* name, bool value);
  template <class T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
  Line& set(const char* name, T value) {
    return raw(name, std::to_string(value));
  }
  /// Safe from several threads at once.
  void emit() const;

private:
  Line& raw(const char* name, const std::string& json);
  std::string text_;
};

/// A figure beside its goal. `goal` is an id of goals.hpp.
struct Figure {
  std::string goal;
  std::uint32_t world = 0;
  std::string what;
  double value = NAN;
  std::string rests_on; // kernels and paths that the figure is made of
  double anchor = NAN;  // the rival on this machine, same unit
  std::string anchor_name = {};
};
void emit(const Options& options, const Figure& figure);

/// A check's outcome: `worst` is the largest deviation as a share of what is allowed.
struct Verdict {
  std::string part, layout, transport;
  std::uint32_t world = 0;
  std::uint64_t cases = 0, wrong = 0;
  double worst = 0;
  void add(double deviation) {
    ++cases;
    wrong += deviation <= 1 ? 0 : 1; // NaN is wrong
    worst = std::fmax(worst, deviation);
  }
};
void emit(const Verdict& verdict);

void emit_skip(const std::string& part, const std::string& what, const std::string& reason);

/// The readable end of a run. True when nothing was wrong; what was not done is no error.
bool print_table(const std::vector<std::string>& lines);
/// One line of progress, or "" for lines that are not worth one.
std::string progress_of(const std::string& line);

} // namespace multi
