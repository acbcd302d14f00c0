#include "src/data/python_literal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "src/data/lines.hpp"
#include "src/support/check.hpp"
#include "src/text/utf8.hpp"

namespace recpo::data {
namespace {
constexpr std::array<std::string_view, 4> kAbsentWords = {"None", "null", "nan", "NaN"};
constexpr std::array<std::string_view, 4> kTruthWords = {"True", "False", "true", "false"};

template <std::size_t count>
bool is_one_of(std::string_view word, const std::array<std::string_view, count>& words) {
  return std::ranges::find(words, word) != words.end();
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool is_quote(char c) { return c == '\'' || c == '"'; }
bool is_prefix(char c) { return c == 'u' || c == 'U' || c == 'b' || c == 'B'; }
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == '.' ||
         c == '_';
}
bool starts_number(char c) { return is_digit(c) || c == '+' || c == '-' || c == '.'; }

// The text between the quotes of a string, escapes as they stand.
struct RawString {
  std::string_view text;
  std::size_t offset = 0;  // of `text` in the line
  bool escaped = false;    // holds a backslash
  bool unicode = false;    // has the prefix u
};
}  // namespace

// Walks over a line token by token.
class LiteralRecord::Scanner {
 public:
  explicit Scanner(std::string_view line) : line_(line) {}

  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) stop(fmt::format("no {} where one is needed", c));
  }

  void expect_end() {
    if (peek() != '\0' || at_ < line_.size()) stop("something behind the record");
  }

  // The next character that is not a space; 0 at the end.
  char peek() {
    while (at_ < line_.size() && is_space(line_[at_])) ++at_;
    return at_ < line_.size() ? line_[at_] : '\0';
  }

  bool at_string() {
    const char c = peek();
    return is_quote(c) || (is_prefix(c) && at_ + 1 < line_.size() && is_quote(line_[at_ + 1]));
  }

  bool at_bracket() { return kOpening.find(peek()) != std::string_view::npos; }

  RawString string() {
    if (!at_string()) stop("no string where a key is needed");
    RawString raw;
    raw.unicode = line_[at_] == 'u' || line_[at_] == 'U';
    const std::size_t begin = at_;
    if (is_prefix(line_[at_])) ++at_;
    const char quote = line_[at_++];
    raw.offset = at_;
    while (at_ < line_.size() && line_[at_] != quote) {
      raw.escaped |= line_[at_] == '\\';
      at_ += line_[at_] == '\\' ? 2 : 1;
    }
    if (at_ >= line_.size()) fail_at("a string that does not end", begin);
    raw.text = line_.substr(raw.offset, at_++ - raw.offset);
    return raw;
  }

  // A number, or a keyword of Python or JSON.
  std::string_view word() {
    peek();
    const std::size_t begin = at_;
    while (at_ < line_.size() && is_word(line_[at_])) ++at_;
    const std::string_view word = line_.substr(begin, at_ - begin);
    if (word.empty()) stop(at_ < line_.size() ? "an unexpected character" : "the line ends inside the record");
    if (!starts_number(word[0]) && !is_one_of(word, kAbsentWords) && !is_one_of(word, kTruthWords))
      fail_at("an unknown word", begin);
    return word;
  }

  void skip_value() {
    std::array<char, kMaxDepth> closing{};
    std::size_t depth = 0;
    do {
      const char c = peek();
      if (at_string()) {
        string();
      } else if (const auto bracket = kOpening.find(c); bracket != std::string_view::npos) {
        if (depth == closing.size()) stop(fmt::format("nested deeper than {}", closing.size()));
        closing[depth++] = kClosing[bracket];
        ++at_;
      } else if (depth > 0 && c == closing[depth - 1]) {
        --depth;
        ++at_;
      } else if (depth > 0 && (c == ',' || c == ':')) {
        ++at_;
      } else {
        word();
      }
    } while (depth > 0);
  }

  [[noreturn]] void stop(std::string_view what) const { fail_at(what, at_); }

 private:
  static constexpr std::string_view kOpening = "{[(", kClosing = "}])";
  std::string_view line_;
  std::size_t at_ = 0;
};

LiteralRecord::LiteralRecord(std::vector<std::string> keys) {
  for (std::string& key : keys) fields_.push_back({std::move(key), {}});
}

void LiteralRecord::read(std::string_view line) {
  for (Field& field : fields_) field.kind = Field::kAbsent;
  Scanner scan(line);
  std::string unescaped;
  scan.expect('{');
  while (!scan.accept('}')) {
    const RawString key = scan.string();
    if (key.escaped) unescape(key.text, key.unicode, key.offset, unescaped);
    const auto wanted = std::ranges::find(fields_, key.escaped ? unescaped : key.text, &Field::key);
    scan.expect(':');
    if (wanted == fields_.end()) {
      scan.skip_value();
    } else {
      read_value(scan, *wanted);
    }
    if (!scan.accept(',') && scan.peek() != '}') scan.stop("no , or } behind a value");
  }
  scan.expect_end();
}

void LiteralRecord::read_value(Scanner& scan, Field& field) {
  field.kind = Field::kText;
  if (scan.at_string()) {
    const RawString raw = scan.string();
    if (raw.escaped) {
      unescape(raw.text, raw.unicode, raw.offset, field.value);
    } else {
      field.value = raw.text;
    }
  } else if (scan.at_bracket()) {
    scan.skip_value();
    field.kind = Field::kOther;
  } else {
    field.value = scan.word();
    if (is_one_of(field.value, kAbsentWords)) field.kind = Field::kAbsent;
    if (is_one_of(field.value, kTruthWords)) field.kind = Field::kOther;
    if (field.value.ends_with('L')) field.value.pop_back();  // a long number of Python 2
  }
}

const LiteralRecord::Field& LiteralRecord::field(std::string_view key) const {
  const auto found = std::ranges::find(fields_, key, &Field::key);
  RECPO_REQUIRE(found != fields_.end());
  return *found;
}

std::string_view LiteralRecord::optional(std::string_view key) const {
  const Field& found = field(key);
  if (found.kind == Field::kOther) throw BadLine(fmt::format("the value of {} is neither text nor a number", key));
  return found.kind == Field::kText ? std::string_view(found.value) : std::string_view();
}

std::string_view LiteralRecord::required(std::string_view key) const {
  if (field(key).kind == Field::kAbsent) throw BadLine(fmt::format("{} is missing", key));
  return optional(key);
}

namespace {

class Decoder {
 public:
  Decoder(std::string_view raw, bool unicode, std::size_t offset, std::string& result)
      : raw_(raw), unicode_(unicode), offset_(offset), result_(result) {}

  void run() {
    result_.clear();
    while (at_ < raw_.size()) {
      const auto end = std::min(raw_.find('\\', at_), raw_.size());
      if (end > at_) {
        flush();
        result_ += raw_.substr(at_, end - at_);
      }
      at_ = end;
      if (at_ < raw_.size()) escape();
    }
    flush();
  }

 private:
  // A high surrogate may wait for its other half, bytes for what follows them.
  void flush() {
    if (high_ != 0) text::append_utf8(result_, text::kReplacement);
    high_ = 0;
    const bool utf8 = text::valid_utf8_prefix(bytes_) == bytes_.size();
    result_ += utf8 ? bytes_ : latin1_to_utf8(bytes_);
    bytes_.clear();
  }

  void code_point(char32_t c) {
    if (high_ != 0 && c >= 0xdc00 && c < 0xe000) {
      text::append_utf8(result_, 0x10000 + ((high_ - 0xd800) << 10) + (c - 0xdc00));
      high_ = 0;
      return;
    }
    flush();
    if (c >= 0xd800 && c < 0xdc00) {
      high_ = c;
    } else {
      text::append_utf8(result_, c < 0xd800 || (c >= 0xe000 && c < 0x110000) ? c : text::kReplacement);
    }
  }

  void byte(char32_t value) {
    if (unicode_ || value < 0x80 || value > 0xff) return code_point(value);
    if (high_ != 0) flush();
    bytes_ += static_cast<char>(value);
  }

  char32_t digits(std::size_t longest, std::size_t shortest, int base) {
    const std::string_view text = raw_.substr(at_, longest);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    const auto length = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || length < shortest)
      fail_at(fmt::format("an escape with fewer than {} digits", shortest), offset_ + at_);
    at_ += length;
    return value;
  }

  void escape() {
    const char letter = raw_[at_ + 1];  // a string never ends with an open escape
    at_ += 2;
    constexpr std::string_view kLetters = "\\'\"/abfnrtv", kMeanings = "\\'\"/\a\b\f\n\r\t\v";
    if (const auto simple = kLetters.find(letter); simple != std::string_view::npos) {
      code_point(static_cast<unsigned char>(kMeanings[simple]));
    } else if (letter == 'x') {
      byte(digits(2, 2, 16));
    } else if (letter == 'u') {
      code_point(digits(4, 4, 16));
    } else if (letter == 'U') {
      code_point(digits(8, 8, 16));
    } else if (letter >= '0' && letter <= '7') {
      --at_;
      byte(digits(3, 1, 8));
    } else {  // Python keeps both characters
      flush();
      result_ += {'\\', letter};
    }
  }

  std::string_view raw_;
  bool unicode_;
  std::size_t offset_;
  std::string& result_;
  std::size_t at_ = 0;
  char32_t high_ = 0;
  std::string bytes_;
};

}  // namespace

void unescape(std::string_view raw, bool unicode, std::size_t offset, std::string& result) {
  Decoder(raw, unicode, offset, result).run();
}

void fail_at(std::string_view what, std::size_t offset) {
  throw BadLine(fmt::format("{} at byte {}", what, offset + 1));
}

}  // namespace recpo::data
