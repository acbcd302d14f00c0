#include "src/checkpoint/hugging_face.hpp"

#include <chrono>

#include "src/checkpoint/meta_folder.hpp"
#include "src/checkpoint/model_files.hpp"
#include "src/checkpoint/pieces.hpp"
#include "src/checkpoint/ranges.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t kLargestConfig = std::uint64_t{1} << 20;

// Row by row where the store holds only some columns, or where the file has the rows in another order.
template <class T>
void read_range(const ModelFiles::Found& found, std::int64_t head_dim, const Range& range, std::span<T> values) {
  const std::int64_t columns = found.tensor->shape.back();
  if (range.columns == columns && !found.meta_rows)
    return found.file->read(*found.tensor, range.row_begin * columns + range.begin, values);
  for (const Rectangle& part : rectangles_of(range)) {
    if (part.empty()) continue;
    for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
      const std::int64_t file_row = found.meta_rows ? meta_row(row, head_dim) : row;
      found.file->read(*found.tensor, file_row * columns + part.column_begin,
                       values.subspan(static_cast<std::size_t>(range.place(row, part.column_begin)),
                                      static_cast<std::size_t>(part.columns())));
    }
  }
}

// The part of a parameter that the store holds; returns the bytes it has in the file.
template <class T>
std::int64_t load_parameter(const ModelFiles::Found& found, const model::LlamaConfig& config,
                            const model::Parameter& parameter, const model::ParameterStore<T>& store) {
  const Range held = valid_range(parameter, 0, parameter.size());
  write_pieces(valid_part(store.weights(), parameter), [&](std::int64_t begin, std::span<T> piece) {
    read_range(found, config.head_dim, held.part(begin, static_cast<std::int64_t>(piece.size())), piece);
    found.file->release(*found.tensor);
  });
  return held.count * element_bytes(found.tensor->dtype);
}
}  // namespace

model::LlamaConfig read_hugging_face_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  return model::parse_config(read_file(path, kLargestConfig), path.string());
}

model::LlamaConfig read_meta_config(const fs::path& folder) {
  const fs::path path = folder / kMetaParams;
  model::LlamaConfig config = parse_meta_params(read_file(path, kLargestConfig), path.string());
  const ModelFiles files(folder);
  config.tie_word_embeddings = files.find_tensor("output.weight") == nullptr;
  const Tensor* embedding = files.find_tensor("tok_embeddings.weight");
  if (config.vocab_size > 0) return config;
  const bool fits = embedding != nullptr && embedding->shape.size() == 2 && embedding->shape[0] > 0;
  if (!fits) throw_input("{}: vocab_size is missing, and no tensor tok_embeddings.weight tells it", path.string());
  config.vocab_size = embedding->shape[0];
  return config;
}

template <class T>
void load_hugging_face_weights(const fs::path& folder, const model::LlamaConfig& config,
                               model::ParameterStore<T>& store) {
  const auto start = std::chrono::steady_clock::now();
  const ModelFiles files(folder);
  files.check(config);
  recpo::Progress progress("load " + folder.string(), store.size(), "weights");
  std::int64_t bytes = 0;
  for (const model::Parameter& parameter : store.parameters()) {
    bytes += load_parameter(files.find(parameter), config, parameter, store);
    progress.advance(parameter.size());
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  log::info("load: {} of {} in {:.2f} s, {:.2f} GB/s", format_bytes(static_cast<double>(bytes)), folder.string(),
            seconds.count(), static_cast<double>(bytes) / 1e9 / seconds.count());
}

#define RECPO_INSTANTIATE(T)                                                                          \
  template void load_hugging_face_weights<T>(const std::filesystem::path&, const model::LlamaConfig&, \
                                             model::ParameterStore<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
