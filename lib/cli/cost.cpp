#include <charconv>
#include <cstdio>
#include <memory>

#include "cli/files.hpp"
#include "cli/origins.hpp"
#include "cli/request.hpp"

namespace dsk::cli {
namespace {

struct CostFlags {
  std::string request_file;
  std::optional<std::string> device;
  std::optional<std::int64_t> devices;
  std::optional<double> utilisation;
  std::optional<double> project_months;
  std::optional<double> max_network_ms;
  // ownership
  std::optional<double> hardware_usd;
  std::optional<double> years;
  std::optional<double> power_kw;
  std::optional<double> idle_power_kw;
  std::optional<double> pue;
  std::optional<double> usd_per_kwh;
  std::optional<double> operations;
  std::optional<double> space;
  std::optional<double> residual;
  std::optional<double> discount;
  std::optional<double> quoted;
  // tokens
  std::optional<double> input_tokens_per_s;
  std::optional<double> output_tokens_per_s;
  std::optional<double> prefill_share;
  // load
  std::vector<double> load;
  std::optional<double> step_hours;
  std::optional<std::int64_t> devices_per_unit;
  std::vector<std::string> cloud;
  std::vector<std::string> catalog_files;
  bool json = false;
};

// "cloud A=3.2": a name and its price.
JsonValue cloud_option(const std::string& text) {
  const auto at = text.rfind('=');
  double price = 0;
  const char* end = text.data() + text.size();
  if (at == std::string::npos || at == 0 ||
      std::from_chars(text.data() + at + 1, end, price).ptr != end)
    throw UsageError("--cloud is " + text + ", must be NAME=USD_PER_HOUR, such as \"cloud A=3.2\"");
  JsonValue option = JsonValue::object();
  option.set("name", JsonValue(text.substr(0, at)));
  option.set("usd_per_hour", JsonValue(price));
  return option;
}

// The section only when a flag of it was given.
void put_section(JsonValue& request, const char* name, JsonValue section) {
  if (!section.members().empty()) request.set(name, std::move(section));
}

std::string request_of(const CostFlags& f) {
  JsonValue request = JsonValue::object();
  detail::put(request, "device", f.device);
  detail::put(request, "devices", f.devices);
  detail::put(request, "utilisation", f.utilisation);
  detail::put(request, "project_months", f.project_months);
  detail::put(request, "max_network_ms", f.max_network_ms);
  JsonValue own = JsonValue::object();
  detail::put(own, "hardware_usd", f.hardware_usd);
  detail::put(own, "years", f.years);
  detail::put(own, "power_kw", f.power_kw);
  detail::put(own, "idle_power_kw", f.idle_power_kw);
  detail::put(own, "pue", f.pue);
  detail::put(own, "usd_per_kwh", f.usd_per_kwh);
  detail::put(own, "operations_fraction_per_year", f.operations);
  detail::put(own, "space_usd_per_year", f.space);
  detail::put(own, "residual_fraction", f.residual);
  detail::put(own, "discount_rate", f.discount);
  detail::put(own, "quoted_total_usd", f.quoted);
  put_section(request, "ownership", std::move(own));
  JsonValue tokens = JsonValue::object();
  detail::put(tokens, "input_tokens_per_s", f.input_tokens_per_s);
  detail::put(tokens, "output_tokens_per_s", f.output_tokens_per_s);
  detail::put(tokens, "prefill_share", f.prefill_share);
  put_section(request, "tokens", std::move(tokens));
  JsonValue load = JsonValue::object();
  if (!f.load.empty()) detail::put(load, "devices", f.load);
  detail::put(load, "step_hours", f.step_hours);
  detail::put(load, "devices_per_unit", f.devices_per_unit);
  put_section(request, "load", std::move(load));
  if (!f.cloud.empty()) {
    JsonValue options = JsonValue::array();
    for (const std::string& text : f.cloud)
      options.add(cloud_option(text));
    request.set("cloud", std::move(options));
  }
  put_catalog(request, f.catalog_files);
  return request.dump();
}

std::string money(const JsonValue& value, int digits = 2) {
  if (value.is_null()) return "-";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value.number() + 0.0);
  return buffer;
}

std::string row(const std::string& name, const std::string& value, const std::string& note = {}) {
  char buffer[96];
  std::snprintf(buffer, sizeof buffer, "  %-22s %16s", name.c_str(), value.c_str());
  // A name longer than its column keeps its whole text.
  std::string out = name.size() > 22 ? "  " + name + "  " + value : std::string(buffer);
  if (!note.empty()) out += "  " + note;
  return out + "\n";
}

std::string ownership_text(const JsonValue& own) {
  std::string out = "Total cost of ownership, USD\n";
  for (const JsonValue& term : own["terms"].items())
    if (term["name"].text() != "residual")
      out += row(term["name"].text(), money(term["usd"]), term["formula"].text());
  out += row("before residual", money(own["before_residual_usd"]));
  out += row("residual", money(own["residual_usd"]));
  out += row("total", money(own["total_usd"]));
  if (own["discount_rate"].number() > 0)
    out += row("present value", money(own["present_total_usd"]));
  out += row("per device-hour", money(own["usd_per_device_hour"], 4));
  out += row("per used device-hour", money(own["usd_per_used_device_hour"], 4));
  if (!own["quoted"].is_null()) out += "  " + own["quoted"]["meaning"].text() + "\n";
  return out;
}

std::string cloud_text(const JsonValue& options) {
  std::string out = "\nRented, USD per device-hour\n";
  for (const JsonValue& option : options.items())
    out += row(option["name"].text(), money(option["usd_per_hour"], 3),
               option["meaning"].is_null() ? std::string() : option["meaning"].text());
  return out;
}

std::string tokens_text(const JsonValue& options) {
  std::string out = "\nUSD per million tokens: input / output / all to output / blended\n";
  for (const JsonValue& option : options.items())
    out += row(option["name"].text(), money(option["usd_per_mtok_input"], 4),
               money(option["usd_per_mtok_output"], 4) + " / " +
                   money(option["usd_per_mtok_all_to_output"], 4) + " / " +
                   money(option["usd_per_mtok_blended"], 4));
  return out;
}

std::string mix_text(const JsonValue& mix) {
  std::string out = "\nSplit of the load, USD a month\n";
  for (const JsonValue& share : mix["split"].items())
    out += row(share["name"].text(), money(share["usd_per_month"]),
               std::to_string(share["units"].integer()) + " units");
  out += row("together", money(mix["usd_per_month"]));
  for (const JsonValue& alone : mix["alone"].items())
    out += row("all on " + alone["name"].text(), money(alone["usd_per_month"]));
  return out + "  " + mix["advice"].text() + "\n";
}

std::string table(const JsonValue& answer) {
  std::string out;
  if (!answer["ownership"].is_null()) out += ownership_text(answer["ownership"]);
  if (!answer["cloud"].is_null()) out += cloud_text(answer["cloud"]);
  if (!answer["project"].is_null()) {
    out += "\nFor " + money(answer["project"]["months"], 1) + " months, USD\n";
    for (const JsonValue& option : answer["project"]["options"].items())
      out += row(option["name"].text(), money(option["usd"]), option["formula"].text());
  }
  if (!answer["tokens"].is_null()) out += tokens_text(answer["tokens"]);
  if (!answer["mix"].is_null()) out += mix_text(answer["mix"]);
  for (const JsonValue& assumption : answer["assumptions"].items())
    out += "assumed: " + assumption.text() + "\n";
  return out;
}

int run(const CostFlags& flags) {
  const std::string answer =
      cost_json(flags.request_file.empty() ? request_of(flags) : read_request(flags.request_file));
  print(flags.json ? answer : table(JsonValue::parse(answer)));
  return exit_answered;
}

} // namespace

void add_cost(CLI::App& app, int& code) {
  auto flags = std::make_shared<CostFlags>();
  CostFlags& f = *flags;
  CLI::App* sub = app.add_subcommand("cost", "Ownership, rent, break-even and money for tokens");
  sub->add_option("--request", f.request_file, "Request document (\"-\": standard input)");
  sub->add_option("--device", f.device, "Accelerator, for its prices and power");
  sub->add_option("--devices", f.devices, "How many");
  sub->add_option("--utilisation", f.utilisation, "Hours used over all hours, 0 to 1");
  sub->add_option("--project-months", f.project_months, "Compare for a project of this length");
  sub->add_option("--max-network-ms", f.max_network_ms, "No load on a cloud that is farther away");
  sub->add_option("--hardware-usd", f.hardware_usd, "Price of all the hardware");
  sub->add_option("--years", f.years, "Life of the hardware");
  sub->add_option("--power-kw", f.power_kw, "Draw of all machines at load, before cooling");
  sub->add_option("--idle-power-kw", f.idle_power_kw, "Draw when nothing runs");
  sub->add_option("--pue", f.pue, "Site power over machine power");
  sub->add_option("--usd-per-kwh", f.usd_per_kwh, "Price of energy");
  sub->add_option("--operations", f.operations, "Operations a year as a fraction of hardware");
  sub->add_option("--space-usd-per-year", f.space, "Rent of the space a year");
  sub->add_option("--residual", f.residual, "Worth at the end as a fraction of hardware");
  sub->add_option("--discount-rate", f.discount, "A year, 0 to 1");
  sub->add_option("--quoted-total-usd", f.quoted, "A total to explain: which residual it implies");
  sub->add_option("--cloud", f.cloud, "NAME=USD_PER_HOUR of one device; repeat for more")
      ->allow_extra_args(false);
  sub->add_option("--input-tokens-per-s", f.input_tokens_per_s, "Of all devices at full load");
  sub->add_option("--output-tokens-per-s", f.output_tokens_per_s, "Of all devices at full load");
  sub->add_option("--prefill-share", f.prefill_share, "Share of device time that prompts take");
  sub->add_option("--load", f.load, "Devices needed in each step, such as 16,16,64,16")
      ->delimiter(',');
  sub->add_option("--step-hours", f.step_hours, "Length of a step");
  sub->add_option("--devices-per-unit", f.devices_per_unit, "Devices of one replica");
  sub->add_option("--catalog", f.catalog_files, "File with your own prices or devices")
      ->allow_extra_args(false);
  sub->add_flag("--json", f.json, "Print the answer document");
  sub->callback([flags, &code] { code = run(*flags); });
}

} // namespace dsk::cli
