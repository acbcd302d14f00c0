// One step of a gated recurrent unit behind its products: sequences x hidden. Bytes: forward reads a, c (3H each) and
// h, writes four gates and h'; backward reads four gates, h and dh', writes da, dc and dh.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/gru.hpp"

namespace recpo::bench {
namespace {

struct Step {
  std::int64_t sequences, hidden;
  OwnedVector<int> first{"recpo::bench::first", static_cast<std::size_t>(sequences)};  // all have begun
  OwnedVector<float> bias = filled_vector<float>(3 * hidden);
  OwnedMatrix<float> a = filled_matrix<float>(sequences, 3 * hidden), c = filled_matrix<float>(sequences, 3 * hidden),
                     h = filled_matrix<float>(sequences, hidden), gates = filled_matrix<float>(sequences, 4 * hidden),
                     h_next = filled_matrix<float>(sequences, hidden);
};

void gru_forward(benchmark::State& state) {
  const Step s{state.range(0), state.range(1)};
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::gru_forward<float>(exec, s.first, 0, s.a, s.c, s.bias, s.h, s.gates, s.h_next);
  });
  report_bytes(state, 12.0 * sizeof(float) * s.sequences * s.hidden);
}
BENCHMARK(gru_forward)->Args({32, 64})->Args({4096, 256})->UseRealTime();

void gru_backward(benchmark::State& state) {
  const Step s{state.range(0), state.range(1)};
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::gru_backward<float>(exec, s.first, 0, s.gates, s.h, s.h_next, s.a, s.c, s.h_next);
  });
  report_bytes(state, 13.0 * sizeof(float) * s.sequences * s.hidden);
}
BENCHMARK(gru_backward)->Args({32, 64})->Args({4096, 256})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
