// Reads a response of an OpenAI-compatible server as it comes: server-sent events, or one document.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "load/record.hpp"

namespace dsk::load {

/// What one event says.
struct Event {
  bool has_text = false; // text, reasoning or the arguments of a tool call
  bool finished = false; // a choice gave its reason to end
  bool error = false;
  bool malformed = false;
  std::int64_t prompt_tokens = -1; // -1: not said
  std::int64_t output_tokens = -1;
};

/// Reads one JSON object without building it.
Event read_event(std::string_view json);

inline constexpr std::size_t max_line_bytes = std::size_t{1} << 20;
inline constexpr std::size_t max_document_bytes = std::size_t{64} << 20;
inline constexpr std::uint64_t max_events = 1'000'000;

/// Takes the bytes of one stream in any pieces. `token(event)` is called for each event with text.
class StreamReader {
public:
  explicit StreamReader(bool streaming) : streaming_(streaming) {}

  /// False when nothing good can come any more; outcome() then says why.
  template <class Token> bool feed(std::string_view bytes, Token&& token) {
    if (!streaming_) return feed_document(bytes);
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::string_view part = bytes.substr(0, end);
      if (line_.size() + part.size() > max_line_bytes) return fail(Outcome::line_too_long);
      if (end == std::string_view::npos) {
        line_ += part;
        return true;
      }
      bytes.remove_prefix(end + 1);
      bool good = false;
      if (line_.empty()) {
        good = line(part, token);
      } else {
        line_ += part;
        good = line(line_, token);
        line_.clear();
      }
      if (!good) return false;
    }
    return true;
  }

  /// Once the response has ended: completed, or what it lacks.
  Outcome finish();
  Outcome outcome() const { return outcome_; }
  std::int64_t prompt_tokens() const { return prompt_tokens_; }
  std::int64_t output_tokens() const { return output_tokens_; }
  std::uint64_t text_events() const { return text_events_; }

private:
  template <class Token> bool line(std::string_view text, Token&& token) {
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    // Comments, names of events and blank lines say nothing about tokens.
    if (text.substr(0, 5) != "data:") return known_field(text) || fail(Outcome::malformed);
    text.remove_prefix(5);
    if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (text == "[DONE]") {
      ended_ = true;
      return true;
    }
    const Event event = read_event(text);
    if (event.malformed) return fail(Outcome::malformed);
    if (event.error) return fail(Outcome::server_error);
    if (++events_ > max_events) return fail(Outcome::too_long);
    take(event);
    if (event.has_text) {
      ++text_events_;
      token();
    }
    return true;
  }

  static bool known_field(std::string_view text);
  void take(const Event& event);
  bool feed_document(std::string_view bytes);
  bool fail(Outcome outcome) {
    outcome_ = outcome;
    return false;
  }

  bool streaming_;
  std::string line_; // the beginning of a line, or the document so far
  std::uint64_t events_ = 0;
  std::uint64_t text_events_ = 0;
  std::int64_t prompt_tokens_ = -1;
  std::int64_t output_tokens_ = -1;
  bool ended_ = false;
  Outcome outcome_ = Outcome::completed;
};

} // namespace dsk::load
