#include "src/text/utf8.hpp"

#include <cstdint>

namespace recpo::text {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }

// The range a sequence's second byte must lie in: excludes overlong forms, surrogates and values above U+10FFFF.
struct LeadByte {
  std::size_t length;  // 0: cannot begin a sequence
  std::uint8_t second_low, second_high;
};

LeadByte lead_byte(std::uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte < 0xF0) {
    return {3, static_cast<std::uint8_t>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<std::uint8_t>(byte == 0xED ? 0x9F : 0xBF)};
  }
  if (byte < 0xF5) {
    return {4, static_cast<std::uint8_t>(byte == 0xF0 ? 0x90 : 0x80),
            static_cast<std::uint8_t>(byte == 0xF4 ? 0x8F : 0xBF)};
  }
  return {0, 0, 0};
}

struct Sequence {
  std::size_t length;  // of the sequence, or of the maximal invalid part; at least 1
  bool valid;
};

Sequence sequence_at(std::string_view text, std::size_t begin) {
  const LeadByte lead = lead_byte(byte_at(text, begin));
  if (lead.length == 0) return {1, false};
  for (std::size_t k = 1; k < lead.length; ++k) {
    const std::uint8_t low = k == 1 ? lead.second_low : 0x80, high = k == 1 ? lead.second_high : 0xBF;
    if (begin + k >= text.size() || byte_at(text, begin + k) < low || byte_at(text, begin + k) > high)
      return {k, false};
  }
  return {lead.length, true};
}
}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const Sequence sequence = sequence_at(text, i);
    if (!sequence.valid) return i;
    i += sequence.length;
  }
  return i;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Sequence sequence = sequence_at(text, i);
    result += sequence.valid ? text.substr(i, sequence.length) : std::string_view("\xEF\xBF\xBD");
    i += sequence.length;
  }
  return result;
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto tail = [code_point](int shift) { return static_cast<char>(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += {static_cast<char>(0xC0 | (code_point >> 6)), tail(0)};
  } else if (code_point < 0x10000) {
    text += {static_cast<char>(0xE0 | (code_point >> 12)), tail(6), tail(0)};
  } else {
    text += {static_cast<char>(0xF0 | (code_point >> 18)), tail(12), tail(6), tail(0)};
  }
}

char32_t next_code_point(std::string_view text, std::size_t& position) {
  const std::uint8_t lead = byte_at(text, position++);
  if (lead < 0x80) return lead;
  const int tails = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  char32_t code_point = lead & (0x3F >> tails);
  for (int k = 0; k < tails; ++k) code_point = (code_point << 6) | (byte_at(text, position++) & 0x3F);
  return code_point;
}

bool is_white_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kMaxBytes = 60;
  std::string result;
  for (const char c : text.substr(0, kMaxBytes)) result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  result.resize(valid_utf8_prefix(result));
  return '"' + result + (text.size() > kMaxBytes ? "..\"" : "\"");
}

namespace {

constexpr char32_t kFirstSubstitute = 0x100;
constexpr int kSubstitutes = 68;
constexpr int kNoByte = -1;

bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

std::array<int, kFirstSubstitute + kSubstitutes> make_inverse() {
  std::array<int, kFirstSubstitute + kSubstitutes> inverse;
  inverse.fill(kNoByte);
  for (int byte = 0; byte < 256; ++byte) inverse[byte_characters()[byte]] = byte;
  return inverse;
}
}  // namespace

const std::array<char32_t, 256>& byte_characters() {
  static const std::array<char32_t, 256> characters = [] {
    std::array<char32_t, 256> result{};
    char32_t substitute = kFirstSubstitute;
    for (int byte = 0; byte < 256; ++byte)
      result[byte] = stands_for_itself(byte) ? static_cast<char32_t>(byte) : substitute++;
    return result;
  }();
  return characters;
}

std::string bytes_to_characters(std::string_view bytes) {
  std::string characters;
  for (const char byte : bytes) append_utf8(characters, byte_characters()[static_cast<unsigned char>(byte)]);
  return characters;
}

std::optional<std::string> characters_to_bytes(std::string_view characters) {
  static const auto inverse = make_inverse();
  std::string bytes;
  for (std::size_t position = 0; position < characters.size();) {
    const char32_t character = next_code_point(characters, position);
    if (character >= inverse.size() || inverse[character] == kNoByte) return std::nullopt;
    bytes += static_cast<char>(inverse[character]);
  }
  return bytes;
}

}  // namespace recpo::text
