#include "kernels/swiglu.hpp"

#include "kernels/math.hpp"
#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void swiglu_forward(const ExecSpace& exec, Matrix<const T> gate_up, Matrix<T> y) {
  const int width = static_cast<int>(y.extent(1));
  for_each_row(
      exec, "recpo::swiglu::forward", y.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        const T* gate = &gate_up(row.index(), 0);
        const T* up = gate + width;
        T* y_row = &y(row.index(), 0);
        row.for_each(width, [&](int i) {
          const Accumulate<T> g = gate[i];
          y_row[i] = g / (1 + exp(-g)) * up[i];
        });
      });
}

// With s = 1 / (1 + exp(-g)):  d_up = dy g s,  d_gate = dy up (s + g s (1 - s)).
template <class T>
void swiglu_backward(const ExecSpace& exec, Matrix<const T> gate_up, Matrix<const T> dy, Matrix<T> d_gate_up) {
  const int width = static_cast<int>(dy.extent(1));
  for_each_row(
      exec, "recpo::swiglu::backward", dy.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        const T* gate = &gate_up(row.index(), 0);
        const T* up = gate + width;
        const T* dy_row = &dy(row.index(), 0);
        T* d_gate = &d_gate_up(row.index(), 0);
        T* d_up = d_gate + width;
        row.for_each(width, [&](int i) {
          const Accumulate<T> g = gate[i], u = up[i], d = dy_row[i];
          const Accumulate<T> sigmoid = 1 / (1 + exp(-g));
          const Accumulate<T> silu = g * sigmoid;
          d_gate[i] = d * u * (sigmoid + silu * (1 - sigmoid));
          d_up[i] = d * silu;
        });
      });
}

#define RECPO_INSTANTIATE(T)                                                     \
  template void swiglu_forward<T>(const ExecSpace&, Matrix<const T>, Matrix<T>); \
  template void swiglu_backward<T>(const ExecSpace&, Matrix<const T>, Matrix<const T>, Matrix<T>);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
