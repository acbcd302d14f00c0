#include "src/data/tokenize.hpp"

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::data {

TokenizedPrompt tokenize(const text::Tokenizer& tokenizer, std::string_view prompt,
                         std::span<const std::string> completions, std::int32_t end_id) {
  const std::vector<std::int32_t> plain = tokenizer.encode(prompt);
  TokenizedPrompt result;
  if (tokenizer.begin_id() >= 0) result.prompt.push_back(tokenizer.begin_id());
  result.prompt.insert(result.prompt.end(), plain.begin(), plain.end());
  if (result.prompt.empty()) throw_input("an empty prompt cannot be tokenized: the tokenizer adds no begin token");

  std::string joint(prompt);
  for (const std::string& completion : completions) {
    joint.resize(prompt.size());
    joint += completion;
    std::vector<std::int32_t> ids = tokenizer.encode(joint);
    if (ids.size() >= plain.size() && std::equal(plain.begin(), plain.end(), ids.begin())) {
      ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(plain.size()));
    } else {
      ids = tokenizer.encode(completion);
    }
    ids.push_back(end_id);
    result.answers.push_back(std::move(ids));
  }
  return result;
}

}  // namespace recpo::data
