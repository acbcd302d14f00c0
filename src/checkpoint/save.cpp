#include <charconv>
#include <functional>

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
constexpr std::int64_t kBytesPerUnit = 1'000'000;  // progress is shown in MB

// Counts bytes, shows MB.
class ByteProgress {
 public:
  ByteProgress(const std::string& title, std::int64_t bytes) : progress_(title, bytes / kBytesPerUnit, "MB") {}
  void advance(std::int64_t bytes) {
    progress_.advance((done_ + bytes) / kBytesPerUnit - done_ / kBytesPerUnit);
    done_ += bytes;
  }

 private:
  recpo::Progress progress_;
  std::int64_t done_ = 0;
};

// One array a parameter, in storage order; returns the hash over all their bytes.
template <class T>
std::string write_group(hdf5::File& file, const std::string& group, const model::ParameterStore<T>& store,
                        const Vector<T>& buffer, ByteProgress& progress) {
  Sha256 hash;
  for (const model::Parameter& parameter : store.parameters()) {
    const std::string name = group + "/" + parameter.name;
    file.create_array<T>(name, parameter.size());
    read_pieces(part_of(buffer, parameter), [&](std::int64_t begin, std::span<const T> piece) {
      file.write_slice<T>(name, begin, piece);
      hash.update({reinterpret_cast<const char*>(piece.data()), piece.size_bytes()});
      progress.advance(static_cast<std::int64_t>(piece.size_bytes()));
    });
  }
  return hash.hex();
}

template <class T>
std::string write_weights(const fs::path& folder, const model::ParameterStore<T>& store, ByteProgress& progress) {
  auto file = hdf5::File::create(folder / kWeightsName);
  std::string hash = write_group(file, kWeightsGroup, store, store.weights(), progress);
  file.close();
  return hash;
}

template <class T>
void write_optimizer(const fs::path& folder, const optim::AdamW<T>& optimizer, ByteProgress& progress) {
  auto file = hdf5::File::create(folder / kOptimizerName);
  write_group(file, kFirstMomentGroup, optimizer.store(), optimizer.first_moment(), progress);
  write_group(file, kSecondMomentGroup, optimizer.store(), optimizer.second_moment(), progress);
  file.write_attribute(kStepsDone, optimizer.steps_done());
  file.close();
}

// Everything that is in the folder so far, on the disk and hashed.
std::map<std::string, FileRecord> seal_files(const fs::path& folder, ByteProgress& progress) {
  std::map<std::string, FileRecord> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    sync_path(entry.path());
    const std::uint64_t bytes = entry.file_size();
    files[entry.path().filename().string()] = {bytes, sha256_file_hex(entry.path())};
    progress.advance(static_cast<std::int64_t>(bytes));
  }
  return files;
}

// After the rename: what a reader will find is what was written.
void read_back(const fs::path& folder, const std::string& manifest_text) {
  try {
    const Contents contents = read_contents(folder);
    for (const auto& [name, record] : contents.files) check_size(folder, name, record);
    if (format_contents(contents) != manifest_text) throw_input("{}: not what was written", folder.string());
  } catch (const Error& error) {
    throw_write("checkpoint cannot be read back: {}", error.what());
  }
}

template <class T>
void write_checkpoint(const fs::path& stage_folder, const Progress& run, const model::LlamaConfig& config,
                      const model::ParameterStore<T>& store, const optim::AdamW<T>* optimizer,
                      const text::Tokenizer& tokenizer, int keep) {
  const fs::path folder = begin_step(stage_folder, run.step);
  std::string manifest_text;
  try {
    const std::int64_t arrays = optimizer == nullptr ? 1 : 3, passes = 2;  // written, then hashed
    ByteProgress progress("save " + folder.stem().string(),
                          passes * arrays * store.size() * static_cast<std::int64_t>(sizeof(T)));
    Contents contents;
    contents.manifest = {run, config, optimizer != nullptr, write_weights(folder, store, progress)};
    contents.dtype = sizeof(T) == sizeof(float) ? "float32" : "float64";
    contents.tokenizer_name = tokenizer.file_name();
    if (optimizer != nullptr) write_optimizer(folder, *optimizer, progress);
    write_file(folder / tokenizer.file_name(), tokenizer.file_content());
    write_file(folder / kDeckName, run.deck);
    for (const model::Parameter& parameter : store.parameters()) contents.shapes[parameter.name] = parameter.shape;
    contents.files = seal_files(folder, progress);
    manifest_text = format_contents(contents);
    write_file(folder / kManifestName, manifest_text);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);  // gives a full disk its space back
    throw;
  }
  read_back(commit_step(stage_folder, run.step), manifest_text);
  prune_steps(stage_folder, run.step, keep);
}

// "" or "CODE message" of whatever `action` threw, for the other ranks.
std::string failure_of(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return fmt::format("{} {}", static_cast<int>(error.code()), error.what());
  } catch (const fs::filesystem_error& error) {
    return fmt::format("{} {}", static_cast<int>(ExitCode::kCannotWrite), error.what());
  } catch (const std::exception& error) {
    return fmt::format("{} cannot save: {}", static_cast<int>(ExitCode::kInternal), error.what());
  }
}

// Every rank throws the error of the first rank that failed, or none does.
void throw_together(const std::string& failure, parallel::Communicator& dp) {
  for (const std::string& text : dp.all_gather(failure)) {
    if (text.empty()) continue;
    int code = static_cast<int>(ExitCode::kInternal);
    std::from_chars(text.data(), text.data() + text.size(), code);
    throw Error(static_cast<ExitCode>(code), text.substr(text.find(' ') + 1));
  }
}
}  // namespace

template <class T>
void save_checkpoint(const fs::path& stage_folder, const Progress& progress, const model::LlamaConfig& config,
                     const model::ParameterStore<T>& store, const optim::AdamW<T>* optimizer,
                     const text::Tokenizer& tokenizer, int keep, parallel::Communicator& dp) {
  RECPO_REQUIRE(keep >= 1 && progress.step >= 0);
  std::string failure;
  if (dp.rank() == 0)
    failure = failure_of([&] { write_checkpoint(stage_folder, progress, config, store, optimizer, tokenizer, keep); });
  throw_together(failure, dp);
}

#define RECPO_INSTANTIATE(T)                                                                                        \
  template void save_checkpoint<T>(const std::filesystem::path&, const Progress&, const model::LlamaConfig&,        \
                                   const model::ParameterStore<T>&, const optim::AdamW<T>*, const text::Tokenizer&, \
                                   int, parallel::Communicator&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
