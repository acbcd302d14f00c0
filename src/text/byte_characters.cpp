#include "src/text/byte_characters.hpp"

#include "src/text/utf8.hpp"

namespace recpo::text {
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
    for (int byte = 0; byte < 256; ++byte) {
      result[byte] = stands_for_itself(byte) ? static_cast<char32_t>(byte) : substitute++;
    }
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
