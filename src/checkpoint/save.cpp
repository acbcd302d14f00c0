#include <optional>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/shard_writer.hpp"
#include "src/checkpoint/step_folders.hpp"
#include "src/checkpoint/together.hpp"
#include "src/support/check.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
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

std::vector<ShardRecord> parse_records(const std::vector<std::string>& lines) {
  std::vector<ShardRecord> records;
  for (const std::string& line : lines)
    if (!line.empty()) records.push_back(ShardRecord::parse(line));
  return records;
}
}  // namespace

template <class T>
void save_checkpoint(const fs::path& stage_folder, const Progress& progress, const model::LlamaConfig& config,
                     const model::ParameterStore<T>& store, const optim::AdamW<T>* optimizer,
                     const text::Tokenizer& tokenizer, int keep, const parallel::ProcessGrid& grid,
                     const Companions& companions) {
  RECPO_REQUIRE(keep >= 1 && progress.step >= 0);
  const GridPlace place{grid.tp->rank(), grid.tp->size(), grid.dp->rank(), grid.dp->size()};
  const bool leads = grid.world->rank() == 0;
  const fs::path folder = temporary_step(stage_folder, progress.step);
  std::string manifest_text;
  try {
    do_together(*grid.world, [&] {
      if (leads) begin_step(stage_folder, progress.step);
    });
    const std::vector<std::string> lines = gather_together(*grid.world, [&] {
      const std::optional<ShardRecord> record = write_shard(folder, place, store, optimizer);
      return record ? record->text() : "";
    });
    do_together(*grid.world, [&] {
      if (leads)
        manifest_text = write_manifest(folder, place, progress, config, store, optimizer, tokenizer,
                                       parse_records(lines), companions);
    });
  } catch (...) {  // on every rank, and nobody writes any more
    std::error_code ignored;
    if (leads) fs::remove_all(folder, ignored);  // gives a full disk its space back
    grid.world->barrier();
    throw;
  }
  do_together(*grid.world, [&] {
    if (!leads) return;
    read_back(commit_step(stage_folder, progress.step), manifest_text);
    prune_steps(stage_folder, progress.step, keep);
  });
}

#define RECPO_INSTANTIATE(T)                                                                                        \
  template void save_checkpoint<T>(const std::filesystem::path&, const Progress&, const model::LlamaConfig&,        \
                                   const model::ParameterStore<T>&, const optim::AdamW<T>*, const text::Tokenizer&, \
                                   int, const parallel::ProcessGrid&, const Companions&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
