#define PCRE2_CODE_UNIT_WIDTH 8
#include "src/text/regex.hpp"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "src/support/check.hpp"
#include "src/text/utf8.hpp"

namespace recpo::text {
namespace {

constexpr std::size_t kMaxPatternBytes = 4096;

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

// Classes that PCRE2 reads otherwise than Oniguruma: its \s also matches U+180E, which left White_Space with Unicode
// 6.3, and its Unicode is older.
struct CharacterClass {
  std::string_view name, complement;
  std::string members;
};

// `newer`: with the letters and numbers of newer Unicode versions.
std::vector<CharacterClass> character_classes(bool newer) {
  std::vector<CharacterClass> classes = {{R"(\s)", R"(\S)", R"(\x{09}-\x{0d}\x{85}\p{Z})"}};
  if (newer) {
    classes.push_back({R"(\p{L})", R"(\P{L})", std::string(R"(\p{L})") + kNewerLetters});
    classes.push_back({R"(\p{N})", R"(\P{N})", std::string(R"(\p{N})") + kNewerNumbers});
  }
  return classes;
}

// Appends what the escape at the beginning of `rest` is for PCRE2; the length of the escape.
std::size_t translate_escape(std::string_view rest, bool in_class, const std::vector<CharacterClass>& classes,
                             std::string& result) {
  for (const CharacterClass& known : classes) {
    if (rest.starts_with(known.name)) {
      result += in_class ? known.members : fmt::format("[{}]", known.members);
      return known.name.size();
    }
    if (!in_class && rest.starts_with(known.complement)) {
      result += fmt::format("[^{}]", known.members);
      return known.complement.size();
    }
  }
  result += rest.substr(0, 2);
  return std::min<std::size_t>(rest.size(), 2);
}

// The pattern in PCRE2's language.
std::string translate(const std::string& pattern, bool newer, const std::string& where) {
  const std::vector<CharacterClass> classes = character_classes(newer);
  std::string result;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (c == '\\') {
      if (next == 'h' || next == 'H') throw_input("{}: \\{} in a regular expression is not supported", where, next);
      i += translate_escape(std::string_view(pattern).substr(i), in_class, classes, result) - 1;
      continue;
    }
    if (in_class && c == '[' && next == ':') {  // [:alpha:]
      const std::size_t end = std::min(pattern.find(":]", i), pattern.size() - 2) + 2;
      result += pattern.substr(i, end - i);
      i = end - 1;
      continue;
    }
    if (in_class && (c == '[' || (c == '&' && next == '&')))
      throw_input("{}: nested character classes and intersections are not supported: {}", where, excerpt(pattern));
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    result += c;
  }
  return result;
}

using MatchData = std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)>;

std::shared_ptr<pcre2_code> compile(const std::string& text, std::uint32_t options, const std::string& where) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), options, &error, &offset, nullptr);
  if (!code) throw_input("{}: bad regular expression {}: {}", where, excerpt(text), pcre2_message(error));
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // failing to is slower, not wrong
  return {code, [](pcre2_code* owned) { pcre2_code_free(owned); }};
}
}  // namespace

Regex::Regex(const std::string& pattern, Syntax syntax, std::string where) : where_(std::move(where)) {
  if (pattern.empty() || pattern.size() > kMaxPatternBytes)
    throw_input("{}: a pattern has {} bytes; expected 1 to {}", where_, pattern.size(), kMaxPatternBytes);
  if (syntax == Syntax::kLiteral) {
    code_ = newer_code_ = compile(pattern, PCRE2_UTF | PCRE2_LITERAL, where_);
    return;
  }
  constexpr std::uint32_t kOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  const std::string text = translate(pattern, false, where_), newer = translate(pattern, true, where_);
  code_ = compile(text, kOptions, where_);
  newer_code_ = newer == text ? code_ : compile(newer, kOptions, where_);
}

void Regex::find_all(std::string_view text, std::vector<Span>& matches) const {
  const MatchData data(pcre2_match_data_create(1, nullptr), pcre2_match_data_free);
  RECPO_REQUIRE(data);
  pcre2_code* code = may_hold_newer_characters(text) ? newer_code_.get() : code_.get();
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::uint32_t options = PCRE2_NO_UTF_CHECK;
  for (std::size_t begin = 0; begin < text.size();) {
    const int result = pcre2_match(code, subject, text.size(), begin, options, data.get(), nullptr);
    if (result == PCRE2_ERROR_NOMATCH) return;
    if (result == PCRE2_ERROR_JIT_STACKLIMIT && !(options & PCRE2_NO_JIT)) {
      options |= PCRE2_NO_JIT;  // the interpreter's backtracking lives on the heap
      continue;
    }
    // 0: the expression has groups that `data` has no room for; the match itself is there.
    if (result < 0) throw_input("{}: the regular expression fails on a text: {}", where_, pcre2_message(result));
    const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data.get());
    matches.push_back({offsets[0], offsets[1]});
    begin = offsets[1];
    if (offsets[1] > offsets[0]) continue;
    do {  // the next search after an empty match begins one character on
      ++begin;
    } while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80);
  }
}

}  // namespace recpo::text
