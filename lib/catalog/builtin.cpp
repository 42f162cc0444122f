#include "catalog/builtin.hpp"

#include <mutex>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace dsk {

namespace embedded {
extern const File catalog[];
extern const std::size_t catalog_count;
} // namespace embedded

namespace {

// Takes the head of a document and stops at the first member that holds an object, or an array
// other than aliases.
class HeadScanner final : public Json::json_sax_t {
public:
  explicit HeadScanner(BuiltinRecord& record) : record_(record) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool binary(Json::binary_t&) override { return true; }
  bool string(std::string& value) override {
    if (key_ == "kind") record_.kind = value;
    if (key_ == "name") record_.name = value;
    if (key_ == "version") record_.version = value;
    if (key_ == "aliases") record_.aliases.push_back(value);
    return true;
  }
  bool key(std::string& value) override {
    key_ = value;
    return true;
  }
  bool start_object(std::size_t) override { return ++objects_ == 1; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return key_ == "aliases"; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

private:
  BuiltinRecord& record_;
  std::string key_;
  int objects_ = 0;
};

std::string name_key(std::string_view kind, std::string_view folded) {
  std::string key(kind);
  key += ':';
  key += folded;
  return key;
}

} // namespace

struct Builtin::Slot {
  std::once_flag once;
  std::shared_ptr<const Record> record;
};

Builtin::~Builtin() = default;

const Builtin& Builtin::get() {
  static const Builtin builtin;
  return builtin;
}

Builtin::Builtin() {
  records_.reserve(embedded::catalog_count);
  for (std::size_t i = 0; i < embedded::catalog_count; ++i) {
    const embedded::File& file = embedded::catalog[i];
    BuiltinRecord record;
    HeadScanner scanner(record);
    Json::sax_parse(file.body.begin(), file.body.end(), &scanner);
    record.body = file.body;
    record.sha256 = file.sha256;
    names_.emplace(name_key(record.kind, folded_name(record.name)), i);
    for (const std::string& alias : record.aliases)
      names_.emplace(name_key(record.kind, folded_name(alias)), i);
    records_.push_back(std::move(record));
  }
  slots_ = std::make_unique<Slot[]>(records_.size());
}

std::vector<std::size_t> Builtin::find(std::string_view kind, std::string_view folded) const {
  std::vector<std::size_t> found;
  const auto [begin, end] = names_.equal_range(name_key(kind, folded));
  for (auto it = begin; it != end; ++it)
    found.push_back(it->second);
  return found;
}

Json Builtin::document(std::size_t index) const {
  return json::parse(records_[index].body, records_[index].name);
}

std::shared_ptr<const Record> Builtin::parsed(std::size_t index) const {
  Slot& slot = slots_[index];
  std::call_once(slot.once, [&] {
    slot.record = std::make_shared<const Record>(
        record_from_document(records_[index].kind, document(index), ""));
  });
  return slot.record;
}

} // namespace dsk
