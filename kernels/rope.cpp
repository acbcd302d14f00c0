#include "kernels/rope.hpp"

#include <cmath>
#include <numbers>

#include "kernels/row.hpp"

namespace recpo::kernels {

namespace {

double scale_frequency(double frequency, const RopeScaling& scaling) {
  const double turns = scaling.original_length * frequency / (2 * std::numbers::pi);  // in the original context
  if (turns > scaling.high_frequency_factor) return frequency;
  if (turns < scaling.low_frequency_factor) return frequency / scaling.factor;
  const double keep =
      (turns - scaling.low_frequency_factor) / (scaling.high_frequency_factor - scaling.low_frequency_factor);
  return (1 - keep) * frequency / scaling.factor + keep * frequency;
}

}  // namespace

std::vector<double> rope_inverse_frequencies(int head_dim, double theta, const RopeScaling& scaling) {
  std::vector<double> frequencies(head_dim / 2);
  for (int d = 0; d < head_dim / 2; ++d) {
    const double frequency = std::pow(theta, -2.0 * d / head_dim);
    frequencies[d] = scaling.factor == 1.0 ? frequency : scale_frequency(frequency, scaling);
  }
  return frequencies;
}

template <class T>
void rope_tables(const ExecSpace& exec, Vector<const double> inverse_frequency, Matrix<Accumulate<T>> cosine,
                 Matrix<Accumulate<T>> sine) {
  const int half = static_cast<int>(inverse_frequency.extent(0));
  for_each_row(
      exec, "recpo::rope::tables", cosine.extent(0), half, KOKKOS_LAMBDA(const Row& row) {
        row.for_each(half, [&](int d) {
          const double angle = static_cast<double>(row.index()) * inverse_frequency(d);
          cosine(row.index(), d) = static_cast<Accumulate<T>>(Kokkos::cos(angle));
          sine(row.index(), d) = static_cast<Accumulate<T>>(Kokkos::sin(angle));
        });
      });
}

namespace {

// direction +1 rotates by the angle, -1 back.
template <class T>
void rotate(const ExecSpace& exec, const char* label, Vector<const int> positions, Matrix<const Accumulate<T>> cosine,
            Matrix<const Accumulate<T>> sine, int heads, Accumulate<T> direction, Matrix<T> x) {
  const int half = static_cast<int>(cosine.extent(1));
  for_each_packed_row<T>(
      exec, label, x.extent(0), std::int64_t{heads} * half, packable(half, x, cosine, sine),
      KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t t = row.index();
        const Accumulate<T>* c = &cosine(positions(t), 0);
        const Accumulate<T>* s = &sine(positions(t), 0);
        T* first = &x(t, 0);
        row.template for_each_pack_of_groups<T>(heads, half, [&](int head, auto d) {
          T* low = first + head * 2 * half;
          T* high = low + half;
          const auto a = load(low, d), b = load(high, d), cosine_d = load(c, d), sine_d = direction * load(s, d);
          store(low, d, a * cosine_d - b * sine_d);
          store(high, d, b * cosine_d + a * sine_d);
        });
      });
}

}  // namespace

template <class T>
void rope_forward(const ExecSpace& exec, Vector<const int> positions, Matrix<const Accumulate<T>> cosine,
                  Matrix<const Accumulate<T>> sine, int heads, Matrix<T> x) {
  rotate<T>(exec, "recpo::rope::forward", positions, cosine, sine, heads, 1, x);
}

template <class T>
void rope_backward(const ExecSpace& exec, Vector<const int> positions, Matrix<const Accumulate<T>> cosine,
                   Matrix<const Accumulate<T>> sine, int heads, Matrix<T> dx) {
  rotate<T>(exec, "recpo::rope::backward", positions, cosine, sine, heads, -1, dx);
}

RECPO_INSTANTIATE_STORAGE(rope_tables);
RECPO_INSTANTIATE_STORAGE(rope_forward);
RECPO_INSTANTIATE_STORAGE(rope_backward);

}  // namespace recpo::kernels
