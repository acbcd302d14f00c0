#include "src/checkpoint/step_folders.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <tuple>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/hashing.hpp"
#include "src/checkpoint/manifest.hpp"
#include "src/parallel/collective_try.hpp"
#include "src/parallel/communicator.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::string_view kPrefix = "step_", kTemporary = ".tmp", kReplaced = ".replaced";
constexpr const char* kBestName = "best";

fs::path step_path(const fs::path& stage_folder, std::int64_t step, std::string_view suffix = "") {
  return stage_folder / fmt::format("{}{}{}", kPrefix, step, suffix);
}

// "step_12" and "step_12.replaced"; nothing for other names, leading zeros included.
std::optional<StepFolder> parse_name(const fs::path& path) {
  const std::string name = path.filename().string();
  StepFolder folder{.path = path};
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), folder.step);
  folder.replaced = std::string_view(end) == kReplaced;
  const std::string whole = step_path("", folder.step, folder.replaced ? kReplaced : "").string();
  if (error != std::errc() || folder.step < 0 || name != whole) return std::nullopt;
  return folder;
}

void rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw_write("cannot rename {} to {}: {}", from.string(), to.string(), error.message());
}

void remove_folder(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw_write("cannot remove {}: {}", path.string(), error.message());
}

// What takes nothing away from the newest checkpoint when it fails; one warning a path.
template <class Remove>
void warn_where_it_stays(const fs::path& path, const Remove& remove) {
  static std::set<fs::path> warned;
  try {
    remove();
  } catch (const Error& error) {
    if (warned.insert(path).second) log::warn("{}; it stays as it is", error.what());
  }
}

// Out of sight first: a checkpoint half removed by a kill would look like a broken one.
void discard_checkpoint(const fs::path& path) {
  const fs::path discarded = path.string() + ".discarded" + std::string(kTemporary);
  remove_folder(discarded);
  rename_folder(path, discarded);
  warn_where_it_stays(discarded, [&] { remove_folder(discarded); });
}

bool has_all_files(const fs::path& checkpoint) {
  try {
    for (const auto& [name, record] : read_contents(checkpoint).files) check_size(checkpoint, name, record);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool is_whole(const fs::path& checkpoint) {
  try {
    verify(checkpoint);
    return true;
  } catch (const Error& error) {
    log::warn("{}; it is replaced", error.what());
    return false;
  }
}
}  // namespace

std::vector<StepFolder> list_steps(const fs::path& stage_folder) {
  std::vector<StepFolder> folders;
  for (const fs::path& path : list_folder(stage_folder)) {
    const auto folder = parse_name(path);
    if (folder && is_folder(path)) folders.push_back(*folder);
  }
  std::ranges::sort(folders, {}, [](const StepFolder& folder) { return std::tuple(-folder.step, folder.replaced); });
  return folders;
}

fs::path temporary_step(const fs::path& stage_folder, std::int64_t step) {
  return step_path(stage_folder, step, kTemporary);
}

void begin_step(const fs::path& stage_folder, std::int64_t step) {
  create_folders(stage_folder);
  remove_folder(temporary_step(stage_folder, step));  // must be gone, the others need not
  remove_leftovers(stage_folder);
  create_folders(temporary_step(stage_folder, step));
}

fs::path commit_step(const fs::path& stage_folder, std::int64_t step) {
  const fs::path folder = step_path(stage_folder, step), replaced = step_path(stage_folder, step, kReplaced);
  if (is_there(folder)) {
    // No file system replaces a filled folder in one call everywhere, so a complete one is renamed to a name that
    // list_steps() knows; a broken one is of no use.
    if (is_whole(folder)) {
      if (is_there(replaced)) discard_checkpoint(replaced);
      rename_folder(folder, replaced);
    } else {
      discard_checkpoint(folder);
    }
  }
  rename_folder(temporary_step(stage_folder, step), folder);
  sync_path(stage_folder);
  return folder;
}

void write_best(const fs::path& stage_folder, std::int64_t step) {
  if (step > 0) write_file(stage_folder / kBestName, step_path("", step).string() + "\n");
}

void prune_steps(const fs::path& newest, int keep, std::int64_t best) {
  std::vector<StepFolder> folders;
  warn_where_it_stays(newest.parent_path(), [&] { folders = list_steps(newest.parent_path()); });
  int kept = 0;
  std::int64_t last_kept = -1;
  for (const StepFolder& folder : folders) {
    const bool is_newest = folder.path.filename() == newest.filename();
    if (kept == 0 && !is_newest) continue;                // a broken one that was passed over: its step comes again
    const bool is_superseded = folder.step == last_kept;  // by the one that took its name
    const bool is_best = best > 0 && folder.step == best && !is_superseded;
    if (is_superseded || (kept >= keep && !is_best)) {
      warn_where_it_stays(folder.path, [&] { discard_checkpoint(folder.path); });
    } else if (is_newest || has_all_files(folder.path)) {
      ++kept;
      last_kept = folder.step;
    }
  }
}

void remove_leftovers(const fs::path& stage_folder) {
  std::vector<fs::path> paths;
  warn_where_it_stays(stage_folder, [&] { paths = list_folder(stage_folder); });
  for (const fs::path& path : paths) {
    const std::string name = path.filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kTemporary))
      warn_where_it_stays(path, [&] { remove_folder(path); });
  }
}

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
  const std::string lines = parallel::collective_gather(ranks, [&] {
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
  parallel::collective_try(ranks, [&] { verify_share(checkpoint, ranks.rank(), ranks.size()); });
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

std::optional<fs::path> find_model(const fs::path& stage_folder, parallel::Communicator& ranks) {
  const std::optional<fs::path> newest = find_newest(stage_folder, ranks);
  if (!newest) return std::nullopt;
  const Progress progress = read_contents(*newest).manifest.progress;
  if (!progress.keep_best || progress.best_step == progress.step || progress.best_step == 0) return newest;
  const fs::path best = step_path(stage_folder, progress.best_step);
  try {
    verify(best, ranks);
  } catch (const Error& error) {
    throw_input("{}: the best step by validation, and so the model of {}; name another step's folder, or train again",
                error.what(), stage_folder.string());
  }
  return best;
}

void finish_pruning(const fs::path& newest, int keep, parallel::Communicator& ranks) {
  parallel::collective_try(ranks, [&] {
    if (ranks.rank() != 0) return;
    const Progress progress = read_contents(newest).manifest.progress;
    remove_leftovers(newest.parent_path());
    prune_steps(newest, keep, progress.keep_best ? progress.best_step : 0);
  });
}

std::optional<fs::path> find_newest(const fs::path& stage_folder) {
  parallel::SerialCommunicator alone;
  return find_newest(stage_folder, alone);
}

}  // namespace recpo::checkpoint
