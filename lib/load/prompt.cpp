#include "load/prompt.hpp"

namespace dsk::load {
namespace {

// Short common words: a token each, with the space before them, in the usual vocabularies.
constexpr const char* words[] = {
    "time",    "year",    "people",   "way",    "day",    "man",     "thing",   "woman",
    "life",    "child",   "world",    "school", "state",  "family",  "student", "group",
    "country", "problem", "hand",     "part",   "place",  "case",    "week",    "company",
    "system",  "program", "question", "work",   "number", "night",   "point",   "home",
    "water",   "room",    "mother",   "area",   "money",  "story",   "fact",    "month",
    "lot",     "right",   "study",    "book",   "eye",    "job",     "word",    "business",
    "issue",   "side",    "kind",     "head",   "house",  "service", "friend",  "father",
    "power",   "hour",    "game",     "line",   "end",    "member",  "law",     "car"};
constexpr std::uint64_t word_count = sizeof words / sizeof *words;
static_assert(word_count == 64);

std::uint64_t mixed(std::uint64_t h) { // splitmix64's finaliser
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return h ^ (h >> 31);
}

} // namespace

PromptMaker::PromptMaker(const LoadRequest& request) : request_(request) {
  Json body;
  body["model"] = request.model;
  body["stream"] = request.streaming;
  if (request.streaming) body["stream_options"] = {{"include_usage", true}};
  body["ignore_eos"] = true; // vLLM and SGLang: answers as long as asked for
  body["temperature"] = 0;
  for (const auto& [name, value] : request.extra.items())
    body[name] = value;
  head_ = json::dump_compact(body);
  head_.pop_back();
  if (request.api == Api::chat) {
    head_ += R"(,"messages":[{"role":"user","content":")";
    tail_ = R"("}],"max_completion_tokens":)";
  } else if (request.token_ids) {
    head_ += R"(,"prompt":[)";
    tail_ = R"(],"max_tokens":)";
  } else {
    head_ += R"(,"prompt":")";
    tail_ = R"(","max_tokens":)";
  }
}

void PromptMaker::append_prompt(std::string& to, std::int64_t index,
                                const workload::Request& what) const {
  const std::uint64_t own =
      mixed(request_.workload.seed * 0x9e3779b97f4a7c15ull + static_cast<std::uint64_t>(index));
  std::uint64_t state = 0;
  const std::int32_t block = what.blocks.size > 0 ? what.blocks.block_tokens : 0;
  for (std::int32_t i = 0; i < what.input; ++i) {
    // A shared block gives its own words; what lies behind the last block is this request's alone.
    const bool shared = block > 0 && i / block < what.blocks.size;
    if (i % (block > 0 ? block : 64) == 0)
      state = shared ? what.blocks[i / block] : own + static_cast<std::uint64_t>(i);
    state = mixed(state + 0x9e3779b97f4a7c15ull);
    if (request_.token_ids) {
      if (i > 0) to += ',';
      to += std::to_string(1000 + state % 20000); // inside every vocabulary in use
    } else {
      if (i > 0) to += ' ';
      to += words[state % word_count];
    }
  }
}

std::string PromptMaker::body(std::int64_t index, const workload::Request& what) const {
  std::string out;
  out.reserve(head_.size() + tail_.size() + 32 + 8 * static_cast<std::size_t>(what.input));
  out += head_;
  append_prompt(out, index, what);
  out += tail_;
  out += std::to_string(what.output);
  out += '}';
  return out;
}

} // namespace dsk::load
