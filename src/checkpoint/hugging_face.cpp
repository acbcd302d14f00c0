#include "src/checkpoint/hugging_face.hpp"

#include "src/checkpoint/hugging_face_files.hpp"
#include "src/checkpoint/pieces.hpp"
#include "src/checkpoint/ranges.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t kLargestConfig = std::uint64_t{1} << 20;

// Row by row where the store holds only some columns.
template <class T>
void read_range(const SafetensorsFile& file, const Tensor& tensor, const Range& range, std::span<T> values) {
  const std::int64_t columns = tensor.shape.back();
  if (range.columns == columns) return file.read(tensor, range.row_begin * columns + range.begin, values);
  for (const Rectangle& part : rectangles_of(range)) {
    if (part.empty()) continue;
    for (std::int64_t row = part.row_begin; row < part.row_end; ++row)
      file.read(tensor, row * columns + part.column_begin,
                values.subspan(static_cast<std::size_t>(range.place(row, part.column_begin)),
                               static_cast<std::size_t>(part.columns())));
  }
}
}  // namespace

model::LlamaConfig read_hugging_face_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  return model::parse_config(read_file(path, kLargestConfig), path.string());
}

template <class T>
void load_hugging_face_weights(const fs::path& folder, const model::LlamaConfig& config,
                               model::ParameterStore<T>& store) {
  const HuggingFaceFiles files(folder);
  files.check(config);
  recpo::Progress progress("load " + folder.string(), store.size(), "weights");
  for (const model::Parameter& parameter : store.parameters()) {
    const auto [file, tensor] = files.find(parameter);
    const Range held = valid_range(parameter, 0, parameter.size());
    write_pieces(valid_part(store.weights(), parameter), [&](std::int64_t begin, std::span<T> piece) {
      read_range(*file, *tensor, held.part(begin, static_cast<std::int64_t>(piece.size())), piece);
    });
    progress.advance(parameter.size());
  }
}

#define RECPO_INSTANTIATE(T)                                                                          \
  template void load_hugging_face_weights<T>(const std::filesystem::path&, const model::LlamaConfig&, \
                                             model::ParameterStore<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
