// A whole training step of a decoder: forward and backward of packed preference trees, and the AdamW update. Counters:
// tokens/s, sets/s (a tree is a row or a set), GFLOP/s of the matrix products and their fraction of the measured GEMM
// rate; on a device also MFU, the fraction of the data sheet's peak, and the memory that was planned and used.
//   bench_step --benchmark_filter=smollm2
//   bench_step --benchmark_filter=device

#include <benchmark/benchmark.h>

#include "benchmarks/benchmark_context.hpp"
#include "kernels/gemm.hpp"
#include "src/model/llama.hpp"
#include "src/optim/adamw.hpp"
#include "src/parallel/communicator.hpp"
#include "src/support/random.hpp"
#include "src/train/step_shape.hpp"

namespace recpo {
namespace {

constexpr std::int64_t kAnswer = 9;  // tokens

struct StepCase {
  std::string shape;
  std::int64_t layers = 0;         // 0: the shape's own
  std::int64_t prompt = 250;       // tokens: MovieLens rows with ten items of history
  std::int64_t micro_batches = 1;  // whose gradients are added up for one update
};

model::LlamaConfig make_config(const StepCase& of_case) {
  model::LlamaConfig config = model::named_config(of_case.shape);
  if (config.vocab_size == 0) config.vocab_size = 1000;
  if (of_case.layers > 0) config.num_hidden_layers = of_case.layers;
  return config;
}

// `trees` prompts with `answers` answers each.
data::TreeBatch make_batch(const StepCase& of_case, std::int64_t trees, std::int64_t answers, std::int64_t vocab,
                           std::int64_t micro_batch = 0) {
  Random random(1, "bench_step", static_cast<std::uint64_t>(micro_batch));
  const auto tokens = [&](std::int64_t n) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(n));
    for (auto& id : ids) id = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab)));
    return ids;
  };
  data::TreeBatch batch;
  for (std::int64_t t = 0; t < trees; ++t) {
    std::vector<std::vector<std::int32_t>> ids;
    for (std::int64_t k = 0; k < answers; ++k) ids.push_back(tokens(kAnswer));
    data::append_tree(batch, tokens(of_case.prompt),
                      std::vector<std::span<const std::int32_t>>(ids.begin(), ids.end()));
  }
  return batch;
}

// Evenly spread matrices and norms of 1, made where they lie: billions of normal numbers would take the host a minute.
template <class T>
void spread_weights(const model::LlamaConfig& config, const model::ParameterStore<T>& store) {
  const auto scale = static_cast<float>(std::sqrt(3.0) * config.initializer_range);  // of this deviation
  T* weights = store.weights().data();
  kernels::for_each_element(
      ExecSpace(), "recpo::bench::weights", store.size(), KOKKOS_LAMBDA(std::int64_t i) {
        std::uint32_t bits = static_cast<std::uint32_t>(i) * 0x9E3779B9u;
        bits = (bits ^ (bits >> 15)) * 0x85EBCA6Bu;
        bits ^= bits >> 13;
        weights[i] = static_cast<T>(scale * static_cast<float>(static_cast<std::int32_t>(bits)) * 0x1p-31f);
      });
  for (const model::Parameter& parameter : store.parameters()) {
    if (parameter.shape.size() == 1) Kokkos::deep_copy(Vector<T>(weights + parameter.offset, parameter.size()), T(1));
  }
}

// Everything but the rates that bench::report_flops knows.
template <class T>
void report(benchmark::State& state, const data::TreeBatch& batch, std::int64_t micro_batches, double flops) {
  using benchmark::Counter;
  const auto rate = [&](double amount) { return Counter(amount, Counter::kIsIterationInvariantRate); };
  const auto times = static_cast<double>(micro_batches);
  state.counters["tokens/s"] = rate(times * static_cast<double>(batch.num_tokens()));
  state.counters["sets/s"] = rate(times * static_cast<double>(batch.trees.size()));
  bench::report_flops<T>(state, times * flops);
  if (const std::optional<double> peak = bench::peak_bfloat16_flops(bench::device_name())) {
    state.counters["MFU"] = rate(times * flops / *peak);
  }
}

// What the trainer would plan for a step of this shape.
train::StepShape step_shape(const data::TreeBatch& batch, std::int64_t answers, std::int64_t micro_batches) {
  const auto trees = static_cast<std::int64_t>(batch.trees.size());
  train::StepShape shape;
  shape.longest = batch.num_tokens() / trees;
  shape.most_answers = answers;
  shape.most_logit_rows = static_cast<std::int64_t>(batch.logit_rows.size()) / trees;
  shape.global_batch = trees * micro_batches;
  shape.micro_batch_tokens = batch.num_tokens();
  shape.reduction_leaves = 1;
  return shape;
}

void report_memory(benchmark::State& state, std::int64_t planned, std::int64_t used) {
  state.counters["planned_GB"] = 1e-9 * static_cast<double>(planned);
  state.counters["used_GB"] = 1e-9 * static_cast<double>(used);
}

// Arguments: trees of a micro-batch, answers of a tree.
template <class T>
void run_training_step(benchmark::State& state, const StepCase& of_case) {
  const model::LlamaConfig config = make_config(of_case);
  std::vector<data::TreeBatch> batches;
  for (std::int64_t b = 0; b < of_case.micro_batches; ++b) {
    batches.push_back(make_batch(of_case, state.range(0), state.range(1), config.vocab_size, b));
  }
  const data::TreeBatch& batch = batches.front();
  const train::StepShape shape = step_shape(batch, state.range(1), of_case.micro_batches);
  Kokkos::fence();
  const std::int64_t in_use = bench::device_bytes_in_use();
  const std::int64_t planned =
      train::planned_memory<T>(config, {}, shape, 1, optim::AdamW<T>::bytes_of_moment({})).total();
  const MemoryPool block(planned);
  model::ParameterStore<T> store(model::llama_parameters(config), true);
  spread_weights(config, store);
  model::Llama<T> llama(config, store, train::llama_capacity(shape, train::plan_leaves(shape, 1, 0)));
  optim::AdamW<T> optimizer({}, store);
  const optim::ShardGradients<T> gradients = optim::shard_gradients(store, optimizer.shard());
  parallel::SerialCommunicator alone;
  const OwnedVector<double> d_logp("recpo::bench::d_logp", static_cast<std::size_t>(batch.num_completions()));
  Kokkos::deep_copy(d_logp, -1e-3);
  const auto step = [&] {
    Kokkos::deep_copy(ExecSpace{}, store.gradients(), Accumulate<T>(0));
    for (const data::TreeBatch& micro_batch : batches) {
      llama.start_forward(micro_batch);
      llama.start_backward(d_logp);
    }
    const double norm = optim::gradient_norm<T>(ExecSpace{}, store, optimizer.shard(), gradients, alone, alone);
    optimizer.step(ExecSpace{}, 1e-5, norm, gradients);
    llama.wait();
  };
  step();  // what the first one loads and allocates
  const std::int64_t used = bench::device_bytes_in_use() - in_use;
  for (auto _ : state) step();
  report<T>(state, batch, of_case.micro_batches, 3 * train::forward_flops(config, batch));
  if constexpr (bench::kOnDevice) report_memory(state, planned, used);
}

void training_step(benchmark::State& state, const std::string& shape) {
  run_training_step<float>(state, {.shape = shape});
}

void forward_pass(benchmark::State& state, const std::string& shape) {
  const StepCase of_case{.shape = shape};
  const model::LlamaConfig config = make_config(of_case);
  const data::TreeBatch batch = make_batch(of_case, state.range(0), state.range(1), config.vocab_size);
  model::ParameterStore<float> store(model::llama_parameters(config), false);
  spread_weights(config, store);
  model::Llama<float> llama(config, store,
                            {.tokens = batch.num_tokens(), .completions = batch.num_completions(), .lora = {}});
  for (auto _ : state) benchmark::DoNotOptimize(llama.forward(batch));
  report<float>(state, batch, 1, train::forward_flops(config, batch));
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

// In bfloat16 with master weights and moments in float, sixteen micro-batches a step, prompts of 1,024 tokens.
void device_step(const char* shape, std::int64_t layers) {
  const auto step = [=](benchmark::State& state) {
    run_training_step<Bfloat16>(state, {.shape = shape, .layers = layers, .prompt = 1024, .micro_batches = 16});
  };
  const std::string name = fmt::format("training_step<Bfloat16>/{}", shape);
  auto* cases = bench::device_cases(name.c_str(), step, {{4, 1}, {8, 1}, {4, 4}, {8, 4}});
  if (cases) cases->Unit(benchmark::kMillisecond)->Iterations(2);  // no trial runs: each makes the model anew
}
const bool device_steps = [] {
  device_step("llama-3.2-1b", 0);
  device_step("llama-3.1-8b", 4);
  return true;
}();

}  // namespace
}  // namespace recpo

RECPO_BENCHMARK_MAIN()
