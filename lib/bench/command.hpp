// A command as a subject: started without a shell, waited for, its resources recorded.
#pragma once

#include <string>
#include <vector>

#include "bench/harness.hpp"

namespace dsk::bench {

/// Each iteration runs the command once. Throws NOT_FOUND when there is no such program, BACKEND
/// when it ends with another code than 0.
Subject command_subject(std::vector<std::string> argv);

/// User and system time and peak memory of the children that were waited for in between.
class ChildrenWatch : public Watch {
public:
  void begin() override;
  void end(Json& measurement, std::vector<Doubt>& doubts) override;

private:
  double user_s_ = 0;
  double system_s_ = 0;
};

} // namespace dsk::bench
