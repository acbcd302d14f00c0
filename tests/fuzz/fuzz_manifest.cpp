// A checkpoint's manifest.json. It holds its own hash, which random changes hardly ever keep right: the text's first 64
// zeros become the hash of the rest. What is accepted names only files of its folder, and survives being written.
#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/shard_table.hpp"
#include "src/model/lora.hpp"
#include "src/support/file.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace recpo {

// Those of shard_table.cpp and lora.cpp, without HDF5 and Kokkos: of the adapters, that there are none is seen alone.
std::string checkpoint::shard_name(int tp_rank, int dp_rank) {
  return fmt::format("shard-{:04}-{:04}.h5", tp_rank, dp_rank);
}
std::vector<model::Parameter> model::adapter_parameters(const LlamaConfig&, const LoraOptions&, const Shard&) {
  return {};
}

namespace {

void read_manifest(std::string_view input) {
  std::string text(input);
  const std::string zeros(64, '0');
  if (const auto place = text.find(zeros); place != text.npos) text.replace(place, zeros.size(), sha256_hex(text));
  const checkpoint::Contents contents = checkpoint::parse_contents(text, fuzz::kSource);
  for (const auto& [name, record] : contents.files) {
    fuzz::expect(name.find('/') == name.npos && name != ".." && !name.empty(), "a file name, not a path");
    fuzz::expect(record.sha256.size() == 64, "a hash");
  }
  fuzz::expect(!contents.shard_names().empty(), "a shard");
  const std::string written = checkpoint::format_contents(contents);
  fuzz::expect(checkpoint::format_contents(checkpoint::parse_contents(written, fuzz::kSource)) == written,
               "the same table of contents from its own manifest");
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_manifest);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return recpo::fuzz::mutate_json(data, size, max_size, seed);
}
