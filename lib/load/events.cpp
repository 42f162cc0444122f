#include "load/events.hpp"

#include "base/json.hpp"

namespace dsk::load {
namespace {

// Names at depth 1 and below decide what a value means; nothing else is kept.
class EventSax final : public Json::json_sax_t {
public:
  explicit EventSax(Event& out) : out_(out) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t value) override { return count(value); }
  bool number_unsigned(std::uint64_t value) override {
    return count(static_cast<std::int64_t>(value));
  }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string& value) override {
    if (top_ == Top::choices && !value.empty()) {
      if (name_ == Name::text) out_.has_text = true;
      if (name_ == Name::finish) out_.finished = true;
    }
    if (depth_ == 1 && name_ == Name::error) out_.error = true;
    return true;
  }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    if (depth_ == 1 && name_ == Name::error) out_.error = true;
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 0) return false; // an event is an object
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(std::string& name) override {
    if (depth_ == 1)
      top_ = name == "choices" ? Top::choices : name == "usage" ? Top::usage : Top::other;
    if (name == "text" || name == "content" || name == "reasoning_content" || name == "reasoning" ||
        name == "arguments")
      name_ = Name::text;
    else if (name == "finish_reason")
      name_ = Name::finish;
    else if (name == "prompt_tokens")
      name_ = Name::prompt_tokens;
    else if (name == "completion_tokens")
      name_ = Name::output_tokens;
    else if (name == "error")
      name_ = Name::error;
    else
      name_ = Name::other;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

private:
  enum class Top { other, choices, usage };
  enum class Name { other, text, finish, prompt_tokens, output_tokens, error };

  bool count(std::int64_t value) {
    if (top_ == Top::usage && depth_ == 2) {
      if (name_ == Name::prompt_tokens) out_.prompt_tokens = value;
      if (name_ == Name::output_tokens) out_.output_tokens = value;
    }
    return depth_ > 0;
  }

  Event& out_;
  int depth_ = 0;
  Top top_ = Top::other;
  Name name_ = Name::other;
};

} // namespace

Event read_event(std::string_view text) {
  Event out;
  EventSax sax(out);
  out.malformed =
      text.empty() || text.front() != '{' || !Json::sax_parse(text.begin(), text.end(), &sax);
  return out;
}

bool StreamReader::known_field(std::string_view text) {
  return text.empty() || text.front() == ':' || text.substr(0, 6) == "event:" ||
         text.substr(0, 3) == "id:" || text.substr(0, 6) == "retry:";
}

void StreamReader::take(const Event& event) {
  if (event.prompt_tokens >= 0) prompt_tokens_ = event.prompt_tokens;
  if (event.output_tokens >= 0) output_tokens_ = event.output_tokens;
  ended_ = ended_ || event.finished;
}

bool StreamReader::feed_document(std::string_view bytes) {
  if (line_.size() + bytes.size() > max_document_bytes) return fail(Outcome::too_long);
  line_ += bytes;
  return true;
}

Outcome StreamReader::finish() {
  if (outcome_ != Outcome::completed) return outcome_;
  if (!streaming_) {
    const Event event = read_event(line_);
    line_.clear();
    if (event.malformed) return outcome_ = Outcome::malformed;
    if (event.error) return outcome_ = Outcome::server_error;
    take(event);
    text_events_ = event.has_text ? 1 : 0;
  }
  // A rest that is no part of an event stream: the server answered in another format.
  if (streaming_ && line_.compare(0, 5, "data:") != 0 && !known_field(line_))
    return outcome_ = Outcome::malformed;
  if (!ended_) return outcome_ = Outcome::cut;
  if (text_events_ == 0 && output_tokens_ <= 0) return outcome_ = Outcome::empty;
  return outcome_;
}

} // namespace dsk::load
