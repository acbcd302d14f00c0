#include "src/checkpoint/hugging_face.hpp"

#include "src/checkpoint/hugging_face_files.hpp"
#include "src/checkpoint/pieces.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t kLargestConfig = std::uint64_t{1} << 20;
}

model::LlamaConfig read_hugging_face_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  return model::parse_config(read_file(path, kLargestConfig), path.string());
}

template <class T>
void load_hugging_face_weights(const fs::path& folder, const model::LlamaConfig& config,
                               model::ParameterStore<T>& store) {
  const HuggingFaceFiles files(folder);
  files.check(config);
  recpo::Progress progress("load " + folder.string(), config.num_parameters(), "weights");
  for (const model::Parameter& parameter : store.parameters()) {
    const auto [file, tensor] = files.find(parameter);
    write_pieces(part_of(store.weights(), parameter),
                 [&](std::int64_t begin, std::span<T> piece) { file->read(*tensor, begin, piece); });
    progress.advance(parameter.size());
  }
}

#define RECPO_INSTANTIATE(T)                                                                          \
  template void load_hugging_face_weights<T>(const std::filesystem::path&, const model::LlamaConfig&, \
                                             model::ParameterStore<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
