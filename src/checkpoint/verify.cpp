#include <sstream>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/hashing.hpp"
#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/step_folders.hpp"
#include "src/checkpoint/together.hpp"
#include "src/parallel/serial_communicator.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
// Files dealt to the ranks in turn, the large ones one each.
void verify_share(const fs::path& checkpoint, int rank, int ranks) {
  const Contents contents = read_contents(checkpoint);
  std::vector<std::pair<std::string, FileRecord>> share;
  std::int64_t bytes = 0;
  int next = 0;
  for (const auto& [name, record] : contents.files) {
    check_size(checkpoint, name, record);
    if (next++ % ranks != rank) continue;
    share.emplace_back(name, record);
    bytes += static_cast<std::int64_t>(record.bytes);
  }
  ByteProgress progress("check " + checkpoint.string(), bytes);
  for (const auto& [name, record] : share) check_hash(checkpoint, name, record, progress);
}

// What rank 0 sees: a folder that appears in between is seen by all or none.
std::vector<fs::path> agreed_steps(const fs::path& stage_folder, parallel::Communicator& ranks) {
  const std::string lines = gather_together(ranks, [&] {
                              std::string names;
                              if (ranks.rank() == 0)
                                for (const StepFolder& folder : list_steps(stage_folder))
                                  names += folder.path.filename().string() + "\n";
                              return names;
                            }).front();
  std::vector<fs::path> paths;
  std::istringstream names(lines);
  for (std::string name; std::getline(names, name);) paths.push_back(stage_folder / name);
  return paths;
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

void verify(const fs::path& checkpoint, parallel::Communicator& ranks) {
  do_together(ranks, [&] { verify_share(checkpoint, ranks.rank(), ranks.size()); });
}

void verify(const fs::path& checkpoint) {
  parallel::SerialCommunicator alone;
  verify(checkpoint, alone);
}

std::optional<fs::path> find_newest(const fs::path& stage_folder, parallel::Communicator& ranks) {
  std::string newest_failure;
  for (const fs::path& folder : agreed_steps(stage_folder, ranks)) {
    try {
      verify(folder, ranks);
      return folder;
    } catch (const Error& error) {
      log::warn("broken checkpoint passed over: {}", error.what());
      if (newest_failure.empty()) newest_failure = error.what();
    }
  }
  if (newest_failure.empty()) return std::nullopt;
  throw_input("{}: every checkpoint is broken (the newest: {}); move them away to start afresh", stage_folder.string(),
              newest_failure);
}

std::optional<fs::path> find_newest(const fs::path& stage_folder) {
  parallel::SerialCommunicator alone;
  return find_newest(stage_folder, alone);
}

}  // namespace recpo::checkpoint
