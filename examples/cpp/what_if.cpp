// How the cost of serving DeepSeek-R1 falls as the bound on TPOT is relaxed: typed requests and
// answers, no JSON by hand. Prints a table and draws a chart.
//
//     what_if [CHART.svg]
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <vector>

#include "dsk/dsk.hpp"

namespace {

struct Point {
  double tpot_ms, usd_per_mtok;
  std::int64_t gpus;
};

// Bars from the top of the scale down, one for each bound, labelled with price and GPUs.
std::string chart(const std::vector<Point>& points) {
  constexpr int width = 90, height = 240, top = 40;
  double most = 1e-9;
  for (const Point& p : points)
    most = std::max(most, p.usd_per_mtok);
  char line[256];
  std::snprintf(line, sizeof line,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                "font-family=\"sans-serif\" font-size=\"12\">\n",
                width * static_cast<int>(points.size()) + 20, top + height + 30);
  std::string svg = line;
  svg +=
      "<text x=\"10\" y=\"20\">DeepSeek-R1: US dollars per million output tokens by TPOT</text>\n";
  int x = 10;
  for (const Point& p : points) {
    const double bar = height * p.usd_per_mtok / most;
    std::snprintf(line, sizeof line,
                  "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"#4477aa\"/>\n", x,
                  top + height - bar, width - 20, bar);
    svg += line;
    std::snprintf(line, sizeof line,
                  "<text x=\"%d\" y=\"%.1f\">%.2f</text><text x=\"%d\" y=\"%d\">%.0f ms, %lld "
                  "GPUs</text>\n",
                  x, top + height - bar - 4, p.usd_per_mtok, x, top + height + 18, p.tpot_ms,
                  static_cast<long long>(p.gpus));
    svg += line;
    x += width;
  }
  return svg + "</svg>\n";
}

} // namespace

int main(int argc, char** argv) try {
  dsk::check_abi();
  dsk::PlanRequest request;
  request.model.name = "deepseek-r1";
  request.devices = {"h200-sxm", "b200"};
  request.engines = {"sglang"};
  request.workload = dsk::open_loop(/*rate_per_s=*/5, /*input_tokens=*/2048, /*output_tokens=*/512);
  request.slo.ttft_ms = 3000;

  std::vector<Point> points;
  std::printf("%8s  %-10s %5s  %-16s %10s\n", "TPOT ms", "device", "GPUs", "split", "$/Mtok out");
  for (const double tpot_ms : {15.0, 20.0, 30.0, 50.0, 100.0}) {
    request.slo.tpot_ms = tpot_ms;
    const dsk::PlanAnswer answer = dsk::Plan(request).answer();
    if (!answer.best) {
      std::printf("%8.0f  %s\n", tpot_ms,
                  answer.explanation ? answer.explanation->sentence.c_str() : "");
      continue;
    }
    const dsk::PlanOption& best = *answer.best;
    char split[64];
    std::snprintf(split, sizeof split, "TP%d DP%d EP%d",
                  static_cast<int>(best.parallel.tp.value_or(1)),
                  static_cast<int>(best.parallel.dp.value_or(1)),
                  static_cast<int>(best.parallel.ep.value_or(1)));
    const double usd_per_mtok = best.cost ? best.cost->usd_per_mtok_output : 0;
    std::printf("%8.0f  %-10s %5d  %-16s %10.2f\n", tpot_ms, best.device.c_str(),
                static_cast<int>(best.gpus), split, usd_per_mtok);
    points.push_back({tpot_ms, usd_per_mtok, best.gpus});
  }
  if (argc > 1) {
    std::ofstream file(argv[1]);
    file << chart(points);
    if (!file.flush()) {
      std::fprintf(stderr, "%s cannot be written\n", argv[1]);
      return 4;
    }
    std::printf("\nchart: %s\n", argv[1]);
  }
  return 0;
} catch (const dsk::Error& e) {
  std::fprintf(stderr, "%s: %s\n", e.path().c_str(), e.what());
  return 2;
}
