#include "src/text/pre_tokenizer.hpp"

#include <algorithm>

namespace recpo::text {

const char* const kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char* const kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

struct Part {
  Span span;
  bool split_off;  // a match, or with `invert` the text between matches
};

std::vector<Part> cut(const SplitStep& step, std::string_view text) {
  std::vector<Span> matches;
  step.regex.find_all(text, matches);
  std::vector<Part> parts;
  std::size_t end = 0;
  for (const Span& match : matches) {
    if (match.begin > end) parts.push_back({{end, match.begin}, step.invert});
    parts.push_back({match, !step.invert});
    end = match.end;
  }
  if (end < text.size()) parts.push_back({{end, text.size()}, step.invert});
  return parts;
}

// Joins part i to part i - 1 wherever `joins(previous, current)`.
template <class Joins>
void join(std::vector<Part>& parts, Joins joins) {
  std::vector<Part> result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && joins(parts[i - 1].split_off, parts[i].split_off)) {
      result.back().span.end = parts[i].span.end;
    } else {
      result.push_back(parts[i]);
    }
  }
  parts = std::move(result);
}

std::vector<Part> apply(const SplitStep& step, std::string_view text) {
  std::vector<Part> parts = cut(step, text);
  switch (step.behavior) {
    case SplitBehavior::kRemoved:
      std::erase_if(parts, [](const Part& part) { return part.split_off; });
      break;
    case SplitBehavior::kIsolated:
      break;
    case SplitBehavior::kMergedWithPrevious:
      join(parts, [](bool previous, bool current) { return current && !previous; });
      break;
    case SplitBehavior::kMergedWithNext:
      join(parts, [](bool previous, bool current) { return previous && !current; });
      break;
    case SplitBehavior::kContiguous:
      join(parts, [](bool previous, bool current) { return previous == current; });
      break;
  }
  return parts;
}

void apply(const SplitStep& step, std::string&, std::vector<std::string_view>& pieces) {
  std::vector<std::string_view> result;
  for (const std::string_view piece : pieces) {
    for (const auto& [span, split_off] : apply(step, piece)) {
      if (span.end > span.begin) result.push_back(piece.substr(span.begin, span.end - span.begin));
    }
  }
  pieces = std::move(result);
}

void apply(const PrefixSpaceStep&, std::string& storage, std::vector<std::string_view>& pieces) {
  std::string text;
  std::vector<std::size_t> ends;
  for (const std::string_view piece : pieces) {
    if (!piece.starts_with(' ')) text += ' ';
    text += piece;
    ends.push_back(text.size());
  }
  storage = std::move(text);
  for (std::size_t i = 0, begin = 0; i < pieces.size(); begin = ends[i++]) {
    pieces[i] = std::string_view(storage).substr(begin, ends[i] - begin);
  }
}
}  // namespace

void PreTokenizer::split(std::string_view text, std::string& storage, std::vector<std::string_view>& pieces) const {
  pieces.clear();
  if (text.empty()) return;
  pieces.push_back(text);
  for (const auto& step : steps_) {
    std::visit([&](const auto& concrete) { apply(concrete, storage, pieces); }, step);
  }
}

}  // namespace recpo::text
