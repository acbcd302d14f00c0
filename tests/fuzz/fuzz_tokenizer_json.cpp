// Hugging Face's tokenizer.json.
#include "tests/fuzz/tokenizer_use.hpp"

namespace recpo {
namespace {

void read_tokenizer(std::string_view input) {
  fuzz::use_tokenizer(text::Tokenizer::parse("tokenizer.json", std::string(input), fuzz::kSource));
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_tokenizer);
}
