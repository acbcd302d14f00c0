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
void sum_chunks(const ExecSpace& exec, Matrix<const T> x, Matrix<Accumulate<T>> chunk_sums) {
  const int width = static_cast<int>(x.extent(1));
  const std::int64_t rows = x.extent(0);
  for_each_row(
      exec, "recpo::bias::chunks", row_chunks(rows), width, KOKKOS_LAMBDA(const Row& chunk) {
        const std::int64_t begin = chunk.index() * kChunkRows;
        const std::int64_t end = begin + kChunkRows < rows ? begin + kChunkRows : rows;
        Accumulate<T>* sum = &chunk_sums(chunk.index(), 0);
        chunk.for_each(width, [&](int h) { sum[h] = 0; });
        for (std::int64_t t = begin; t < end; ++t) {
          const T* source = &x(t, 0);
          chunk.for_each(width, [&](int h) { sum[h] += static_cast<Accumulate<T>>(source[h]); });
        }
      });
}

template <bool kRectifies, class T>
void add_bias(const ExecSpace& exec, const char* label, Vector<const T> bias, Matrix<T> y) {
  const int width = static_cast<int>(y.extent(1));
  const T* b = bias.data();
  for_each_row(
      exec, label, y.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        T* target = &y(row.index(), 0);
        row.for_each(width, [&](int h) {
          const Accumulate<T> sum = static_cast<Accumulate<T>>(target[h]) + static_cast<Accumulate<T>>(b[h]);
          target[h] = static_cast<T>(kRectifies && sum < 0 ? Accumulate<T>(0) : sum);  // NaN stays
        });
      });
}

}  // namespace

template <class T>
void bias_forward(const ExecSpace& exec, Vector<const T> bias, Matrix<T> y) {
  add_bias<false, T>(exec, "recpo::bias::forward", bias, y);
}

template <class T>
void bias_relu_forward(const ExecSpace& exec, Vector<const T> bias, Matrix<T> y) {
  add_bias<true, T>(exec, "recpo::bias::relu_forward", bias, y);
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
void bias_backward(const ExecSpace& exec, Matrix<const T> dy, Vector<Accumulate<T>> d_bias,
                   Vector<Accumulate<T>> workspace) {
  using Sum = Accumulate<T>;
  constexpr int kStrip = 64;
  const int width = static_cast<int>(dy.extent(1));
  const std::int64_t chunks = row_chunks(dy.extent(0));
  RECPO_REQUIRE(static_cast<std::int64_t>(workspace.extent(0)) >= chunks * width);
  sum_chunks<T>(exec, dy, Matrix<Sum>(workspace.data(), chunks, width));
  const Sum* sums = workspace.data();
  Sum* target = d_bias.data();
  for_each_row(
      exec, "recpo::bias::backward", (width + kStrip - 1) / kStrip, kStrip, KOKKOS_LAMBDA(const Row& strip) {
        const int begin = static_cast<int>(strip.index()) * kStrip;
        const int columns = width - begin < kStrip ? width - begin : kStrip;
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
          const Sum* part = sums + chunk * width + begin;
          strip.for_each(columns, [&](int h) { target[begin + h] += part[h]; });
        }
      });
}

RECPO_INSTANTIATE_STORAGE(bias_forward);
RECPO_INSTANTIATE_SUMS(bias_relu_forward);
RECPO_INSTANTIATE_SUMS(relu_backward);
RECPO_INSTANTIATE_STORAGE(bias_backward);

}  // namespace recpo::kernels
