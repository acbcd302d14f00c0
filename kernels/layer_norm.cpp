#include "kernels/layer_norm.hpp"

#include "kernels/bias.hpp"
#include "kernels/row.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels {

template <class T>
void layer_norm_forward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, Vector<const T> bias,
                        double eps, Matrix<T> y, Vector<T> mean, Vector<T> inverse_deviation) {
  const int hidden = static_cast<int>(x.extent(1));
  const T epsilon = static_cast<T>(eps);
  const T *w = weight.data(), *b = bias.data();
  for_each_row(
      exec, "recpo::layer_norm::forward", x.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        const T* x_row = &x(row.index(), 0);
        T* y_row = &y(row.index(), 0);
        const T center = row.sum<T>(hidden, [&](int h) { return x_row[h]; }) / hidden;
        const T squares = row.sum<T>(hidden, [&](int h) { return (x_row[h] - center) * (x_row[h] - center); });
        const T r = 1 / Kokkos::sqrt(squares / hidden + epsilon);
        row.for_each(hidden, [&](int h) { y_row[h] = (x_row[h] - center) * r * w[h] + b[h]; });
        row.once([&]() {
          mean(row.index()) = center;
          inverse_deviation(row.index()) = r;
        });
      });
}

namespace {

// dx, and the rows dy x^ whose sum is d_weight.
template <class T>
void backward_rows(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, Vector<const T> mean,
                   Vector<const T> inverse_deviation, Matrix<const T> dy, Matrix<T> dx, Matrix<T> weight_terms) {
  const int hidden = static_cast<int>(x.extent(1));
  const T* w = weight.data();
  for_each_row(
      exec, "recpo::layer_norm::backward", x.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        const T *x_row = &x(row.index(), 0), *dy_row = &dy(row.index(), 0);
        T *dx_row = &dx(row.index(), 0), *term = &weight_terms(row.index(), 0);
        const T center = mean(row.index()), r = inverse_deviation(row.index());
        const T g_mean = row.sum<T>(hidden, [&](int h) { return dy_row[h] * w[h]; }) / hidden;
        const T pull = row.sum<T>(hidden, [&](int h) { return dy_row[h] * w[h] * ((x_row[h] - center) * r); }) / hidden;
        row.for_each(hidden, [&](int h) {
          const T normal = (x_row[h] - center) * r;
          dx_row[h] += r * (dy_row[h] * w[h] - g_mean - normal * pull);
          term[h] = dy_row[h] * normal;
        });
      });
}

}  // namespace

std::int64_t layer_norm_workspace(std::int64_t rows, std::int64_t hidden) {
  return rows * hidden + bias_workspace(rows, hidden);
}

template <class T>
void layer_norm_backward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, Vector<const T> mean,
                         Vector<const T> inverse_deviation, Matrix<const T> dy, Matrix<T> dx, Vector<T> d_weight,
                         Vector<T> d_bias, Vector<T> workspace) {
  const std::int64_t rows = x.extent(0), hidden = x.extent(1);
  RECPO_REQUIRE(static_cast<std::int64_t>(workspace.extent(0)) >= layer_norm_workspace(rows, hidden));
  const Matrix<T> weight_terms(workspace.data(), rows, hidden);
  const Vector<T> sums(workspace.data() + rows * hidden, bias_workspace(rows, hidden));
  backward_rows<T>(exec, x, weight, mean, inverse_deviation, dy, dx, weight_terms);
  bias_backward<T>(exec, weight_terms, d_weight, sums);
  bias_backward<T>(exec, dy, d_bias, sums);
}

#define RECPO_INSTANTIATE(T)                                                                                       \
  template void layer_norm_forward<T>(const ExecSpace&, Matrix<const T>, Vector<const T>, Vector<const T>, double, \
                                      Matrix<T>, Vector<T>, Vector<T>);                                            \
  template void layer_norm_backward<T>(const ExecSpace&, Matrix<const T>, Vector<const T>, Vector<const T>,        \
                                       Vector<const T>, Matrix<const T>, Matrix<T>, Vector<T>, Vector<T>, Vector<T>);
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
