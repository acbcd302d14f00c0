#include "src/text/pre_tokenizer.hpp"

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/json.hpp"
#include "src/text/utf8.hpp"

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
  for (std::size_t i = 0, begin = 0; i < pieces.size(); begin = ends[i++])
    pieces[i] = std::string_view(storage).substr(begin, ends[i] - begin);
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

namespace {

constexpr int kMaxDepth = 8;  // of Sequence in Sequence

// The steps of a Sequence, whose elements stand under the key `list`; the step itself when it is none.
void flatten(const JsonObject& step, const char* list, int depth, std::vector<JsonObject>& steps) {
  if (depth > kMaxDepth) throw_input("{}: nested more than {} deep", step.source(), kMaxDepth);
  if (step.text("type") != "Sequence") {
    steps.push_back(step);
    return;
  }
  for (const JsonObject& element : step.objects(list)) flatten(element, list, depth + 1, steps);
}

SplitBehavior read_behavior(const JsonObject& step) {
  const std::string name = step.text("behavior");
  if (const auto behavior = find_value<SplitBehavior>(name)) return *behavior;
  throw_input("{}: unknown behavior {}", step.source(), excerpt(name));
}

SplitStep read_split(const JsonObject& step) {
  const JsonObject pattern = step.object("pattern");
  const bool is_regex = pattern.has("Regex");
  const auto syntax = is_regex ? Regex::Syntax::kPattern : Regex::Syntax::kLiteral;
  return {Regex(pattern.text(is_regex ? "Regex" : "String"), syntax, pattern.source()), read_behavior(step),
          step.boolean("invert", false)};
}

SplitStep read_digits(const JsonObject& step) {
  const bool individual = step.boolean("individual_digits", false);
  return {Regex("\\p{N}", Regex::Syntax::kPattern, step.source()),
          individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous};
}

void add_byte_level(const JsonObject& step, PreTokenizer& pre_tokenizer) {
  if (step.boolean("add_prefix_space", true)) pre_tokenizer.add(PrefixSpaceStep{});
  if (step.boolean("use_regex", true)) {
    pre_tokenizer.add(SplitStep{Regex(kGpt2Pattern, Regex::Syntax::kPattern, step.source())});
  }
}

// The id of the only special token before the text in a template's "single".
std::int32_t read_template(const JsonObject& processor, std::int64_t vocab_size) {
  std::int32_t begin_id = -1;
  for (const JsonObject& element : processor.objects("single")) {
    if (!element.has("SpecialToken")) break;
    if (begin_id >= 0) throw_input("{}: more than one token before the text is not supported", processor.source());
    const std::string name = element.object("SpecialToken").text("id");
    const JsonObject known = processor.object("special_tokens");
    if (!known.has(name)) throw_input("{}: {} is missing", known.source(), excerpt(name));
    const JsonObject token(known.at(name), known.source() + ": " + excerpt(name));
    const auto& ids = token.at("ids");
    const bool is_one_id = ids.is_array() && ids.size() == 1 && ids[0].is_number_unsigned() &&
                           ids[0].get<std::uint64_t>() < static_cast<std::uint64_t>(vocab_size);
    if (!is_one_id) throw_input("{}: ids must hold one id below {}", token.source(), vocab_size);
    begin_id = ids[0].get<std::int32_t>();
  }
  return begin_id;
}
}  // namespace

PreTokenizer read_pre_tokenizer(const JsonObject& root) {
  std::vector<JsonObject> steps;
  flatten(root.object("pre_tokenizer"), "pretokenizers", 0, steps);
  if (steps.empty() || steps.back().text("type") != "ByteLevel")
    throw_input("{}: pre_tokenizer: only byte-level tokenizers are supported; expected ByteLevel as the last step",
                root.source());
  PreTokenizer pre_tokenizer;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string type = steps[i].text("type");
    if (type == "Split") {
      pre_tokenizer.add(read_split(steps[i]));
    } else if (type == "Digits") {
      pre_tokenizer.add(read_digits(steps[i]));
    } else if (type == "ByteLevel" && i + 1 == steps.size()) {
      add_byte_level(steps[i], pre_tokenizer);
    } else {
      throw_input("{}: type {} is not supported here; expected Split, Digits, then ByteLevel", steps[i].source(),
                  excerpt(type));
    }
  }
  return pre_tokenizer;
}

std::int32_t read_begin_id(const JsonObject& root, std::int64_t vocab_size) {
  if (!root.has("post_processor")) return -1;
  std::vector<JsonObject> processors;
  flatten(root.object("post_processor"), "processors", 0, processors);
  std::int32_t begin_id = -1;
  for (const JsonObject& processor : processors) {
    const std::string type = processor.text("type");
    if (type == "ByteLevel") continue;  // moves offsets only
    if (type != "TemplateProcessing" || begin_id >= 0)
      throw_input("{}: type {} is not supported here; expected one TemplateProcessing", processor.source(),
                  excerpt(type));
    begin_id = read_template(processor, vocab_size);
  }
  return begin_id;
}

}  // namespace recpo::text
