#include "report.hpp"

#include <cstdio>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "goals.hpp"

namespace multi {
namespace {

using Json = nlohmann::json;

const Goal* find_goal(const std::string& id, std::uint32_t world) {
  for (const Goal& goal : goals)
    if (goal.id == id && (goal.world == 0 || goal.world == world)) return &goal;
  return nullptr;
}
/// Text and unit of a goal that is set for other numbers of ranks only.
const Goal* find_named(const std::string& id) {
  for (const Goal& goal : goals)
    if (goal.id == id) return &goal;
  return nullptr;
}

std::string number(const Json& value) {
  if (!value.is_number()) return "-";
  char text[32];
  const double v = value.get<double>();
  std::snprintf(text, sizeof text, std::fabs(v) >= 100 ? "%.1f" : "%.3g", v);
  return text;
}

std::string text_of(const Json& line, const char* name) {
  const auto it = line.find(name);
  return it == line.end() || it->is_null() ? ""
         : it->is_string()                 ? it->get<std::string>()
                                           : it->dump();
}

} // namespace

Line::Line(const std::string& kind) : text_("{\"kind\":" + Json(kind).dump()) {}
Line& Line::raw(const char* name, const std::string& json) {
  text_ += "," + Json(name).dump() + ":" + json;
  return *this;
}
Line& Line::set(const char* name, const std::string& value) {
  return raw(name, Json(value).dump(-1, ' ', false, Json::error_handler_t::replace));
}
Line& Line::set(const char* name, double value) {
  return raw(name, std::isfinite(value) ? Json(value).dump() : "null");
}
Line& Line::set(const char* name, bool value) {
  return raw(name, value ? "true" : "false");
}
void Line::emit() const {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::printf("%s}\n", text_.c_str());
  std::fflush(stdout);
}

void emit(const Options& options, const Figure& figure) {
  const Goal* goal = find_goal(figure.goal, figure.world);
  const Goal* named = goal ? goal : find_named(figure.goal);
  Line line("figure");
  line.set("goal", figure.goal).set("ranks", figure.world);
  line.set("what", (figure.what.empty() && named ? named->what : figure.what) +
                       (options.small ? " (small sizes)" : ""));
  line.set("value", figure.value).set("unit", named ? named->unit : "");
  line.set("anchor", figure.anchor).set("anchor_name", figure.anchor_name);
  if (goal && options.goals_apply()) {
    line.set(goal->at_most ? "at_most" : "at_least", goal->bound);
    line.set("published", goal->published);
    if (std::isfinite(figure.value))
      line.set("met", goal->at_most ? figure.value <= goal->bound : figure.value >= goal->bound);
  }
  line.set("rests_on", figure.rests_on).emit();
}

void emit(const Verdict& verdict) {
  Line("check")
      .set("part", verdict.part)
      .set("layout", verdict.layout)
      .set("transport", verdict.transport)
      .set("ranks", verdict.world)
      .set("cases", verdict.cases)
      .set("wrong", verdict.wrong)
      .set("worst_share_of_allowed", verdict.worst)
      .emit();
}

void emit_skip(const std::string& part, const std::string& what, const std::string& reason) {
  Line("skipped").set("part", part).set("what", what).set("reason", reason).emit();
}

std::string progress_of(const std::string& text) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return text; // not ours; the reader should see it
  const std::string kind = text_of(line, "kind");
  const std::string ranks = text_of(line, "ranks");
  if (kind == "check")
    return text_of(line, "part") + ": n = " + ranks + ", " + text_of(line, "layout") + ", " +
           text_of(line, "transport") + ": " + text_of(line, "wrong") + " of " +
           text_of(line, "cases") + " wrong";
  if (kind == "figure")
    return text_of(line, "goal") + ": n = " + ranks + ": " + number(line["value"]) + " " +
           text_of(line, "unit");
  if (kind == "all_reduce")
    return "all-reduce: n = " + ranks + ", " + text_of(line, "bytes") + " bytes, own " +
           number(line["own_graph_us"]) + " us, " + text_of(line, "anchor") + " " +
           number(line["anchor_graph_us"]) + " us";
  if (kind == "skipped")
    return text_of(line, "part") + ": skipped " + text_of(line, "what") + ": " +
           text_of(line, "reason");
  if (kind == "wrong" || kind == "part")
    return kind + " " + text_of(line, "part") + ": " + text_of(line, "what");
  return "";
}

bool print_table(const std::vector<std::string>& lines) {
  bool right = true;
  std::vector<Json> figures, reduces, skipped, parts, wrong, unfinished;
  std::map<std::string, Verdict> checks;
  for (const std::string& text : lines) {
    Json line = Json::parse(text, nullptr, false);
    if (!line.is_object()) continue;
    const std::string kind = text_of(line, "kind");
    if (kind == "figure") figures.push_back(line);
    if (kind == "all_reduce") reduces.push_back(line);
    if (kind == "skipped") skipped.push_back(line);
    if (kind == "part") parts.push_back(line);
    if (kind == "unfinished") unfinished.push_back(line);
    if (kind == "wrong") wrong.push_back(line);
    if (kind == "check") {
      const auto world = line["ranks"].get<std::uint32_t>();
      char key[128];
      std::snprintf(key, sizeof key, "%-11s %-10s %-9s n = %u", text_of(line, "part").c_str(),
                    text_of(line, "layout").c_str(), text_of(line, "transport").c_str(), world);
      Verdict& sum = checks[key];
      sum.cases += line["cases"].get<std::uint64_t>();
      sum.wrong += line["wrong"].get<std::uint64_t>();
      if (line["worst_share_of_allowed"].is_number())
        sum.worst = std::fmax(sum.worst, line["worst_share_of_allowed"].get<double>());
    }
  }
  std::printf("\nChecks\n");
  for (const auto& [key, sum] : checks) {
    right = right && sum.wrong == 0 && sum.cases > 0;
    std::printf("  %s: %llu of %llu right, worst deviation %.2f of what is allowed\n", key.c_str(),
                static_cast<unsigned long long>(sum.cases - sum.wrong),
                static_cast<unsigned long long>(sum.cases), sum.worst);
  }
  if (checks.empty()) std::printf("  none was made\n");
  if (!reduces.empty()) {
    std::printf("\nAll-reduce, bf16, us a call (slowest rank)\n");
    std::printf("  %2s %10s %10s %10s %10s %10s %7s  %s\n", "n", "bytes", "own graph", "rival",
                "own eager", "rival", "ratio", "rival is");
    for (const Json& line : reduces)
      std::printf("  %2s %10s %10s %10s %10s %10s %7s  %s%s\n", text_of(line, "ranks").c_str(),
                  text_of(line, "bytes").c_str(), number(line["own_graph_us"]).c_str(),
                  number(line["anchor_graph_us"]).c_str(), number(line["own_eager_us"]).c_str(),
                  number(line["anchor_eager_us"]).c_str(), number(line["ratio"]).c_str(),
                  text_of(line, "anchor").c_str(),
                  line.value("steady", true) ? "" : " (repeats differ by more than 2 %)");
  }
  std::printf("\nFigures beside their goals\n");
  for (const Json& line : figures) {
    const bool most = line.contains("at_most"), least = line.contains("at_least");
    std::printf("  %-12s n = %-2s %s: %s %s", text_of(line, "goal").c_str(),
                text_of(line, "ranks").c_str(), text_of(line, "what").c_str(),
                number(line["value"]).c_str(), text_of(line, "unit").c_str());
    if (most || least)
      std::printf("; goal %s %s: %s",
                  most ? "<=" : ">=", number(line[most ? "at_most" : "at_least"]).c_str(),
                  !line.contains("met")     ? "not known"
                  : line["met"].get<bool>() ? "met"
                                            : "MISSED");
    if (line.contains("published") && line["published"].is_number())
      std::printf("; best published %s", number(line["published"]).c_str());
    if (line["anchor"].is_number())
      std::printf("; %s %s", text_of(line, "anchor_name").c_str(), number(line["anchor"]).c_str());
    std::printf("\n%15srests on: %s\n", "", text_of(line, "rests_on").c_str());
  }
  if (figures.empty()) std::printf("  none was measured\n");
  for (const auto& [title, list] : {std::pair{"\nSkipped\n", &skipped},
                                    std::pair{"\nNot finished in the time given\n", &unfinished},
                                    std::pair{"\nWRONG\n", &wrong}})
    if (!list->empty()) {
      std::printf("%s", title);
      for (const Json& line : *list)
        std::printf("  %s: %s%s%s\n", text_of(line, "part").c_str(), text_of(line, "what").c_str(),
                    line.contains("reason") ? ": " : "", text_of(line, "reason").c_str());
    }
  std::printf("\nParts\n");
  for (const Json& line : parts)
    std::printf("  %-11s %s\n", text_of(line, "part").c_str(), text_of(line, "what").c_str());
  return right && wrong.empty();
}

} // namespace multi
