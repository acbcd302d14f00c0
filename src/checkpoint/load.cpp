#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/pieces.hpp"
#include "src/checkpoint/shard_reader.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
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
                const model::ShardPiece& piece, optim::AdamW<T>& optimizer) {
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
  for (const model::ShardPiece& piece : optimizer.shard().pieces()) {
    const model::Parameter& parameter = optimizer.store().parameters()[piece.parameter];
    for (const optim::State state : states) load_piece(reader, state, parameter, piece, optimizer);
    progress.advance(num_states * piece.size());
  }
  optimizer.set_steps_done(reader.contents().optimizer_steps);
}

#define RECPO_INSTANTIATE(T)                                                              \
  template void load_weights<T>(const std::filesystem::path&, model::ParameterStore<T>&); \
  template void load_optimizer<T>(const std::filesystem::path&, optim::AdamW<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
