// A whole safetensors file. Its first bytes are the header's length, which random changes hardly ever keep right:
// unless the input begins with 'R', it is the count of data bytes and then the header, and the file is made from them.
#include "src/checkpoint/safetensors.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace recpo {
namespace {

std::string whole_file(std::string_view input) {
  if (input.starts_with('R')) return std::string(input.substr(1));
  if (input.empty()) return {};
  std::string file;
  for (int byte = 0; byte < 8; ++byte) file += static_cast<char>((input.size() - 1) >> (8 * byte));
  file += input.substr(1);
  file.append(static_cast<unsigned char>(input[0]), '\0');
  return file;
}

void read_header(std::string_view input) {
  const std::string file = whole_file(input);
  for (const checkpoint::Tensor& tensor : checkpoint::parse_safetensors(file, fuzz::kSource)) {
    fuzz::expect(tensor.begin <= tensor.end && tensor.end <= file.size(), "a tensor inside the file");
    const std::uint64_t bytes = tensor.end - tensor.begin;
    const auto elements = static_cast<std::uint64_t>(tensor.size());
    fuzz::expect(elements <= bytes && (elements == 0 ? bytes == 0 : bytes % elements == 0), "whole elements");
    fuzz::expect(!checkpoint::format_shape(tensor.shape).empty(), "a shape that can be shown");
  }
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_header);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return recpo::fuzz::mutate_json(data, size, max_size, seed, 1);
}
