#include "src/data/python_string.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "src/data/lines.hpp"
#include "src/text/utf8.hpp"

namespace recpo::data {
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
