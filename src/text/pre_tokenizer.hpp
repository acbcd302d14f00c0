#pragma once
// Cuts a text into the pieces within which tokens are merged: a sequence of steps, each of which cuts the pieces of
// the step before further. A regular expression sees one piece at a time (its lookaheads end there), as in Hugging
// Face's pre-tokenizers, whose names and behaviors are used here.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/text/regex.hpp"

namespace recpo::text {

// What becomes of a match and of the text between matches.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

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

}  // namespace recpo::text
