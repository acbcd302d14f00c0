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

  // Pieces of text before the prompt's last line do not depend on what follows it, so only that line is tokenized again
  // with each completion: twenty candidates cost little more than one. Checked: its tokens must end the prompt's.
  std::string_view shared = prompt.substr(prompt.rfind('\n') + 1);
  std::vector<std::int32_t> shared_ids = tokenizer.encode(shared);
  const bool ends_prompt =
      shared_ids.size() <= plain.size() && std::equal(shared_ids.rbegin(), shared_ids.rend(), plain.rbegin());
  if (!ends_prompt) {
    shared = prompt;
    shared_ids = plain;
  }
  std::string joint(shared);
  for (const std::string& completion : completions) {
    joint.resize(shared.size());
    joint += completion;
    std::vector<std::int32_t> ids = tokenizer.encode(joint);
    if (ids.size() >= shared_ids.size() && std::equal(shared_ids.begin(), shared_ids.end(), ids.begin())) {
      ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(shared_ids.size()));
    } else {
      ids = tokenizer.encode(completion);
    }
    ids.push_back(end_id);
    result.answers.push_back(std::move(ids));
  }
  return result;
}

}  // namespace recpo::data
