#include "kernels/dropout.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {
namespace {

// The top 53 bits as a number in [0, 1) against the probability, without leaving integers.
std::uint64_t threshold(double probability) { return static_cast<std::uint64_t>(probability * 0x1.0p53) << 11; }

// y = x or y += x where kept, scaled.
template <bool kAdds, class T>
void apply(const ExecSpace& exec, const char* label, const DropoutMask& mask, Matrix<const T> x, Matrix<T> y) {
  const int width = static_cast<int>(x.extent(1));
  const std::uint64_t least = threshold(mask.probability), salt = mask.salt;
  const std::int64_t first = mask.first_column;
  const auto scale = static_cast<Accumulate<T>>(1 / (1 - mask.probability));
  const Vector<const int> key = mask.key;
  for_each_row(
      exec, label, x.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        const int row_key = key(row.index());
        const T* x_row = &x(row.index(), 0);
        T* y_row = &y(row.index(), 0);
        row.for_each(width, [&](int c) {
          const bool kept = dropout_hash(row_key, salt, first + c) >= least;
          const Accumulate<T> term = kept ? scale * static_cast<Accumulate<T>>(x_row[c]) : Accumulate<T>(0);
          y_row[c] = static_cast<T>(kAdds ? static_cast<Accumulate<T>>(y_row[c]) + term : term);
        });
      });
}

}  // namespace

template <class T>
void dropout_forward(const ExecSpace& exec, const DropoutMask& mask, Matrix<const T> x, Matrix<T> y) {
  apply<false, T>(exec, "recpo::dropout::forward", mask, x, y);
}

template <class T>
void dropout_backward(const ExecSpace& exec, const DropoutMask& mask, Matrix<const T> dy, Matrix<T> dx) {
  apply<true, T>(exec, "recpo::dropout::backward", mask, dy, dx);
}

RECPO_INSTANTIATE_STORAGE(dropout_forward);
RECPO_INSTANTIATE_STORAGE(dropout_backward);

}  // namespace recpo::kernels
