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

// Letters and numbers that Unicode 15 and 16 added to the 14 of PCRE2 10.42, as parts of a character class: with them
// \p{L} and \p{N} mean what they mean to Hugging Face's tokenizers 0.23 and tiktoken 0.14. A PCRE2 that knows these
// characters loses nothing by hearing of them again.

inline constexpr const char* kNewerLetters =
    R"(\x{1C89}\x{1C8A}\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{105C0}-\x{105F3}\x{10D4A}-\x{10D65}\x{10D6F}-\x{10D85})"
    R"(\x{10EC2}-\x{10EC4}\x{1123F}\x{11240}\x{11380}-\x{11389}\x{1138B}\x{1138E}\x{11390}-\x{113B5}\x{113B7}\x{113D1})"
    R"(\x{113D3}\x{11BC0}-\x{11BE0}\x{11F02}\x{11F04}-\x{11F10}\x{11F12}-\x{11F33}\x{1342F}\x{13441}-\x{13446})"
    R"(\x{13460}-\x{143FA}\x{16100}-\x{1611D}\x{16D40}-\x{16D6C}\x{18CFF}\x{1B132}\x{1B155}\x{1DF25}-\x{1DF2A})"
    R"(\x{1E030}-\x{1E06D}\x{1E4D0}-\x{1E4EB}\x{1E5D0}-\x{1E5ED}\x{1E5F0}\x{2B739}\x{2EBF0}-\x{2EE5D})"
    R"(\x{31350}-\x{323AF})";

inline constexpr const char* kNewerNumbers =
    R"(\x{10D40}-\x{10D49}\x{116D0}-\x{116E3}\x{11BF0}-\x{11BF9}\x{11F50}-\x{11F59}\x{16130}-\x{16139})"
    R"(\x{16D70}-\x{16D79}\x{1CCF0}-\x{1CCF9}\x{1D2C0}-\x{1D2D3}\x{1E4F0}-\x{1E4F9}\x{1E5F1}-\x{1E5FA})";

// Whether valid UTF-8 may hold one of them; true for some that holds none. All lie in U+1C80-1CBF, in U+A7C0-A7FF or
// beyond U+FFFF.
inline bool may_hold_newer_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0xE1) continue;
    if (byte >= 0xF0) return true;
    const auto next = static_cast<unsigned char>(text[i + 1]);
    if ((byte == 0xE1 && next == 0xB2) || (byte == 0xEA && next == 0x9F)) return true;
  }
  return false;
}

}  // namespace recpo::text
