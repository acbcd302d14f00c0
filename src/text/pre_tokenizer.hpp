#pragma once
// Cuts a text into the pieces within which tokens are merged: a sequence of steps, each of which cuts the pieces of
// the step before further. A regular expression sees one piece at a time (its lookaheads end there), as in Hugging
// Face's pre-tokenizers, whose names and behaviors are used here.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/support/enum_names.hpp"
#include "src/text/regex.hpp"

namespace recpo {
class JsonObject;
}

namespace recpo::text {

// What becomes of a match and of the text between matches.
enum class SplitBehavior : std::uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
constexpr auto names_of(SplitBehavior) {
  return std::array{"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
}

struct SplitStep {
  Regex regex;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // the text between matches is what is split off
};

struct PrefixSpaceStep {};  // every piece that does not begin with a space gets one

class PreTokenizer {
 public:
  void add(SplitStep step) { steps_.emplace_back(std::move(step)); }
  void add(PrefixSpaceStep step) { steps_.emplace_back(step); }

  // Pieces of `text` (valid UTF-8), left to right, none empty. They point into `text` or, where spaces were added,
  // into `storage`.
  void split(std::string_view text, std::string& storage, std::vector<std::string_view>& pieces) const;

 private:
  std::vector<std::variant<SplitStep, PrefixSpaceStep>> steps_;
};

// The expressions of GPT-2 and of Llama-3.
extern const char* const kGpt2Pattern;
extern const char* const kLlama3Pattern;

// The parts of a tokenizer.json around its model; `root` is the object of the file. Types that would change ids and are
// not known here are refused by name.

// Sequence, Split, Digits and ByteLevel; the last step must be ByteLevel.
PreTokenizer read_pre_tokenizer(const JsonObject& root);

// The token a TemplateProcessing puts before the text, -1 when there is none. Tokens after the text are left out:
// recpo adds the end token to completions itself.
std::int32_t read_begin_id(const JsonObject& root, std::int64_t vocab_size);

}  // namespace recpo::text
