#include "catalog/catalog.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "catalog/builtin.hpp"
#include "catalog/record.hpp"
#include "catalog/version.hpp"

namespace dsk {
namespace {

struct UserRecord {
  std::string kind;
  std::string name;
  std::string version;
  std::vector<std::string> aliases; // its own, and those of the record that it replaces
  std::string path;
  Json document;
  std::shared_ptr<const Record> record;
};

// Where a look-up ended: a user's record, or the built-in one of that index.
struct Found {
  const UserRecord* user = nullptr;
  std::size_t builtin = 0;
};

std::vector<std::string> aliases_of(const Record& record) {
  return std::visit(
      [](const auto& r) -> std::vector<std::string> {
        if constexpr (requires { r.aliases; })
          return r.aliases;
        else
          return {};
      },
      record);
}

std::string version_of(const Record& record) {
  const auto* engine = std::get_if<Engine>(&record);
  return engine ? engine->version : std::string();
}

} // namespace

struct Catalog::State {
  std::vector<std::shared_ptr<const UserRecord>> user;
  // By device; beside the records, because it adds to one instead of replacing it.
  std::map<std::string, std::shared_ptr<const Calibration>> calibrations;
  std::map<std::string, std::string> calibration_digests;
  std::map<std::string, std::shared_ptr<const RunFactors>> runs; // by engine

  bool replaced(const BuiltinRecord& builtin) const {
    return std::any_of(user.begin(), user.end(), [&](const auto& r) {
      return r->kind == builtin.kind && r->name == builtin.name && r->version == builtin.version;
    });
  }

  // Every record of that kind which the name means: one, or one for each version of an engine.
  std::vector<Found> find(std::string_view kind, std::string_view name) const {
    const std::string folded = folded_name(name);
    std::vector<Found> found;
    for (const auto& record : user) {
      if (record->kind != kind) continue;
      const bool named = folded_name(record->name) == folded ||
                         std::any_of(record->aliases.begin(), record->aliases.end(),
                                     [&](const auto& a) { return folded_name(a) == folded; });
      if (named) found.push_back({record.get(), 0});
    }
    const Builtin& builtin = Builtin::get();
    for (const std::size_t index : builtin.find(kind, folded))
      if (!replaced(builtin.records()[index])) found.push_back({nullptr, index});
    return found;
  }

  static std::shared_ptr<const Record> record(const Found& found) {
    return found.user ? found.user->record : Builtin::get().parsed(found.builtin);
  }
  static const std::string& name(const Found& found) {
    return found.user ? found.user->name : Builtin::get().records()[found.builtin].name;
  }
  static const std::string& version(const Found& found) {
    return found.user ? found.user->version : Builtin::get().records()[found.builtin].version;
  }

  // Calls fn(kind, name, version, aliases) for each record in force.
  template <class Fn> void each(Fn fn) const {
    for (const auto& r : user)
      fn(r->kind, r->name, r->version, r->aliases);
    for (const BuiltinRecord& r : Builtin::get().records())
      if (!replaced(r)) fn(r.kind, r.name, r.version, r.aliases);
  }

  [[noreturn]] void not_found(std::string_view kind, const std::string& name,
                              const std::string& path) const {
    std::vector<std::string> known;
    each([&](const std::string& k, const std::string& n, const std::string&, const auto& aliases) {
      if (k != kind) return;
      known.push_back(n);
      known.insert(known.end(), aliases.begin(), aliases.end());
    });
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    throw Error(DSK_STATUS_NOT_FOUND,
                std::string(kind) + " \"" + preview_text(name) +
                    "\" is not in the catalogue; nearest: " +
                    list_text(nearest_names(name, known, 3), "or"),
                path);
  }

  template <class T>
  T get(std::string_view kind, const std::string& name, const std::string& path) const {
    const auto found = find(kind, name);
    if (found.empty()) not_found(kind, name, path);
    return std::get<T>(*record(found.front()));
  }

  // One lane's data rate, and no more than the links below it let through.
  double lane_gbs(const LinkRecord& link, std::set<std::string> seen,
                  const std::string& path) const {
    if (!seen.insert(link.name).second)
      invalid_request(path, "link " + link.name + " leads back to itself over via");
    if (link.via.empty()) return link.lane_gbs;
    const auto below = get<LinkRecord>("link", link.via, path);
    return std::min(link.lane_gbs, link.via_lanes * lane_gbs(below, std::move(seen), path));
  }

  void resolve(Link& link, const std::string& path) const {
    if (link.kind.empty() || link.bandwidth_gbs > 0) return;
    const auto record = get<LinkRecord>("link", link.kind, json::pointer(path, "link"));
    if (link.lanes > record.max_lanes)
      invalid_request(json::pointer(path, "lanes"),
                      "lanes is " + std::to_string(link.lanes) + ", must be at most " +
                          std::to_string(record.max_lanes) + " for " + record.name);
    link.kind = record.name;
    link.bandwidth_gbs = link.lanes * lane_gbs(record, {}, json::pointer(path, "link"));
    link.latency_us = record.latency_us;
    link.latency_origin = record.latency_origin;
  }

  void resolve_links(Device& device, const std::string& path) const {
    const std::string links = json::pointer(path, "links");
    resolve(device.host, json::pointer(links, "host"));
    resolve(device.scale_up, json::pointer(links, "scale_up"));
    resolve(device.scale_out, json::pointer(links, "scale_out"));
  }

  // Price lists in the order in which they count.
  std::vector<std::shared_ptr<const Record>> price_lists() const {
    std::vector<std::shared_ptr<const Record>> lists;
    for (auto it = user.rbegin(); it != user.rend(); ++it)
      if ((*it)->kind == "price") lists.push_back((*it)->record);
    std::vector<std::shared_ptr<const Record>> builtin;
    const auto& records = Builtin::get().records();
    for (std::size_t i = 0; i < records.size(); ++i)
      if (records[i].kind == "price" && !replaced(records[i]))
        builtin.push_back(Builtin::get().parsed(i));
    const auto date = [](const auto& r) { return std::get<PriceList>(*r).as_of; };
    std::stable_sort(builtin.begin(), builtin.end(),
                     [&](const auto& a, const auto& b) { return date(a) > date(b); });
    lists.insert(lists.end(), builtin.begin(), builtin.end());
    return lists;
  }

  bool names_device(const std::string& text, const std::string& canonical) const {
    const auto found = find("device", text);
    return !found.empty() && name(found.front()) == canonical;
  }

  // An engine's own times hold on every device, so two calibrations must not differ about them.
  void insert_runs(RunFactors factors, const std::string& device, const std::string& path,
                   std::set<std::string>& batch) {
    const std::string at = json::pointer(path, "engine_runs");
    const auto found = find("engine", factors.engine);
    if (found.empty()) not_found("engine", factors.engine, json::pointer(at, "engine"));
    factors.engine = name(found.front());
    factors.device = device;
    if (!batch.insert("runs:" + factors.engine).second)
      invalid_request(json::pointer(at, "engine"), "engine is \"" + factors.engine +
                                                       "\", of which another calibration of this "
                                                       "request holds runs: give one");
    auto& slot = runs[factors.engine];
    slot = std::make_shared<const RunFactors>(std::move(factors));
  }

  // Adds one document; names are checked here, references once everything is in.
  void insert(const Json& document, const std::string& path, std::set<std::string>& batch) {
    Reader reader(document, path);
    if (document.is_object() && document.value("kind", Json()) == "calibration") {
      auto calibration = std::make_shared<Calibration>(calibration_from_document(document, path));
      const auto found = find("device", calibration->device);
      if (found.empty()) not_found("device", calibration->device, json::pointer(path, "device"));
      const std::string device = name(found.front());
      if (!batch.insert("calibration:" + device).second)
        reader.fail("device", "must have one calibration only; another of this request is for it");
      calibration_digests[device] = sha256_hex(json::dump_compact(document));
      if (calibration->runs) insert_runs(*calibration->runs, device, path, batch);
      if (calibration->has_measurements()) calibrations[device] = std::move(calibration);
      return;
    }
    const std::vector<std::string> kinds(record_kinds.begin(), record_kinds.end());
    UserRecord added;
    added.kind = reader.choice("kind", kinds);
    added.path = path;
    added.document = document;
    added.record = std::make_shared<const Record>(record_from_document(added.kind, document, path));
    added.name = std::visit([](const auto& r) { return r.name; }, *added.record);
    added.version = version_of(*added.record);
    added.aliases = aliases_of(*added.record);
    if (!batch.insert(added.kind + ":" + added.name + "@" + added.version).second)
      reader.fail("name", "must name one document only; another of this request has it");

    const auto refuse = [&](const std::string& word, const std::string& at) {
      for (const Found& other : find(added.kind, word))
        if (name(other) != added.name)
          invalid_request(at, json::preview(word) + " already names the " + added.kind + " " +
                                  name(other) + "; an alias names one thing only");
    };
    refuse(added.name, reader.path_of("name"));
    for (std::size_t i = 0; i < added.aliases.size(); ++i)
      refuse(added.aliases[i], json::pointer(reader.path_of("aliases"), i));

    for (const Found& old : find(added.kind, added.name)) {
      if (version(old) != added.version) continue;
      const auto kept =
          old.user ? old.user->aliases : Builtin::get().records()[old.builtin].aliases;
      for (const std::string& alias : kept) {
        const bool known =
            std::any_of(added.aliases.begin(), added.aliases.end(),
                        [&](const auto& a) { return folded_name(a) == folded_name(alias); });
        if (!known) added.aliases.push_back(alias);
      }
    }
    std::erase_if(user, [&](const auto& r) {
      return r->kind == added.kind && r->name == added.name && r->version == added.version;
    });
    user.push_back(std::make_shared<const UserRecord>(std::move(added)));
  }

  // What a user's record refers to must exist, and links must end somewhere.
  void check_references() const {
    for (const auto& entry : user) {
      if (const auto* link = std::get_if<LinkRecord>(entry->record.get())) {
        lane_gbs(*link, {}, json::pointer(entry->path, "via"));
      } else if (const auto* device = std::get_if<Device>(entry->record.get())) {
        Device copy = *device;
        resolve_links(copy, entry->path);
      } else if (const auto* prices = std::get_if<PriceList>(entry->record.get())) {
        const auto known = [&](const std::string& member, std::size_t i, const std::string& word) {
          const std::string item = json::pointer(json::pointer(entry->path, member), i);
          if (find("device", word).empty())
            not_found("device", word, json::pointer(item, "device"));
        };
        for (std::size_t i = 0; i < prices->offers.size(); ++i)
          known("offers", i, prices->offers[i].device);
        for (std::size_t i = 0; i < prices->purchases.size(); ++i)
          known("purchases", i, prices->purchases[i].device);
      }
    }
  }
};

Catalog::Catalog() : state_(std::make_unique<State>()) {}
Catalog::~Catalog() = default;
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;

void Catalog::add(const Json& documents, const std::string& path) {
  auto next = std::make_unique<State>(*state_);
  std::set<std::string> batch;
  if (documents.is_array()) {
    for (std::size_t i = 0; i < documents.size(); ++i)
      next->insert(documents[i], json::pointer(path, i), batch);
  } else {
    next->insert(documents, path, batch);
  }
  try {
    next->check_references();
  } catch (const Error& e) {
    // A name that nothing has is a fault of the document here, not of a question.
    invalid_request(e.path(), e.what());
  }
  state_ = std::move(next);
}

Model Catalog::model(const std::string& name, const std::string& path) const {
  return state_->get<Model>("model", name, path);
}

Device Catalog::device(const std::string& name, const std::string& path) const {
  auto device = state_->get<Device>("device", name, path);
  state_->resolve_links(device, path);
  if (const auto it = state_->calibrations.find(device.name); it != state_->calibrations.end())
    device.calibration = it->second;
  return device;
}

Engine Catalog::engine(const std::string& name, const std::string& version,
                       const std::string& path) const {
  const auto found = state_->find("engine", name);
  if (found.empty()) state_->not_found("engine", name, path);
  const Found* best = nullptr;
  for (const Found& candidate : found) {
    if (!best || better_version(State::version(candidate), State::version(*best), version))
      best = &candidate;
  }
  Engine engine = std::get<Engine>(*State::record(*best));
  if (const auto it = state_->runs.find(engine.name); it != state_->runs.end())
    engine.runs = it->second;
  return engine;
}

LinkRecord Catalog::link(const std::string& name, const std::string& path) const {
  return state_->get<LinkRecord>("link", name, path);
}

Dataset Catalog::dataset(const std::string& name, const std::string& path) const {
  return state_->get<Dataset>("dataset", name, path);
}

PriceList Catalog::price_list(const std::string& name, const std::string& path) const {
  return state_->get<PriceList>("price", name, path);
}

std::vector<Catalog::Quote> Catalog::quotes(const Device& device) const {
  std::vector<Quote> quotes;
  for (const auto& record : state_->price_lists()) {
    const auto& list = std::get<PriceList>(*record);
    for (const PriceOffer& offer : list.offers)
      if (state_->names_device(offer.device, device.name))
        quotes.push_back({offer, list.name, list.source, list.as_of});
  }
  return quotes;
}

Catalog::Price Catalog::price(const Device& device, const std::string& path) const {
  std::vector<Quote> first;
  for (Quote& quote : quotes(device)) {
    if (quote.offer.term != PriceTerm::on_demand) continue;
    if (!first.empty() && first.front().list != quote.list) break;
    first.push_back(std::move(quote));
  }
  if (first.empty())
    throw Error(DSK_STATUS_NOT_FOUND,
                "no price list has an on-demand price for " + device.name +
                    "; give one in a price document",
                path);
  std::stable_sort(first.begin(), first.end(), [](const Quote& a, const Quote& b) {
    return a.offer.usd_per_hour < b.offer.usd_per_hour;
  });
  const Quote& median = first[(first.size() - 1) / 2];
  return {median.offer.usd_per_hour,
          median.list + ": " + median.offer.provider + ", on demand (" + median.source + ")",
          median.as_of};
}

std::optional<Catalog::PurchaseQuote> Catalog::purchase_price(const Device& device) const {
  for (const auto& record : state_->price_lists()) {
    const auto& list = std::get<PriceList>(*record);
    for (const PurchasePrice& price : list.purchases)
      if (state_->names_device(price.device, device.name))
        return PurchaseQuote{price.usd, list.name + " (" + list.source + ")", list.as_of};
  }
  return std::nullopt;
}

bool Catalog::has_price(const Device& device) const {
  const auto all = quotes(device);
  return std::any_of(all.begin(), all.end(),
                     [](const Quote& q) { return q.offer.term == PriceTerm::on_demand; });
}

std::vector<std::string> Catalog::names(const std::string& kind) const {
  std::set<std::string> names;
  state_->each([&](const std::string& k, const std::string& name, const std::string&, const auto&) {
    if (k == kind) names.insert(name);
  });
  return {names.begin(), names.end()};
}

Json Catalog::record(const std::string& kind, const std::string& name,
                     const std::string& path) const {
  if (std::find(record_kinds.begin(), record_kinds.end(), kind) == record_kinds.end())
    throw Error(DSK_STATUS_NOT_FOUND,
                "kind is \"" + preview_text(kind) + "\", must be " +
                    list_text({record_kinds.begin(), record_kinds.end()}, "or"),
                path);
  const auto at = name.rfind('@');
  const bool versioned = kind == "engine" && at != std::string::npos;
  const std::string plain = versioned ? name.substr(0, at) : name;
  const std::string version = versioned ? name.substr(at + 1) : std::string();
  const auto found = state_->find(kind, plain);
  if (found.empty()) state_->not_found(kind, plain, path);
  const Found* best = nullptr;
  for (const Found& candidate : found)
    if (!best || better_version(State::version(candidate), State::version(*best), version))
      best = &candidate;
  return best->user ? best->user->document : Builtin::get().document(best->builtin);
}

std::string Catalog::sha256() const {
  std::map<std::string, std::string> digests;
  const auto key = [](const auto& r) { return r.kind + "/" + r.name + "@" + r.version; };
  for (const BuiltinRecord& record : Builtin::get().records())
    digests[key(record)] = std::string(record.sha256);
  for (const auto& record : state_->user)
    digests[key(*record)] = sha256_hex(json::dump_compact(record->document));
  for (const auto& [device, digest] : state_->calibration_digests)
    digests["calibration/" + device + "@"] = digest;
  Sha256 hash;
  for (const auto& [name, digest] : digests)
    hash.update(name + " " + digest + "\n");
  return hash.hex();
}

} // namespace dsk
