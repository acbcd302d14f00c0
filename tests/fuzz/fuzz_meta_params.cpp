// params.json of Meta's folders: what is accepted has sizes in their ranges.
#include "src/checkpoint/meta_folder.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace recpo {
namespace {

void read_params(std::string_view input) {
  const model::LlamaConfig config = checkpoint::parse_meta_params(input, fuzz::kSource);
  fuzz::expect(config.hidden_size == config.num_attention_heads * config.head_dim, "heads of the whole width");
  fuzz::expect(config.num_attention_heads % config.num_key_value_heads == 0, "groups of heads");
  fuzz::expect(config.intermediate_size > 0 && config.num_hidden_layers > 0 && config.vocab_size >= 0, "sizes");
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_params);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return recpo::fuzz::mutate_json(data, size, max_size, seed);
}
