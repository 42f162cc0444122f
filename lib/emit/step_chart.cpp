#include "emit/step_chart.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/text.hpp"
#include "emit/table.hpp"

namespace dsk::emit {
namespace {

struct Segment {
  const char* member;
  const char* label;
  const char* colour; // told apart by people who see colours differently (Okabe and Ito)
};
constexpr Segment segments[] = {{"compute", "compute", "#0072B2"},
                                {"memory", "device memory", "#56B4E9"},
                                {"scale_up", "links in domain", "#E69F00"},
                                {"scale_out", "links between domains", "#D55E00"},
                                {"launch", "launch", "#999999"},
                                {"host", "host", "#CC79A7"}};

std::string ms(const Json& value) {
  return fixed_text(value.get<double>() / 1e3, 3);
}

std::string percent(double share) {
  return fixed_text(share * 100, 1);
}

std::string title_of(const Json& a) {
  const Json& p = a["parallel"];
  std::string title = a["model"].get<std::string>() + " on " + a["device"].get<std::string>() +
                      ", " + a["engine"].get<std::string>();
  for (const auto& [member, label] : {std::pair{"tp", " TP"}, std::pair{"pp", " PP"},
                                      std::pair{"dp", " DP"}, std::pair{"ep", " EP"}})
    if (p[member].get<int>() > 1) title += label + std::to_string(p[member].get<int>());
  return title;
}

std::vector<std::string> step_row(const std::string& name, const Json& step, double base_us,
                                  const std::string& efficiency) {
  std::vector<std::string> row{name, ms(step["total_us"]), ms(step["low_us"]), ms(step["high_us"])};
  for (const Segment& s : segments)
    row.push_back(
        percent(step["parts_us"][s.member].get<double>() / step["total_us"].get<double>()));
  const double change = step["total_us"].get<double>() / base_us - 1;
  row.push_back(base_us > 0 && change != 0 ? (change > 0 ? "+" : "") + percent(change) : "-");
  row.push_back(efficiency);
  row.push_back(step["binding"].get<std::string>());
  return row;
}

std::string efficiency_of(const Json& entry) {
  return entry.contains("scaling_efficiency") ? percent(entry["scaling_efficiency"].get<double>())
                                              : "-";
}

} // namespace

std::string step_table(const Json& answer) {
  const Json& step = answer["step"];
  const double total = step["total_us"].get<double>();
  std::vector<std::vector<std::string>> rows;
  for (const Json& op : answer["operators"]) {
    const double time = op["us"].get<double>();
    rows.push_back({op["name"].get<std::string>(), number_text(op["runs"].get<double>()),
                    number_text(op["rows"].get<double>()), ms(op["us"]), percent(time / total),
                    fixed_text(op["error_us"].get<double>() / 1e3, 3),
                    fixed_text(op["flops"].get<double>() / 1e9, 1),
                    fixed_text(op["bytes"].get<double>() / 1e6, 1),
                    op["resource"].get<std::string>(), op["origin"].get<std::string>()});
  }
  std::string out = title_of(answer) + "\n\n";
  out += text_table(
      {"operator", "runs", "rows", "ms", "%", "+- ms", "GFLOP", "MB", "binds", "origin"}, rows);
  rows.clear();
  rows.push_back(step_row("this step", step, 0, efficiency_of(answer)));
  std::string impossible;
  for (const Json& variant : answer["variants"]) {
    const std::string name = variant["name"].get<std::string>();
    if (variant.contains("step"))
      rows.push_back(step_row(name, variant["step"], total, efficiency_of(variant)));
    else
      impossible += name + ": not possible: " + variant["not_possible"].get<std::string>() + "\n";
  }
  out +=
      "\nShares of a step by resource in %, with what a change would do. Efficiency: one device's "
      "time over the\ndevices times their time.\n\n";
  out += text_table({"step", "ms", "low", "high", "compute", "memory", "in domain", "between",
                     "launch", "host", "change %", "efficiency %", "binds"},
                    rows);
  return out + impossible;
}

std::string step_svg(const Json& answer) {
  struct Bar {
    std::string name;
    const Json* step;
  };
  std::vector<Bar> bars{{"this step", &answer["step"]}};
  for (const Json& variant : answer["variants"])
    if (variant.contains("step"))
      bars.push_back({variant["name"].get<std::string>(), &variant["step"]});
  double longest = 0;
  for (const Bar& bar : bars)
    longest = std::max(longest, (*bar.step)["high_us"].get<double>());
  constexpr int left = 150, width = 560, bar_height = 26, gap = 14, top = 64;
  const int height = top + static_cast<int>(bars.size()) * (bar_height + gap) + 40;
  const auto x_of = [&](double value) { return left + value / longest * width; };
  const auto text = [](double x, double y, const std::string& anchor, const std::string& body) {
    return "<text x=\"" + fixed_text(x, 1) + "\" y=\"" + fixed_text(y, 1) + "\" text-anchor=\"" +
           anchor + "\">" + markup_text(body) + "</text>\n";
  };
  std::string out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 " + std::to_string(height) +
      "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"800\" height=\"" +
      std::to_string(height) + "\" fill=\"white\"/>\n";
  out += text(10, 20, "start", title_of(answer));
  double legend = 10;
  for (const Segment& s : segments) {
    out += "<rect x=\"" + fixed_text(legend, 0) + "\" y=\"34\" width=\"12\" height=\"12\" fill=\"" +
           s.colour + "\"/>\n";
    out += text(legend + 16, 44, "start", s.label);
    legend += 36 + 7.0 * static_cast<double>(std::string(s.label).size());
  }
  int y = top;
  for (const Bar& bar : bars) {
    const Json& step = *bar.step;
    out += text(left - 8, y + 17, "end", bar.name);
    double at = 0;
    for (const Segment& s : segments) {
      const double part = step["parts_us"][s.member].get<double>();
      if (part <= 0) continue;
      out += "<rect x=\"" + fixed_text(x_of(at), 2) + "\" y=\"" + std::to_string(y) +
             "\" width=\"" + fixed_text(part / longest * width, 2) + "\" height=\"" +
             std::to_string(bar_height) + "\" fill=\"" + s.colour + "\"><title>" + s.label + " " +
             fixed_text(part / 1e3, 3) + " ms</title></rect>\n";
      at += part;
    }
    const double low = x_of(step["low_us"].get<double>());
    const double high = x_of(step["high_us"].get<double>());
    out += "<path d=\"M" + fixed_text(low, 1) + " " + std::to_string(y + 13) + "H" +
           fixed_text(high, 1) + "M" + fixed_text(low, 1) + " " + std::to_string(y + 8) + "v10M" +
           fixed_text(high, 1) + " " + std::to_string(y + 8) +
           "v10\" stroke=\"black\" fill=\"none\"/>\n";
    out += text(high + 6, y + 17, "start", ms(step["total_us"]) + " ms");
    y += bar_height + gap;
  }
  out += text(left, y + 14, "start", "time of one step by what binds it; whiskers: 90 % interval");
  return out + "</svg>\n";
}

} // namespace dsk::emit
