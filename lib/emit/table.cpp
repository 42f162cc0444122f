#include "emit/table.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace dsk::emit {
namespace {

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; // count characters, not bytes
  }));
}

bool numeric(const std::string& text) {
  return !text.empty() && (text == "-" || (text.front() >= '0' && text.front() <= '9'));
}

std::string short_number(const Json& value) {
  if (!value.is_number()) return "-";
  const double v = value.get<double>();
  if (v >= 1000) return fixed_text(v, 0);
  if (v >= 100) return fixed_text(v, 1);
  return number_text(json::significant(v, 3));
}

std::string split_text(const Json& plan) {
  const Json& p = plan["parallel"];
  std::string out = "TP" + number_text(p["tp"].get<double>());
  for (const auto& [name, label] :
       {std::pair{"pp", " PP"}, std::pair{"dp", " DP"}, std::pair{"ep", " EP"}})
    if (p[name].get<int>() > 1) out += label + number_text(p[name].get<double>());
  return out;
}

std::vector<std::string> plan_row(const Json& plan) {
  const Json& perf = plan["performance"];
  const Json& cost = plan["cost"];
  const auto money = [&](const char* member) {
    return cost.is_null() ? std::string("-") : fixed_text(cost[member].get<double>(), 2);
  };
  return {plan["device"].get<std::string>(),
          plan["engine"].get<std::string>() + " " + plan["engine_version"].get<std::string>(),
          std::to_string(plan["replicas"].get<std::int64_t>()) + " x " +
              std::to_string(plan["gpus_per_replica"].get<std::int64_t>()),
          split_text(plan),
          short_number(perf["batch"]),
          short_number(perf["ttft_ms"]),
          short_number(perf["tpot_ms"]),
          short_number(perf["e2e_ms"]),
          short_number(perf["output_tokens_per_s"]),
          money("usd_per_hour"),
          money("usd_per_mtok_output"),
          short_number(plan["energy"]["output_tokens_per_joule"])};
}

std::string plans_table(const Json& plans) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& plan : plans)
    rows.push_back(plan_row(plan));
  return text_table({"device", "engine", "GPUs", "split", "batch", "TTFT ms", "TPOT ms", "E2E ms",
                     "out tok/s", "$/h", "$/Mtok out", "tok/J"},
                    rows);
}

std::string billions(const Json& count) {
  return fixed_text(count.get<double>() / 1e9, 2) + " B";
}

} // namespace

std::string text_table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& cell : header)
    widths.push_back(width_of(cell));
  std::vector<bool> right(header.size(), !rows.empty());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
      right[i] = right[i] && numeric(row[i]);
    }
  std::string out;
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - width_of(row[i]), ' ');
      text += (i ? "  " : "") + (right[i] ? pad + row[i] : row[i] + pad);
    }
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  };
  line(header);
  std::vector<std::string> rule;
  for (const std::size_t width : widths)
    rule.emplace_back(width, '-');
  line(rule);
  for (const auto& row : rows)
    line(row);
  return out;
}

std::string plan_table(const Json& answer) {
  const Json& model = answer["model"];
  const Json& workload = answer["request"]["workload"];
  const Json& slo = answer["request"]["slo"];
  std::string out = model["name"].get<std::string>() + ": " + billions(model["parameters"]) +
                    " parameters, " + billions(model["active_parameters"]) + " active, " +
                    model["weights"].get<std::string>() + "\n";
  out += number_text(workload["input_tokens"].get<double>()) + " tokens in, " +
         number_text(workload["output_tokens"].get<double>()) + " out, ";
  out += workload["rate_per_s"].is_null()
             ? number_text(workload["concurrency"].get<double>()) + " requests in flight"
             : number_text(workload["rate_per_s"].get<double>()) + " requests/s";
  for (const auto& [bound, label] :
       {std::pair{"ttft_ms", "TTFT"}, std::pair{"tpot_ms", "TPOT"}, std::pair{"e2e_ms", "E2E"}})
    if (!slo[bound].is_null())
      out +=
          std::string(", mean ") + label + " <= " + number_text(slo[bound].get<double>()) + " ms";
  out += "\n\n";

  if (answer["feasible"].get<bool>()) {
    out += "Best for each device (means, not percentiles):\n" + plans_table(answer["by_device"]);
    out += "\nCost against latency, best first:\n" + plans_table(answer["pareto"]);
  } else {
    out +=
        "No plan meets every bound. " + answer["explanation"]["sentence"].get<std::string>() + "\n";
    if (!answer["nearest"].is_null())
      out += "\nNearest plan:\n" + plans_table(Json::array({answer["nearest"]}));
    if (answer["explanation"].contains("relax") && !answer["explanation"]["relax"].empty()) {
      std::vector<std::vector<std::string>> rows;
      for (const Json& relax : answer["explanation"]["relax"]) {
        auto row = plan_row(relax["plan"]);
        rows.push_back({relax["constraint"].get<std::string>(), short_number(relax["limit"]),
                        short_number(relax["needed"]), row[0], row[1], row[2], row[3]});
      }
      out += "\nGiving up one bound, all others kept:\n" +
             text_table({"bound", "limit", "needed", "device", "engine", "GPUs", "split"}, rows);
    }
  }
  if (answer.contains("readings")) {
    std::vector<std::vector<std::string>> rows;
    for (const Json& reading : answer["readings"]) {
      const bool ok = reading["feasible"].get<bool>();
      std::string what;
      if (ok)
        what = std::to_string(reading["plan"]["gpus"].get<std::int64_t>()) + " x " +
               reading["plan"]["device"].get<std::string>();
      else if (reading.contains("largest_output_tokens"))
        what = "at most " + std::to_string(reading["largest_output_tokens"].get<std::int64_t>()) +
               " output tokens";
      else
        what = "out of reach";
      rows.push_back({reading["meaning"].get<std::string>(), ok ? "yes" : "no", what});
    }
    out += "\nThe latency bound does not say which latency it means; read as each in turn:\n" +
           text_table({"meaning", "met", "with"}, rows);
  }
  for (const Json& note : answer["assumptions"])
    out += "\nAssumed: " + note.get<std::string>();
  for (const Json& note : answer["warnings"])
    out += "\nWarning: " + note.get<std::string>();
  if (!answer["assumptions"].empty() || !answer["warnings"].empty()) out += "\n";
  return out;
}

} // namespace dsk::emit
