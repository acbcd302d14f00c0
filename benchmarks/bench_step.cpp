// A whole training step of a decoder: forward and backward of packed preference trees, and the AdamW update. Counters:
// tokens/s, GFLOP/s of the matrix products and their fraction of the measured GEMM rate.
//   bench_step --benchmark_filter=smollm2

#include <benchmark/benchmark.h>

#include "benchmarks/benchmark_context.hpp"
#include "kernels/gemm.hpp"
#include "src/model/llama.hpp"
#include "src/optim/gradient_norm.hpp"
#include "src/parallel/serial_communicator.hpp"
#include "src/support/random.hpp"
#include "src/train/flops.hpp"

namespace recpo {
namespace {

// `trees` prompts of 250 tokens with `answers` answers of 9 tokens: MovieLens rows with ten items of history.
data::TreeBatch make_batch(std::int64_t trees, std::int64_t answers, std::int64_t vocab) {
  constexpr std::size_t kPrompt = 250, kAnswer = 9;
  Random random(1, "bench_step");
  const auto tokens = [&](std::size_t n) {
    std::vector<std::int32_t> ids(n);
    for (auto& id : ids) id = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab)));
    return ids;
  };
  data::TreeBatch batch;
  for (std::int64_t t = 0; t < trees; ++t) {
    std::vector<std::vector<std::int32_t>> ids;
    for (std::int64_t k = 0; k < answers; ++k) ids.push_back(tokens(kAnswer));
    data::append_tree(batch, tokens(kPrompt), std::vector<std::span<const std::int32_t>>(ids.begin(), ids.end()));
  }
  return batch;
}

void report(benchmark::State& state, const data::TreeBatch& batch, double flops) {
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(batch.num_tokens()), benchmark::Counter::kIsIterationInvariantRate);
  bench::report_flops<float>(state, flops);
}

void training_step(benchmark::State& state, const std::string& shape) {
  model::LlamaConfig config = model::named_config(shape);
  if (config.vocab_size == 0) config.vocab_size = 1000;
  const data::TreeBatch batch = make_batch(state.range(0), state.range(1), config.vocab_size);
  model::ParameterStore<float> store(model::llama_parameters(config), true);
  model::initialize_weights(config, 1, store);
  model::Llama<float> llama(
      config, store,
      {.tokens = batch.num_tokens(), .completions = batch.num_completions(), .training = true, .lora = {}});
  optim::AdamW<float> optimizer({}, store);
  const optim::SliceGradients<float> gradients = optim::slice_gradients(store, optimizer.shard());
  parallel::SerialCommunicator alone;
  const std::vector<double> d_logp(static_cast<std::size_t>(batch.num_completions()), -1e-3);
  for (auto _ : state) {
    Kokkos::deep_copy(store.gradients(), 0.0f);
    benchmark::DoNotOptimize(llama.forward(batch));
    llama.backward(d_logp);
    const double norm = optim::gradient_norm<float>(ExecSpace{}, store, optimizer.shard(), gradients, alone, alone);
    optimizer.step(ExecSpace{}, 1e-5, norm, gradients);
    Kokkos::fence();
  }
  report(state, batch, 3 * train::forward_flops(config, batch));
}

void forward_pass(benchmark::State& state, const std::string& shape) {
  model::LlamaConfig config = model::named_config(shape);
  if (config.vocab_size == 0) config.vocab_size = 1000;
  const data::TreeBatch batch = make_batch(state.range(0), state.range(1), config.vocab_size);
  model::ParameterStore<float> store(model::llama_parameters(config), false);
  model::initialize_weights(config, 1, store);
  model::Llama<float> llama(config, store,
                            {.tokens = batch.num_tokens(), .completions = batch.num_completions(), .lora = {}});
  for (auto _ : state) benchmark::DoNotOptimize(llama.forward(batch));
  report(state, batch, train::forward_flops(config, batch));
}

// Trees of a micro-batch; answers: 1 = SFT, 4 = alignment with three dispreferred answers, 20 = candidate ranking.
BENCHMARK_CAPTURE(training_step, smollm2, "smollm2-135m")
    ->Args({1, 1})
    ->Args({4, 1})
    ->Args({1, 4})
    ->Args({4, 4})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(training_step, tiny, "tiny")
    ->Args({4, 1})
    ->Args({4, 4})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(forward_pass, smollm2, "smollm2-135m")
    ->Args({4, 1})
    ->Args({4, 20})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace recpo

RECPO_BENCHMARK_MAIN()
