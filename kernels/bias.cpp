#include "kernels/bias.hpp"

#include "kernels/row.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels {
namespace {

// Rows that one unit of work sums. Part of the result's bits: never derived from the number of threads.
constexpr std::int64_t kChunkRows = 64;
std::int64_t row_chunks(std::int64_t rows) { return (rows + kChunkRows - 1) / kChunkRows; }

// chunk_sums[c, :] = sum of the rows of chunk c
template <class T>
void sum_chunks(const ExecSpace& exec, Matrix<const T> x, Matrix<T> chunk_sums) {
  const int width = static_cast<int>(x.extent(1));
  const std::int64_t rows = x.extent(0);
  for_each_row(
      exec, "recpo::bias::chunks", row_chunks(rows), width, KOKKOS_LAMBDA(const Row& chunk) {
        const std::int64_t begin = chunk.index() * kChunkRows;
        const std::int64_t end = begin + kChunkRows < rows ? begin + kChunkRows : rows;
        T* sum = &chunk_sums(chunk.index(), 0);
        chunk.for_each(width, [&](int h) { sum[h] = 0; });
        for (std::int64_t t = begin; t < end; ++t) {
          const T* source = &x(t, 0);
          chunk.for_each(width, [&](int h) { sum[h] += source[h]; });
        }
      });
}

}  // namespace

template <class T>
void bias_forward(const ExecSpace& exec, Vector<const T> bias, Matrix<T> y) {
  const int width = static_cast<int>(y.extent(1));
  const T* b = bias.data();
  for_each_row(
      exec, "recpo::bias::forward", y.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        T* target = &y(row.index(), 0);
        row.for_each(width, [&](int h) { target[h] += b[h]; });
      });
}

template <class T>
void bias_relu_forward(const ExecSpace& exec, Vector<const T> bias, Matrix<T> y) {
  const int width = static_cast<int>(y.extent(1));
  const T* b = bias.data();
  for_each_row(
      exec, "recpo::bias::relu_forward", y.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        T* target = &y(row.index(), 0);
        row.for_each(width, [&](int h) {
          const T sum = target[h] + b[h];
          target[h] = sum < 0 ? T(0) : sum;  // NaN stays
        });
      });
}

template <class T>
void relu_backward(const ExecSpace& exec, Matrix<const T> y, Matrix<T> dy) {
  const int width = static_cast<int>(y.extent(1));
  for_each_row(
      exec, "recpo::bias::relu_backward", y.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        const T* source = &y(row.index(), 0);
        T* target = &dy(row.index(), 0);
        row.for_each(width, [&](int h) { target[h] = source[h] == 0 ? T(0) : target[h]; });
      });
}

std::int64_t bias_workspace(std::int64_t rows, std::int64_t width) { return row_chunks(rows) * width; }

template <class T>
void bias_backward(const ExecSpace& exec, Matrix<const T> dy, Vector<T> d_bias, Vector<T> workspace) {
  constexpr int kStrip = 64;
  const int width = static_cast<int>(dy.extent(1));
  const std::int64_t chunks = row_chunks(dy.extent(0));
  RECPO_REQUIRE(static_cast<std::int64_t>(workspace.extent(0)) >= chunks * width);
  sum_chunks<T>(exec, dy, Matrix<T>(workspace.data(), chunks, width));
  const T* sums = workspace.data();
  T* target = d_bias.data();
  for_each_row(
      exec, "recpo::bias::backward", (width + kStrip - 1) / kStrip, kStrip, KOKKOS_LAMBDA(const Row& strip) {
        const int begin = static_cast<int>(strip.index()) * kStrip;
        const int columns = width - begin < kStrip ? width - begin : kStrip;
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
          const T* part = sums + chunk * width + begin;
          strip.for_each(columns, [&](int h) { target[begin + h] += part[h]; });
        }
      });
}

#define RECPO_INSTANTIATE(T)                                                        \
  template void bias_forward<T>(const ExecSpace&, Vector<const T>, Matrix<T>);      \
  template void bias_relu_forward<T>(const ExecSpace&, Vector<const T>, Matrix<T>); \
  template void relu_backward<T>(const ExecSpace&, Matrix<const T>, Matrix<T>);     \
  template void bias_backward<T>(const ExecSpace&, Matrix<const T>, Vector<T>, Vector<T>);
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
