#include <memory>

#include "cli/command.hpp"
#include "cli/files.hpp"

namespace dsk::cli {
namespace {

constexpr std::pair<const char*, dsk_catalog_kind> kinds[] = {
    {"models", DSK_CATALOG_MODEL},   {"devices", DSK_CATALOG_DEVICE},
    {"engines", DSK_CATALOG_ENGINE}, {"prices", DSK_CATALOG_PRICE},
    {"links", DSK_CATALOG_LINK},     {"datasets", DSK_CATALOG_DATASET}};

struct CatalogFlags {
  std::string kind;
  std::string name;
  bool json = false;
};

int run(const CatalogFlags& flags) {
  std::string out;
  JsonValue all = JsonValue::object();
  for (const auto& [name, kind] : kinds) {
    if (!flags.kind.empty() && flags.kind != name) continue;
    if (!flags.name.empty()) {
      print(catalog_record(kind, flags.name));
      return exit_answered;
    }
    out += std::string(name) + ":\n";
    JsonValue list = JsonValue::array();
    for (const std::string& record : catalog_names(kind)) {
      out += "  " + record + "\n";
      list.add(JsonValue(record));
    }
    all.set(name, std::move(list));
  }
  print(flags.json ? all.dump() + "\n" : out);
  return exit_answered;
}

} // namespace

void add_catalog(CLI::App& app, int& code) {
  auto flags = std::make_shared<CatalogFlags>();
  CLI::App* sub =
      app.add_subcommand("catalog", "List what is known, or show one record with its source");
  sub->add_option("kind", flags->kind, "models, devices, engines, prices, links or datasets")
      ->check(CLI::IsMember({"models", "devices", "engines", "prices", "links", "datasets"}));
  sub->add_option("name", flags->name, "Record to show, by name or alias");
  sub->add_flag("--json", flags->json, "Print JSON");
  sub->callback([flags, &code] { code = run(*flags); });
}

} // namespace dsk::cli
