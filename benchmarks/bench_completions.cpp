// What stands between the forward and the backward pass: log-probs of completions and the gradient of their sets.
#include <vector>

#include "benchmarks/benchmark_context.hpp"
#include "kernels/sequence_logp.hpp"
#include "kernels/set_loss.hpp"
#include "src/objective/objective.hpp"

namespace recpo::bench {
namespace {

OwnedVector<double> filled(std::int64_t n, double value) {
  OwnedVector<double> device("recpo::bench::numbers", n);
  Kokkos::deep_copy(device, value);
  return device;
}

constexpr int kTokens = 12;  // of a completion

void completion_logp(benchmark::State& state) {
  const std::int64_t completions = state.range(0);
  std::vector<int> begin, target;
  for (int c = 0; c <= completions; ++c) begin.push_back(c * kTokens);
  for (int m = 0; m < completions * kTokens; ++m) target.push_back(m);
  const auto begins = to_device(begin), targets = to_device(target);
  const OwnedVector<float> token_logp("recpo::bench::token_logp", target.size());
  const auto logp = filled(completions, 0);
  time_kernel(state,
              [&](const ExecSpace& exec) { kernels::completion_logp<float>(exec, begins, targets, token_logp, logp); });
  report_bytes(state, static_cast<double>(completions) * (8.0 * kTokens + 12));
}
BENCHMARK(completion_logp)->Arg(32)->Arg(65536)->UseRealTime();
const auto* const device_logp = device_cases("completion_logp", completion_logp, {{32}, {1 << 20}});

// Sets of one preferred and three dispreferred completions.
void preference_gradient(benchmark::State& state) {
  const std::int64_t sets = state.range(0), completions = 4 * sets;
  std::vector<int> begin;
  for (int s = 0; s <= sets; ++s) begin.push_back(4 * s);
  const auto begins = to_device(begin);
  const auto reward_scale = filled(completions, 1), reference = filled(completions, -11),
             margin = filled(completions, 2), weight = filled(sets, 0), logp = filled(completions, -10),
             d_logp = filled(completions, 0);
  const kernels::SetLoss loss = objective::log_sum_exp({});
  time_kernel(state, [&](const ExecSpace& exec) {
    loss.gradient(exec, {begins, reward_scale, reference, margin, weight}, 0.01, logp, d_logp);
  });
  report_bytes(state, static_cast<double>(sets) * (5 * 4 * 8.0 + 12));
}
BENCHMARK(preference_gradient)->Arg(8)->Arg(16384)->UseRealTime();
const auto* const device_gradient = device_cases("preference_gradient", preference_gradient, {{8}, {1 << 18}});

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
