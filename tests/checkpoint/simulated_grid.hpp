#pragma once
// The ranks of a tensor-parallel x data-parallel grid, one after the other in one process: each holds its part of one
// set of global values, and is compared with it element by element.

#include <map>

#include "src/checkpoint/shard_file.hpp"
#include "src/model/lora.hpp"
#include "tests/checkpoint/small_model.hpp"

namespace recpo::checkpoint {

struct Grid {
  int tp = 1, dp = 1;
  bool zero = true;  // optimizer states in dp slices

  int size() const { return tp * dp; }
  GridPlace place(int rank) const { return {rank % tp, tp, rank / tp, dp}; }
  std::string name() const { return fmt::format("tp {} dp {}{}", tp, dp, zero ? " ZeRO" : ""); }
};

// Heads for four shards, and a vocabulary that no number of shards divides.
inline model::LlamaConfig grid_config(bool tied) {
  model::LlamaConfig config = small_config(tied);
  config.vocab_size = 61, config.hidden_size = 24, config.intermediate_size = 20, config.head_dim = 4;
  config.num_attention_heads = 8, config.num_key_value_heads = 4;
  return config;
}

// A model's, or those of adapters beside one.
inline std::vector<model::Parameter> grid_parameters(const model::LlamaConfig& config, const model::LoraOptions& lora,
                                                     const model::Shard& shard = {}) {
  return lora.exists() ? model::adapter_parameters(config, lora, shard) : model::llama_parameters(config, shard);
}

// Weights, both moments and master weights of every parameter, whole: 0 to 3. The weights are the rounded master.
template <class T>
struct GlobalValues {
  using Real = Accumulate<T>;
  GlobalValues(const model::LlamaConfig& config, std::uint64_t seed, bool bf16_moments = false,
               const model::LoraOptions& lora = model::LoraOptions()) {
    for (const model::Parameter& parameter : grid_parameters(config, lora)) {
      for (int i = 0; i < 3; ++i) {
        Random random(seed, parameter.name, static_cast<std::uint64_t>(i));
        std::vector<Real>& values = arrays[i][parameter.name];
        for (std::int64_t k = 0; k < parameter.global_size(); ++k) {
          const Real value = static_cast<Real>(random.normal());
          values.push_back(
              i > 0 && bf16_moments ? static_cast<float>(round_stochastically(static_cast<float>(value), 0)) : value);
        }
      }
      std::vector<Real>& weights = arrays[0][parameter.name];
      arrays[3][parameter.name] = weights;
      for (Real& weight : weights) weight = static_cast<T>(weight);
    }
  }
  std::map<std::string, std::vector<Real>> arrays[4];

  // Of element k of the part of a parameter that a rank holds; 0 where that only pads.
  Real at(int array, const model::Parameter& held, std::int64_t k) const {
    const std::int64_t row = k / held.columns(), column = k % held.columns();
    if (row >= held.valid_rows) return Real(0);
    return arrays[array].at(held.name)[(held.row_begin + row) * held.global_columns() + held.column_begin + column];
  }
};

template <class T>
struct RankModel {
  using Real = Accumulate<T>;
  RankModel(const model::LlamaConfig& shape, const Grid& on, int rank, optim::Moments moments = optim::Moments::kFp32,
            const model::LoraOptions& lora = model::LoraOptions())
      : config(shape),
        grid(on),
        place(on.place(rank)),
        store(grid_parameters(shape, lora, {place.tp_rank, on.tp}), model::GradientMemory::kNone, on.dp),
        optimizer(options(moments), store,
                  model::ParameterShard(store.layout(), on.zero ? place.dp_rank : 0, on.zero ? on.dp : 1)) {}

  static optim::OptimizerOptions options(optim::Moments moments) {
    optim::OptimizerOptions options;
    options.moments = moments;
    return options;
  }

  // What this rank should hold, in the layout of its memory: 0 weights, the others in shard storage.
  std::vector<Real> expected(const GlobalValues<T>& values, int array) const {
    std::vector<Real> held(array == 0 ? store.size() : optimizer.shard().size(), Real(0));
    const auto copy = [&](std::size_t p, std::int64_t begin, std::int64_t end, std::int64_t offset) {
      for (std::int64_t k = begin; k < end; ++k) held[offset + k - begin] = values.at(array, store.parameters()[p], k);
    };
    if (array == 0) {
      for (std::size_t p = 0; p < store.parameters().size(); ++p)
        copy(p, 0, store.parameters()[p].size(), store.parameters()[p].offset);
    } else {
      for (const model::ShardPart& piece : optimizer.shard().parts())
        copy(piece.parameter, piece.begin, piece.end, piece.shard_offset);
    }
    return held;
  }
  void fill(const GlobalValues<T>& values, std::int64_t steps) {
    const std::vector<Real> wide = expected(values, 0);
    const std::vector<T> weights(wide.begin(), wide.end());
    Kokkos::deep_copy(store.weights(), HostVector<const T>(weights.data(), weights.size()));
    optimizer.write_state(optim::State::kFirstMoment, 0, expected(values, 1));
    optimizer.write_state(optim::State::kSecondMoment, 0, expected(values, 2));
    if (optim::AdamW<T>::kHasMaster) optimizer.write_state(optim::State::kMaster, 0, expected(values, 3));
    optimizer.set_steps_done(steps);
  }
  std::vector<Real> moment(optim::State which) const { return moment_values(optimizer, which); }
  void expect(const GlobalValues<T>& values, std::int64_t steps) const {
    const std::vector<T> weights = host_values(store.weights());
    expect_same_bits(std::vector<Real>(weights.begin(), weights.end()), expected(values, 0));
    expect_same_bits(moment(optim::State::kFirstMoment), expected(values, 1));
    expect_same_bits(moment(optim::State::kSecondMoment), expected(values, 2));
    if (optim::AdamW<T>::kHasMaster) expect_same_bits(moment(optim::State::kMaster), expected(values, 3));
    EXPECT_EQ(optimizer.steps_done(), steps);
  }
  void load(const std::filesystem::path& checkpoint) {
    load_weights(checkpoint, store);
    load_optimizer(checkpoint, optimizer);
  }

  model::LlamaConfig config;
  Grid grid;
  GridPlace place;
  model::ParameterStore<T> store;
  optim::AdamW<T> optimizer;
};

// A checkpoint in `folder` as the ranks of the grid write it, without ranks.
template <class T>
void write_as(const Grid& grid, const std::filesystem::path& folder, const model::LlamaConfig& config,
              const GlobalValues<T>& values, std::int64_t steps, optim::Moments moments = optim::Moments::kFp32,
              const AdapterRecord& adapters = AdapterRecord()) {
  Progress progress = progress_at(1);
  progress.adapters = adapters;
  std::filesystem::create_directories(folder);
  std::vector<ShardRecord> records;
  for (int rank = grid.size(); rank-- > 0;) {  // rank 0 last: it writes the manifest
    RankModel<T> model(config, grid, rank, moments, adapters.options);
    model.fill(values, steps);
    const auto record = write_shard<T>(folder, model.place, model.store, &model.optimizer);
    EXPECT_EQ(record.has_value(), grid.zero || model.place.dp_rank == 0);
    if (record) records.push_back(ShardRecord::parse(record->text()));
    if (rank == 0)
      write_manifest<T>(folder, model.place, progress, config, model.store, &model.optimizer, small_tokenizer(),
                        records);
  }
}

}  // namespace recpo::checkpoint
