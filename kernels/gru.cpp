#include "kernels/gru.hpp"

#include "kernels/math.hpp"
#include "kernels/row.hpp"

namespace recpo::kernels {
namespace {

template <class T>
KOKKOS_INLINE_FUNCTION T sigmoid(T x) {
  return 1 / (1 + exp(-x));
}

// Where exp(2x) is infinite the quotient is 0.
template <class T>
KOKKOS_INLINE_FUNCTION T tanh_of(T x) {
  return 1 - 2 / (exp(2 * x) + 1);
}

}  // namespace

template <class T>
void gru_forward(const ExecSpace& exec, Vector<const int> first, int step, Matrix<const T> a, Matrix<const T> c,
                 Vector<const T> bias, Matrix<const T> h, Matrix<T> gates, Matrix<T> h_next) {
  const int hidden = static_cast<int>(h.extent(1));
  const T* b = bias.data();
  for_each_row(
      exec, "recpo::gru::forward", h.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        const T *a_row = &a(row.index(), 0), *c_row = &c(row.index(), 0), *h_row = &h(row.index(), 0);
        T *gate = &gates(row.index(), 0), *target = &h_next(row.index(), 0);
        if (step < first(row.index())) {
          row.for_each(hidden, [&](int i) { target[i] = h_row[i]; });
          return;
        }
        row.for_each(hidden, [&](int i) {
          const int z_at = hidden + i, n_at = 2 * hidden + i;
          const T r = sigmoid(a_row[i] + c_row[i] + b[i]), z = sigmoid(a_row[z_at] + c_row[z_at] + b[z_at]);
          const T inner = c_row[n_at] + b[n_at];
          const T n = tanh_of(a_row[n_at] + r * inner);
          gate[i] = r;
          gate[z_at] = z;
          gate[n_at] = n;
          gate[3 * hidden + i] = inner;
          target[i] = (1 - z) * n + z * h_row[i];
        });
      });
}

template <class T>
void gru_backward(const ExecSpace& exec, Vector<const int> first, int step, Matrix<const T> gates, Matrix<const T> h,
                  Matrix<const T> dh_next, Matrix<T> da, Matrix<T> dc, Matrix<T> dh) {
  const int hidden = static_cast<int>(h.extent(1));
  for_each_row(
      exec, "recpo::gru::backward", h.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        const T *gate = &gates(row.index(), 0), *h_row = &h(row.index(), 0), *d_row = &dh_next(row.index(), 0);
        T *da_row = &da(row.index(), 0), *dc_row = &dc(row.index(), 0), *dh_row = &dh(row.index(), 0);
        if (step < first(row.index())) {
          row.for_each(hidden, [&](int i) { dh_row[i] = d_row[i]; });
          row.for_each(3 * hidden, [&](int i) { da_row[i] = dc_row[i] = 0; });
          return;
        }
        row.for_each(hidden, [&](int i) {
          const int z_at = hidden + i, n_at = 2 * hidden + i;
          const T r = gate[i], z = gate[z_at], n = gate[n_at], inner = gate[3 * hidden + i], d = d_row[i];
          const T d_n = d * (1 - z) * (1 - n * n), d_r = d_n * inner * r * (1 - r);
          const T d_z = d * (h_row[i] - n) * z * (1 - z);
          da_row[i] = dc_row[i] = d_r;
          da_row[z_at] = dc_row[z_at] = d_z;
          da_row[n_at] = d_n;
          dc_row[n_at] = d_n * r;
          dh_row[i] = d * z;
        });
      });
}

RECPO_INSTANTIATE_SUMS(gru_forward);
RECPO_INSTANTIATE_SUMS(gru_backward);

}  // namespace recpo::kernels
