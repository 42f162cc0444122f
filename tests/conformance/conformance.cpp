// Runs the vectors of a folder through dsk.hpp: the same bytes, statuses, paths and sentences as in
// C; see README.md beside this file. The answers are read into the typed documents too.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "dsk/dsk.hpp"

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string call(const std::string& kind, const std::string& request, const std::string& plan) {
  if (kind == "plan") {
    std::string answer = dsk::Plan::from_json(request).to_json();
    (void)dsk::PlanAnswer::from_json(answer);
    return answer;
  }
  if (kind == "fit") {
    std::string answer = dsk::Plan::from_json(plan).fit_json(request);
    (void)dsk::FitAnswer::from_json(answer);
    return answer;
  }
  if (kind == "memory") {
    std::string answer = dsk::memory_json(request);
    (void)dsk::MemoryAnswer::from_json(answer);
    return answer;
  }
  std::string answer = dsk::cost_json(request);
  (void)dsk::CostAnswer::from_json(answer);
  return answer;
}

// What a failed call says, as the expected file holds it.
struct Failure {
  std::string status, path, message;
  bool operator==(const Failure& other) const {
    return status == other.status && path == other.path && message == other.message;
  }
};

bool holds(const std::string& kind, bool fails, const fs::path& folder, const std::string& name) {
  const std::string request = text_of(folder / (name + ".request.json"));
  const std::string plan = text_of(folder / (name + ".plan.json"));
  try {
    const std::string answer = call(kind, request, plan);
    return !fails && answer == text_of(folder / (name + ".answer.json"));
  } catch (const dsk::Error& e) {
    if (!fails) return false;
    const dsk::JsonValue expected = dsk::JsonValue::parse(text_of(folder / (name + ".error.json")));
    return Failure{dsk_status_name(e.status()), e.path(), e.what()} ==
           Failure{expected["status"].text(), expected["path"].text(), expected["message"].text()};
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: conformance_cpp FOLDER\n");
    return 2;
  }
  const std::uint64_t alive = dsk_live_objects();
  int cases = 0;
  int failures = 0;
  for (const std::string kind : {"plan", "memory", "cost", "fit"})
    for (const bool fails : {false, true}) {
      const fs::path folder = fs::path(argv[1]) / (fails ? "errors/" + kind : kind);
      for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        const std::string file = entry.path().filename().string();
        const std::size_t end = file.find(".request.json");
        if (end == std::string::npos) continue;
        ++cases;
        if (holds(kind, fails, folder, file.substr(0, end))) continue;
        std::printf("%s: another answer\n", entry.path().c_str());
        ++failures;
      }
    }
  if (dsk_live_objects() != alive) ++failures;
  std::printf("%d vectors, %d failed\n", cases, failures);
  return failures || cases == 0 ? 1 : 0;
}
