#include "src/text/added_tokens.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/support/check.hpp"
#include "src/text/regex.hpp"
#include "src/text/utf8.hpp"

namespace recpo::text {
namespace {

// \w of Rust's regex: alphabetic characters, marks, decimal digits, connectors, joiners. The ranges are the alphabetic
// characters that are neither letters nor marks (circled and squared letters).
bool is_word(std::string_view character) {
  static const Regex kWord(
      R"([\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169})"
      R"(\x{1F170}-\x{1F189}])",
      Regex::Syntax::kPattern, "added tokens");
  std::vector<Span> matches;
  kWord.find_all(character, matches);
  return !matches.empty();
}

std::string_view first_character(std::string_view text) {
  std::size_t end = 0;
  if (!text.empty()) next_code_point(text, end);
  return text.substr(0, end);
}

std::string_view last_character(std::string_view text) {
  std::size_t begin = text.empty() ? 0 : text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return text.substr(begin);
}

bool is_white_space(std::string_view character) {
  std::size_t begin = 0;
  return !character.empty() && text::is_white_space(next_code_point(character, begin));
}

std::string_view without_space_before(std::string_view text) {
  while (is_white_space(first_character(text))) text.remove_prefix(first_character(text).size());
  return text;
}

std::string_view without_space_after(std::string_view text) {
  while (is_white_space(last_character(text))) text.remove_suffix(last_character(text).size());
  return text;
}

bool inside_word(std::string_view before, std::string_view after) {
  return is_word(last_character(before)) || is_word(first_character(after));
}

}  // namespace

void AddedTokens::add(AddedToken token) {
  RECPO_REQUIRE(!token.content.empty());
  any_ordinary_ = any_ordinary_ || !token.special;
  Pass& pass = passes_[token.normalized];
  pass.first_bytes.set(static_cast<unsigned char>(token.content[0]));
  std::string content = token.content;
  pass.tokens.emplace(std::move(content), std::move(token));
}

bool AddedTokens::holds_ordinary(std::string_view content) const {
  return std::ranges::any_of(passes_, [&](const Pass& pass) {
    const auto found = pass.tokens.find(content);
    return found != pass.tokens.end() && !found->second.special;
  });
}

std::vector<Section> AddedTokens::split(std::string_view text, std::size_t special_bytes) const {
  if (!any_ordinary_ && special_bytes == 0) return {{text}};
  const char* const special_end = text.data() + std::min(special_bytes, text.size());
  std::vector<Section> first, second;
  passes_[0].search(text, special_end, first);
  for (const Section& section : first) {
    if (section.id < 0) {
      passes_[1].search(section.text, special_end, second);
    } else {
      second.push_back(section);
    }
  }
  return second;
}

void AddedTokens::Pass::search(std::string_view text, const char* special_end, std::vector<Section>& sections) const {
  std::size_t end = 0;  // of the last token
  for (std::size_t i = 0; i < text.size();) {
    const AddedToken* token = longest_at(text.substr(i));
    std::size_t begin = i;
    i += token ? token->content.size() : 1;
    // A longest match that does not count hides the shorter ones and those that begin inside it.
    if (!token || (token->special && text.data() + i > special_end)) continue;
    if (token->single_word && inside_word(text.substr(0, begin), text.substr(i))) continue;
    if (token->lstrip) begin = end + without_space_after(text.substr(end, begin - end)).size();
    if (token->rstrip) i = text.size() - without_space_before(text.substr(i)).size();
    if (begin > end) sections.push_back({text.substr(end, begin - end)});
    sections.push_back({text.substr(begin, i - begin), token->id});
    end = i;
  }
  if (end < text.size()) sections.push_back({text.substr(end)});
}

// The largest content that is not above the text is the match, or what both begin with holds it.
const AddedToken* AddedTokens::Pass::longest_at(std::string_view text) const {
  if (!first_bytes.test(static_cast<unsigned char>(text[0]))) return nullptr;
  while (!text.empty()) {
    const auto after = tokens.upper_bound(text);
    if (after == tokens.begin()) return nullptr;
    const auto& [content, token] = *std::prev(after);
    if (text.starts_with(content)) return &token;
    text = text.substr(0, static_cast<std::size_t>(std::ranges::mismatch(text, content).in1 - text.begin()));
  }
  return nullptr;
}

using nlohmann::json;

namespace {

bool reads_as_bytes(const std::string& title) {
  const bool is_ascii = std::ranges::all_of(title, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return !is_ascii && characters_to_bytes(title).has_value();
}

}  // namespace

AddedToken title_token(const std::string& title, std::int32_t id) {
  return {.content = title, .id = id, .single_word = true, .lstrip = true};
}

json title_decoder(std::span<const std::string> titles, json byte_level) {
  json steps = json::array();
  for (const std::string& title : titles)
    if (reads_as_bytes(title))
      steps.push_back({{"type", "Replace"},
                       {"pattern", {{"Regex", title_pattern(title)}}},
                       {"content", bytes_to_characters(title)}});
  if (steps.empty()) return byte_level;
  steps.push_back(std::move(byte_level));
  return {{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

std::string title_pattern(std::string_view title) {
  std::string pattern = "^";
  for (const char c : title) {
    if (std::string_view(R"(\.^$*+?()[]{}|)").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + "$";
}

}  // namespace recpo::text
