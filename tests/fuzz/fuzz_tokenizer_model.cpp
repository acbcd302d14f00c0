// Meta's tokenizer.model. A file must have a token for each of the 256 bytes, lines that random changes soon break: an
// input that begins with '+' is put before them (lines may come in any order; so a bad one is met first).
#include <openssl/evp.h>

#include "tests/fuzz/tokenizer_use.hpp"

namespace recpo {
namespace {

std::string lines_of_bytes() {
  std::string lines;
  for (int byte = 0; byte < 256; ++byte) {
    const auto value = static_cast<unsigned char>(byte);
    unsigned char base64[5];
    EVP_EncodeBlock(base64, &value, 1);
    lines += fmt::format("{} {}\n", reinterpret_cast<const char*>(base64), byte);
  }
  return lines;
}

void read_tokenizer(std::string_view input) {
  static const std::string bytes = lines_of_bytes();
  const bool complete = input.starts_with('+');
  const std::string file = complete ? std::string(input.substr(1)) + "\n" + bytes : std::string(input);
  const text::Tokenizer tokenizer = text::Tokenizer::parse("tokenizer.model", file, fuzz::kSource);
  fuzz::use_tokenizer(tokenizer);
  // Every byte has a token, so that all text comes back.
  const std::string sample = "Tom's 1995 a\r\n";
  fuzz::expect(tokenizer.decode(tokenizer.encode(sample)) == sample, "the text from its own ids");
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_tokenizer);
}
