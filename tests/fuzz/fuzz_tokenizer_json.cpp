// Hugging Face's tokenizer.json.
#include "tests/fuzz/json_mutator.hpp"
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

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return recpo::fuzz::mutate_json(data, size, max_size, seed);
}
