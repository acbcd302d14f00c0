#include "kernels/swiglu.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void swiglu_forward(const ExecSpace& exec, Matrix<const T> gate_up, Matrix<T> y) {
  const int width = static_cast<int>(y.extent(1));
  for_each_packed_row<T>(
      exec, "recpo::swiglu::forward", y.extent(0), width, packable(width, gate_up, y), KOKKOS_LAMBDA(const Row& row) {
        const T* gate = &gate_up(row.index(), 0);
        const T* up = gate + width;
        T* y_row = &y(row.index(), 0);
        row.template for_each_pack<T>(width, [&](auto i) {
          const auto g = load(gate, i);
          store(y_row, i, g / (1 + exp(0 - g)) * load(up, i));
        });
      });
}

// With s = 1 / (1 + exp(-g)):  d_up = dy g s,  d_gate = dy up (s + g s (1 - s)).
template <class T>
void swiglu_backward(const ExecSpace& exec, Matrix<const T> gate_up, Matrix<const T> dy, Matrix<T> d_gate_up) {
  const int width = static_cast<int>(dy.extent(1));
  for_each_packed_row<T>(
      exec, "recpo::swiglu::backward", dy.extent(0), width, packable(width, gate_up, dy, d_gate_up),
      KOKKOS_LAMBDA(const Row& row) {
        const T* gate = &gate_up(row.index(), 0);
        const T* up = gate + width;
        const T* dy_row = &dy(row.index(), 0);
        T* d_gate = &d_gate_up(row.index(), 0);
        T* d_up = d_gate + width;
        row.template for_each_pack<T>(width, [&](auto i) {
          const auto g = load(gate, i), u = load(up, i), d = load(dy_row, i);
          const auto sigmoid = 1 / (1 + exp(0 - g));
          const auto silu = g * sigmoid;
          store(d_gate, i, d * u * (sigmoid + silu * (1 - sigmoid)));
          store(d_up, i, d * silu);
        });
      });
}

RECPO_INSTANTIATE_STORAGE(swiglu_forward);
RECPO_INSTANTIATE_STORAGE(swiglu_backward);

}  // namespace recpo::kernels
