#include "src/checkpoint/checkpoint.hpp"

#include "src/checkpoint/host_staging.hpp"
#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/shard_file.hpp"
#include "src/checkpoint/step_folders.hpp"
#include "src/parallel/collective_try.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

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
                     const AuxiliaryFiles& auxiliary) {
  RECPO_REQUIRE(keep >= 1 && progress.step >= 0);
  const GridPlace place{grid.tp->rank(), grid.tp->size(), grid.dp->rank(), grid.dp->size()};
  const bool leads = grid.world->rank() == 0;
  const fs::path folder = temporary_step(stage_folder, progress.step);
  std::string manifest_text;
  fs::path committed;
  try {
    parallel::collective_try(*grid.world, [&] {
      if (leads) begin_step(stage_folder, progress.step);
    });
    const std::vector<std::string> lines = parallel::collective_gather(*grid.world, [&] {
      const std::optional<ShardRecord> record = write_shard(folder, place, store, optimizer);
      return record ? record->text() : "";
    });
    parallel::collective_try(*grid.world, [&] {
      if (leads)
        manifest_text = write_manifest(folder, place, progress, config, store, optimizer, tokenizer,
                                       parse_records(lines), auxiliary);
    });
    parallel::collective_try(*grid.world, [&] {
      if (!leads) return;
      write_best(stage_folder, progress.best_step);  // before: a checkpoint that is there has been named
      committed = commit_step(stage_folder, progress.step);
      read_back(committed, manifest_text);
    });
  } catch (...) {  // on every rank, none of which still writes
    std::error_code ignored;
    if (leads) fs::remove_all(folder, ignored);  // gives a full disk its space back
    grid.world->barrier();
    throw;
  }
  parallel::collective_try(*grid.world, [&] {
    if (leads) prune_steps(committed, keep, progress.keep_best ? progress.best_step : 0);
  });
}

RECPO_INSTANTIATE_STORAGE(save_checkpoint);

namespace fs = std::filesystem;

namespace {
const char* array_of(optim::State state) {
  switch (state) {
    case optim::State::kFirstMoment:
      return kFirstMomentArray;
    case optim::State::kSecondMoment:
      return kSecondMomentArray;
    default:
      return kMasterArray;
  }
}

// The valid elements of one piece of the optimizer's shard, of one state.
template <class T>
void load_piece(ShardReader& reader, optim::State state, const model::Parameter& parameter,
                const model::ShardPart& piece, optim::AdamW<T>& optimizer) {
  const Range wanted = valid_range(parameter, piece.begin, piece.end);
  std::vector<Accumulate<T>> values;
  for (std::int64_t first = 0; first < wanted.count; first += kPieceElements) {
    values.resize(static_cast<std::size_t>(std::min(wanted.count - first, kPieceElements)));
    reader.read<Accumulate<T>>(array_of(state), parameter, wanted.part(first, static_cast<std::int64_t>(values.size())),
                               values);
    optimizer.write_state(state, piece.shard_offset + first, values);
  }
}
}  // namespace

template <class T>
void load_weights(const fs::path& checkpoint, model::ParameterStore<T>& store) {
  ShardReader reader(checkpoint);
  recpo::Progress progress("load " + checkpoint.string(), store.size(), "weights");
  for (const model::Parameter& parameter : store.parameters()) {
    const Range held = valid_range(parameter, 0, parameter.size());
    write_pieces(valid_part(store.weights(), parameter), [&](std::int64_t begin, std::span<T> piece) {
      reader.read<T>(kWeightsArray, parameter, held.part(begin, static_cast<std::int64_t>(piece.size())), piece);
    });
    progress.advance(parameter.size());
  }
}

template <class T>
void load_optimizer(const fs::path& checkpoint, optim::AdamW<T>& optimizer) {
  ShardReader reader(checkpoint);
  if (!reader.contents().manifest.has_optimizer) throw_input("{}: holds no optimizer state", checkpoint.string());
  std::vector<optim::State> states = {optim::State::kFirstMoment, optim::State::kSecondMoment};
  if (optim::AdamW<T>::kHasMaster && reader.has_master()) states.push_back(optim::State::kMaster);
  const auto num_states = static_cast<std::int64_t>(states.size());
  recpo::Progress progress("load " + checkpoint.string(), num_states * optimizer.shard().size(), "optimizer states");
  optimizer.reset_master();  // of a checkpoint without master weights
  for (const model::ShardPart& piece : optimizer.shard().parts()) {
    const model::Parameter& parameter = optimizer.store().parameters()[piece.parameter];
    for (const optim::State state : states) load_piece(reader, state, parameter, piece, optimizer);
    progress.advance(num_states * piece.size());
  }
  optimizer.set_steps_done(reader.contents().optimizer_steps);
}

#define RECPO_INSTANTIATE(T)                                                              \
  template void load_weights<T>(const std::filesystem::path&, model::ParameterStore<T>&); \
  template decltype(load_optimizer<T>) load_optimizer<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
