#pragma once
// A regular expression of a tokenizer file, compiled by PCRE2 with Unicode properties and, where the machine allows,
// as machine code. Tokenizer files are written for Oniguruma: `\s` means the Unicode property White_Space, `^` and `$`
// match at lines; patterns whose meaning differs in PCRE2 (nested classes, class intersections, \h) are refused.
// \p{L} and \p{N} are those of Unicode 16; other properties, and \P{L}, \P{N} and \S inside a class, those of PCRE2's
// Unicode version (14 with PCRE2 10.42). Safe to share between threads.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;

namespace recpo::text {

struct Span {
  std::size_t begin = 0, end = 0;
};

class Regex {
 public:
  enum class Syntax { kPattern, kLiteral };

  // `where` names the file and key in errors. Throws kBadInput when the pattern does not compile.
  Regex(const std::string& pattern, Syntax syntax, std::string where);

  // Appends the non-overlapping matches in `text` (valid UTF-8), left to right; some may be empty. Throws kBadInput
  // when the pattern needs more than PCRE2's limit of steps on this text.
  void find_all(std::string_view text, std::vector<Span>& matches) const;

 private:
  // The second knows newer letters and numbers and costs half as much time again: for texts that may hold some.
  std::shared_ptr<pcre2_real_code_8> code_, newer_code_;
  std::string where_;
};

}  // namespace recpo::text
