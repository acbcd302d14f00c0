#include "kernels/convolution.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void horizontal_forward(const ExecSpace& exec, int length, int height, Matrix<const T> products, Vector<const T> bias,
                        Matrix<T> out, Matrix<int> place) {
  const int filters = static_cast<int>(out.extent(1));
  const std::int64_t stride = products.stride(0);
  const T* b = bias.data();
  for_each_row(
      exec, "recpo::convolution::horizontal_forward", out.extent(0), filters, KOKKOS_LAMBDA(const Row& row) {
        const T* window = &products(row.index() * length, 0);
        T* best = &out(row.index(), 0);
        int* best_place = &place(row.index(), 0);
        for (int t = 0; t + height <= length; ++t) {
          const T* first = window + t * stride;
          row.for_each(filters, [&](int f) {
            T sum = b[f];
            for (int j = 0; j < height; ++j) sum += first[j * stride + j * filters + f];
            const bool is_better = t == 0 || sum > best[f];
            best[f] = is_better ? sum : best[f];
            best_place[f] = is_better ? t : best_place[f];
          });
        }
        row.for_each(filters, [&](int f) { best[f] = best[f] < 0 ? T(0) : best[f]; });
      });
}

template <class T>
void horizontal_backward(const ExecSpace& exec, int length, int height, Matrix<const int> place, Matrix<const T> d_out,
                         Matrix<T> d_products) {
  const int filters = static_cast<int>(d_out.extent(1));
  for_each_row(
      exec, "recpo::convolution::horizontal_backward", d_products.extent(0), height * filters,
      KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t sequence = row.index() / length;
        const int at = static_cast<int>(row.index() % length);
        const int* best_place = &place(sequence, 0);
        const T* d = &d_out(sequence, 0);
        T* target = &d_products(row.index(), 0);
        for (int j = 0; j < height; ++j) {
          row.for_each(filters, [&](int f) { target[j * filters + f] = best_place[f] == at - j ? d[f] : T(0); });
        }
      });
}

template <class T>
void vertical_forward(const ExecSpace& exec, int length, Matrix<const T> x, Matrix<const T> weight, Matrix<T> out) {
  const int hidden = static_cast<int>(x.extent(1)), filters = static_cast<int>(weight.extent(0));
  for_each_row(
      exec, "recpo::convolution::vertical_forward", out.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        for (int f = 0; f < filters; ++f) {
          T* target = &out(row.index(), f * hidden);
          row.for_each(hidden, [&](int h) { target[h] = 0; });
          for (int t = 0; t < length; ++t) {
            const T w = weight(f, t);
            const T* source = &x(row.index() * length + t, 0);
            row.for_each(hidden, [&](int h) { target[h] += w * source[h]; });
          }
        }
      });
}

template <class T>
void vertical_backward(const ExecSpace& exec, int length, Matrix<const T> x, Matrix<const T> weight,
                       Matrix<const T> d_out, Matrix<T> dx, Matrix<T> weight_terms) {
  const int hidden = static_cast<int>(x.extent(1)), filters = static_cast<int>(weight.extent(0));
  for_each_row(
      exec, "recpo::convolution::vertical_backward", x.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t sequence = row.index() / length;
        const int t = static_cast<int>(row.index() % length);
        const T* source = &x(row.index(), 0);
        T* target = &dx(row.index(), 0);
        for (int f = 0; f < filters; ++f) {
          const T w = weight(f, t);
          const T* d = &d_out(sequence, f * hidden);
          row.for_each(hidden, [&](int h) { target[h] += w * d[h]; });
          const T term = row.sum<T>(hidden, [&](int h) { return d[h] * source[h]; });
          row.once([&]() { weight_terms(sequence, f * length + t) = term; });
        }
      });
}

RECPO_INSTANTIATE_SUMS(horizontal_forward);
RECPO_INSTANTIATE_SUMS(horizontal_backward);
RECPO_INSTANTIATE_SUMS(vertical_forward);
RECPO_INSTANTIATE_SUMS(vertical_backward);

}  // namespace recpo::kernels
