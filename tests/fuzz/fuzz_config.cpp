// config.json: what is accepted has sizes that no product of overflows, and survives being written and read.
#include "src/model/config.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace recpo {
namespace {

void read_config(std::string_view input) {
  const model::LlamaConfig config = model::parse_config(input, fuzz::kSource);
  fuzz::expect(config.num_parameters() > 0, "a positive number of parameters");
  fuzz::expect(config.query_width() >= config.key_value_width() && config.key_value_width() > 0, "positive widths");
  const model::LlamaConfig again = model::parse_config(model::to_json(config), fuzz::kSource);
  fuzz::expect(again == config, "the same configuration from its own config.json");
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_config);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return recpo::fuzz::mutate_json(data, size, max_size, seed);
}
