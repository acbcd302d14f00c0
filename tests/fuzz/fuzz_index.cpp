// model.safetensors.index.json: which shard holds which tensor.
#include "src/checkpoint/safetensors.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace recpo {
namespace {

void read_index(std::string_view input) {
  for (const auto& [shard, tensors] : checkpoint::parse_index(input, fuzz::kSource)) {
    fuzz::expect(shard.find('/') == shard.npos && shard != ".." && !shard.empty(), "a file name, not a path");
    fuzz::expect(!tensors.empty(), "a tensor for every shard");
  }
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_index);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return recpo::fuzz::mutate_json(data, size, max_size, seed);
}
