#include <algorithm>

#include "base/error.hpp"
#include "catalog/documents.hpp"

namespace dsk {
namespace {

constexpr PriceTerm terms[] = {PriceTerm::on_demand, PriceTerm::reserved, PriceTerm::spot,
                               PriceTerm::owned};

PriceTerm read_term(Reader& reader) {
  std::vector<std::string> names;
  for (const PriceTerm term : terms)
    names.emplace_back(price_term_name(term));
  const std::string chosen = reader.choice("term", names);
  return terms[std::find(names.begin(), names.end(), chosen) - names.begin()];
}

} // namespace

std::string_view price_term_name(PriceTerm term) {
  switch (term) {
  case PriceTerm::on_demand:
    return "on-demand";
  case PriceTerm::reserved:
    return "reserved";
  case PriceTerm::spot:
    return "spot";
  case PriceTerm::owned:
    return "owned";
  }
  return "?";
}

PriceList price_list_from_document(const Json& document, const std::string& path) {
  Reader reader(document, path);
  RecordHead head = read_head(reader, "price");
  PriceList list;
  list.name = std::move(head.name);
  list.aliases = std::move(head.aliases);
  list.source = std::move(head.source);
  list.as_of = std::move(head.as_of);
  reader.choice("currency", {"USD"});

  const auto offers = reader.array("offers", 4096);
  for (std::size_t i = 0; i < offers.size(); ++i) {
    Reader item(*offers[i], json::pointer(reader.path_of("offers"), i));
    PriceOffer offer;
    offer.device = item.text("device", 64);
    offer.provider = item.text("provider", 64);
    offer.term = read_term(item);
    if (offer.term == PriceTerm::reserved)
      offer.commitment_months = static_cast<int>(item.integer("commitment_months", 1, 120));
    offer.usd_per_hour = item.number("usd_per_hour", min_usd_per_hour, max_usd_per_hour);
    offer.note = item.text("note", "", 512);
    item.done();
    list.offers.push_back(std::move(offer));
  }
  const auto purchases = reader.array("purchases", 4096);
  for (std::size_t i = 0; i < purchases.size(); ++i) {
    Reader item(*purchases[i], json::pointer(reader.path_of("purchases"), i));
    PurchasePrice price;
    price.device = item.text("device", 64);
    price.usd = item.number("usd", min_purchase_usd, max_purchase_usd);
    price.note = item.text("note", "", 512);
    item.done();
    list.purchases.push_back(std::move(price));
  }
  if (list.offers.empty() && list.purchases.empty())
    invalid_request(reader.path_of("offers"), "offers is empty, must hold at least one price (or "
                                              "purchases must)");
  reader.text("note", "", 1024);
  reader.done();
  return list;
}

} // namespace dsk
