// Saving, verifying and loading a checkpoint of weights and two moments, in bytes a second. The disk has its share in
// saving (every file is synced); reading comes from the page cache.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "benchmarks/benchmark_context.hpp"
#include "src/checkpoint/checkpoint.hpp"

namespace recpo::bench {
namespace {
namespace fs = std::filesystem;

// SmolLM2's widths with fewer layers and tokens, 27 M parameters, and a folder that goes with it.
struct Saved {
  Saved() {
    std::string name = (fs::temp_directory_path() / "recpo_bench_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder = name;
    save();
  }
  ~Saved() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  static model::LlamaConfig shape() {
    model::LlamaConfig shape = model::named_config("smollm2-135m");
    shape.num_hidden_layers = 6, shape.vocab_size = 8192;
    return shape;
  }
  void save() {
    checkpoint::Progress progress;
    progress.stage = "sft", progress.step = 1;
    checkpoint::save_checkpoint<float>(folder, progress, config, store, &optimizer, tokenizer, 1, grid);
  }
  double bytes() const { return 3.0 * sizeof(float) * static_cast<double>(store.size()); }

  model::LlamaConfig config = shape();
  model::ParameterStore<float> store{model::llama_parameters(config), false};
  optim::AdamW<float> optimizer{{}, store};
  parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kSerial, 1);
  text::Tokenizer tokenizer = text::Tokenizer::train(std::vector<std::string>{"a small text"}, 300);
  fs::path folder;
};

void checkpoint_save(benchmark::State& state) {
  Saved saved;
  for (auto _ : state) {
    state.PauseTiming();
    fs::remove_all(saved.folder / "step_1");  // else the one before is verified, too
    state.ResumeTiming();
    saved.save();
  }
  report_bytes(state, saved.bytes());
}
BENCHMARK(checkpoint_save)->Unit(benchmark::kMillisecond)->UseRealTime();

void checkpoint_verify(benchmark::State& state) {
  const Saved saved;
  for (auto _ : state) checkpoint::verify(saved.folder / "step_1");
  report_bytes(state, saved.bytes());
}
BENCHMARK(checkpoint_verify)->Unit(benchmark::kMillisecond)->UseRealTime();

void checkpoint_load(benchmark::State& state) {
  Saved saved;
  for (auto _ : state) {
    checkpoint::load_weights(saved.folder / "step_1", saved.store);
    checkpoint::load_optimizer(saved.folder / "step_1", saved.optimizer);
  }
  report_bytes(state, saved.bytes());
}
BENCHMARK(checkpoint_load)->Unit(benchmark::kMillisecond)->UseRealTime();

// The weights of one of two tensor-parallel ranks from a checkpoint of one: half of them, of which columns are picked
// from whole rows.
void checkpoint_load_other_grid(benchmark::State& state) {
  const Saved saved;
  model::ParameterStore<float> half(model::llama_parameters(saved.config, {1, 2}), false);
  for (auto _ : state) checkpoint::load_weights(saved.folder / "step_1", half);
  report_bytes(state, static_cast<double>(half.weight_bytes()));
}
BENCHMARK(checkpoint_load_other_grid)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
