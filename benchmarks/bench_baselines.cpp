// A training step of each sequential recommender at its default settings: 256 histories of 20 items, 64 numbers, 1349
// items (MovieLens-100K's), sums over 8 leaves. items_per_second counts rows.
#include <vector>

#include "benchmarks/benchmark_context.hpp"
#include "src/baselines/train.hpp"
#include "src/parallel/communicator.hpp"
#include "src/support/random.hpp"

namespace recpo::bench {
namespace {

constexpr int kItems = 1349, kLength = 20, kLeaves = 8;

void training_step(benchmark::State& state, const char* name) {
  const baselines::BaselineOptions options;
  const auto kind = baselines::find_baseline(name).encoder();
  baselines::SequenceModel<float> model(kind, {kItems, options.hidden, kLength, options.blocks});
  model.parameters().initialize(1);
  parallel::SerialCommunicator alone;
  baselines::TrainingStep<float> step(options, kLeaves, model, alone);
  Random random(1, "bench baselines");
  const auto item = [&] { return static_cast<int>(random.below(kItems)); };
  std::vector<baselines::Sequence> sequences(static_cast<std::size_t>(options.batch));
  std::vector<baselines::Example> batch;
  for (baselines::Sequence& sequence : sequences) {
    for (int i = 0; i < kLength; ++i) sequence.history.push_back(item());
    sequence.candidates.push_back(item());
    batch.push_back({&sequence, item(), std::vector<int>(kLength, item())});
  }
  for (auto _ : state) step.run(batch);
  state.SetItemsProcessed(state.iterations() * options.batch);
}
BENCHMARK_CAPTURE(training_step, gru4rec, "gru4rec")->UseRealTime();
BENCHMARK_CAPTURE(training_step, caser, "caser")->UseRealTime();
BENCHMARK_CAPTURE(training_step, sasrec, "sasrec")->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
