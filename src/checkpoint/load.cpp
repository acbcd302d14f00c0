#include <type_traits>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/pieces.hpp"
#include "src/checkpoint/step_folders.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/hdf5.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
// Stored and wanted type are the same in training, where values must come back bit for bit; a checkpoint of the other
// type is converted.
template <class Stored, class T>
void read_as(const hdf5::File& file, const std::string& name, std::int64_t begin, std::span<T> values) {
  if constexpr (std::is_same_v<Stored, T>) {
    file.read_slice<T>(name, begin, values);
  } else {
    std::vector<Stored> stored(values.size());
    file.read_slice<Stored>(name, begin, stored);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(stored[i]);
  }
}

// GROUP/NAME of each parameter of the store into the buffer laid out like it.
template <class T>
void read_group(const hdf5::File& file, const std::string& group, const Contents& contents,
                const model::ParameterStore<T>& store, const Vector<T>& buffer) {
  recpo::Progress progress("load " + file.path().string(), store.size(), "values");
  for (const model::Parameter& parameter : store.parameters()) {
    const std::string name = group + "/" + parameter.name;
    const auto shape = contents.shapes.find(parameter.name);
    if (shape == contents.shapes.end() || shape->second != parameter.shape)
      throw_input("{}: {} with another shape than this model's", file.path().string(), name);
    if (file.size(name) != parameter.size())
      throw_input("{}: {} has {} values, not {}", file.path().string(), name, file.size(name), parameter.size());
    write_pieces(part_of(buffer, parameter), [&](std::int64_t begin, std::span<T> piece) {
      contents.dtype == "float32" ? read_as<float>(file, name, begin, piece)
                                  : read_as<double>(file, name, begin, piece);
    });
    progress.advance(parameter.size());
  }
}
}  // namespace

Manifest read_manifest(const fs::path& checkpoint) {
  const Contents contents = read_contents(checkpoint);
  Manifest manifest = contents.manifest;
  manifest.progress.deck = read_checked(checkpoint, contents, kDeckName);
  return manifest;
}

text::Tokenizer read_tokenizer(const fs::path& checkpoint) {
  const Contents contents = read_contents(checkpoint);
  const std::string& name = contents.tokenizer_name;
  return text::Tokenizer::parse(name, read_checked(checkpoint, contents, name), (checkpoint / name).string());
}

void verify(const fs::path& checkpoint) {
  const Contents contents = read_contents(checkpoint);
  for (const auto& [name, record] : contents.files) check_size(checkpoint, name, record);
  recpo::Progress progress("check " + checkpoint.string(), static_cast<std::int64_t>(contents.files.size()), "files");
  for (const auto& [name, record] : contents.files) {
    check_hash(checkpoint, name, record);
    progress.advance();
  }
}

std::optional<fs::path> find_newest(const fs::path& stage_folder) {
  std::string newest_failure;
  for (const StepFolder& folder : list_steps(stage_folder)) {
    try {
      verify(folder.path);
      return folder.path;
    } catch (const Error& error) {
      log::warn("broken checkpoint passed over: {}", error.what());
      if (newest_failure.empty()) newest_failure = error.what();
    }
  }
  if (newest_failure.empty()) return std::nullopt;
  throw_input("{}: every checkpoint is broken (the newest: {}); move them away to start afresh", stage_folder.string(),
              newest_failure);
}

template <class T>
void load_weights(const fs::path& checkpoint, model::ParameterStore<T>& store) {
  const auto file = hdf5::File::open(checkpoint / kWeightsName);
  read_group(file, kWeightsGroup, read_contents(checkpoint), store, store.weights());
}

template <class T>
void load_optimizer(const fs::path& checkpoint, optim::AdamW<T>& optimizer) {
  const Contents contents = read_contents(checkpoint);
  if (!contents.manifest.has_optimizer) throw_input("{}: holds no optimizer state", checkpoint.string());
  const auto file = hdf5::File::open(checkpoint / kOptimizerName);
  read_group(file, kFirstMomentGroup, contents, optimizer.store(), optimizer.first_moment());
  read_group(file, kSecondMomentGroup, contents, optimizer.store(), optimizer.second_moment());
  optimizer.set_steps_done(file.read_integer(kStepsDone));
}

#define RECPO_INSTANTIATE(T)                                                              \
  template void load_weights<T>(const std::filesystem::path&, model::ParameterStore<T>&); \
  template void load_optimizer<T>(const std::filesystem::path&, optim::AdamW<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
