#include "tp/tuning.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/json.hpp"

namespace dsk::tp {
namespace {

constexpr int schema = 1;
constexpr std::size_t longest_choice = 64 * 1024;

} // namespace

Tuning::Tuning(std::string_view text) {
  const Json document = json::parse(text, "tuning table");
  if (!document.is_object()) invalid_request("", "a tuning table is an object");
  const auto version = document.find("schema");
  if (version == document.end() || *version != schema)
    invalid_request("/schema", "schema must be 1");
  const auto choices = document.find("choices");
  if (choices == document.end() || !choices->is_object())
    invalid_request("/choices", "choices must be an object");
  for (const auto& [key, value] : choices->items()) {
    const std::string path = json::pointer("/choices", key);
    if (!value.is_string() || value.get_ref<const std::string&>().size() > longest_choice)
      invalid_request(path, "a choice is a text of at most 64 KiB, not " + json::preview(value));
    choices_.emplace(key, value.get<std::string>());
  }
  for (const auto& [key, value] : document.items())
    if (key != "schema" && key != "choices")
      invalid_request(json::pointer("", key), "unknown member");
}

std::string Tuning::to_json() const {
  const std::lock_guard lock(mutex_);
  Json document;
  document["schema"] = schema;
  document["choices"] = Json::object();
  for (const auto& [key, value] : choices_)
    document["choices"][key] = value;
  return json::dump(document);
}

std::string Tuning::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto it = choices_.find(key);
  return it == choices_.end() ? std::string{} : it->second;
}

void Tuning::put(const std::string& key, std::string choices) {
  const std::lock_guard lock(mutex_);
  choices_[key] = std::move(choices);
}

std::uint64_t Tuning::size() const {
  const std::lock_guard lock(mutex_);
  return choices_.size();
}

} // namespace dsk::tp
