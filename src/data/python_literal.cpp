#include "src/data/python_literal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/data/lines.hpp"
#include "src/data/python_string.hpp"
#include "src/support/check.hpp"

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
bool is_digit(char c) { return c >= '0' && c <= '9'; }
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

  // A number, or a word of Python or JSON.
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

}  // namespace recpo::data
