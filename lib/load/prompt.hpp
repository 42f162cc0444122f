// Bodies of requests: prompts of a wanted length, made from the workload's own numbers, so that
// equal prefixes of the workload are equal text and everything else differs.
#pragma once

#include <string>

#include "load/request.hpp"

namespace dsk::load {

class PromptMaker {
public:
  explicit PromptMaker(const LoadRequest& request);

  /// JSON body of request number `index`. A word stands for a token; a tokenizer may see a few
  /// percent more or fewer, which the server's own count then says.
  std::string body(std::int64_t index, const workload::Request& what) const;

private:
  void append_prompt(std::string& to, std::int64_t index, const workload::Request& what) const;

  const LoadRequest& request_;
  std::string head_; // up to the prompt
  std::string tail_; // behind it, up to the number of tokens
};

} // namespace dsk::load
