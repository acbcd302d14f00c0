#include "kernels/rms_norm.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {

namespace {

// Rows whose share of d_weight is formed by one unit of work. Part of the result's bits: never derived from the
// number of threads.
constexpr int kChunkRows = 16;

std::int64_t row_chunks(std::int64_t tokens) { return (tokens + kChunkRows - 1) / kChunkRows; }

}  // namespace

template <class T>
void rms_norm_forward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, double eps, Matrix<T> y,
                      Vector<Accumulate<T>> inverse_rms) {
  using Sum = Accumulate<T>;
  const int hidden = static_cast<int>(x.extent(1));
  const Sum epsilon = static_cast<Sum>(eps);
  const T* w = weight.data();
  for_each_row(
      exec, "recpo::rms_norm::forward", x.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        const T* x_row = &x(row.index(), 0);
        T* y_row = &y(row.index(), 0);
        const Sum squares = row.sum<Sum>(hidden, [&](int h) { return static_cast<Sum>(x_row[h]) * x_row[h]; });
        const Sum r = 1 / Kokkos::sqrt(squares / hidden + epsilon);
        row.for_each(hidden, [&](int h) { y_row[h] = x_row[h] * r * w[h]; });
        row.once([&]() { inverse_rms(row.index()) = r; });
      });
}

std::int64_t rms_norm_workspace(std::int64_t tokens, std::int64_t hidden) { return row_chunks(tokens) * hidden; }

namespace {

// dx, and one row of d_weight's sum for each chunk of rows: x and dy are read once for both.
template <class T>
void backward_chunks(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight,
                     Vector<const Accumulate<T>> inverse_rms, Matrix<const T> dy, Matrix<T> dx,
                     Accumulate<T>* chunk_d_weight) {
  using Sum = Accumulate<T>;
  const int hidden = static_cast<int>(x.extent(1));
  const std::int64_t tokens = x.extent(0);
  const T* w = weight.data();
  for_each_row(
      exec, "recpo::rms_norm::backward", row_chunks(tokens), hidden, KOKKOS_LAMBDA(const Row& chunk) {
        const std::int64_t begin = chunk.index() * kChunkRows;
        const std::int64_t end = begin + kChunkRows < tokens ? begin + kChunkRows : tokens;
        Sum* dw = chunk_d_weight + chunk.index() * hidden;
        chunk.for_each(hidden, [&](int h) { dw[h] = 0; });
        for (std::int64_t t = begin; t < end; ++t) {
          const T *x_row = &x(t, 0), *dy_row = &dy(t, 0);
          T* dx_row = &dx(t, 0);
          const Sum r = inverse_rms(t);
          const Sum dot = chunk.sum<Sum>(hidden, [&](int h) { return static_cast<Sum>(dy_row[h]) * w[h] * x_row[h]; });
          const Sum pull = r * r * (dot / hidden);
          chunk.for_each(hidden, [&](int h) {
            dx_row[h] += r * (static_cast<Sum>(dy_row[h]) * w[h] - x_row[h] * pull);
            dw[h] += static_cast<Sum>(dy_row[h]) * x_row[h] * r;
          });
        }
      });
}

// d_weight += the chunks in order, by column strips.
template <class T>
void add_chunks(const ExecSpace& exec, std::int64_t chunks, T* chunk_d_weight, Vector<T> d_weight) {
  constexpr int kStrip = 128;
  const int hidden = static_cast<int>(d_weight.extent(0));
  T* target = d_weight.data();
  for_each_row(
      exec, "recpo::rms_norm::d_weight", (hidden + kStrip - 1) / kStrip, kStrip, KOKKOS_LAMBDA(const Row& strip) {
        const std::int64_t begin = strip.index() * kStrip;
        const int columns = static_cast<int>(hidden - begin < kStrip ? hidden - begin : kStrip);
        T* sum = chunk_d_weight + begin;
        for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
          const T* part = sum + chunk * hidden;
          strip.for_each(columns, [&](int h) { sum[h] += part[h]; });
        }
        strip.for_each(columns, [&](int h) { target[begin + h] += sum[h]; });
      });
}

}  // namespace

template <class T>
void rms_norm_backward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight,
                       Vector<const Accumulate<T>> inverse_rms, Matrix<const T> dy, Matrix<T> dx,
                       Vector<Accumulate<T>> d_weight, Vector<Accumulate<T>> workspace) {
  const std::int64_t chunks = row_chunks(x.extent(0));
  if (chunks == 0) return;
  backward_chunks<T>(exec, x, weight, inverse_rms, dy, dx, workspace.data());
  if (d_weight.extent(0) > 0) add_chunks<Accumulate<T>>(exec, chunks, workspace.data(), d_weight);
}

#define RECPO_INSTANTIATE(T)                                                                                          \
  template void rms_norm_forward<T>(const ExecSpace&, Matrix<const T>, Vector<const T>, double, Matrix<T>,            \
                                    Vector<Accumulate<T>>);                                                           \
  template void rms_norm_backward<T>(const ExecSpace&, Matrix<const T>, Vector<const T>, Vector<const Accumulate<T>>, \
                                     Matrix<const T>, Matrix<T>, Vector<Accumulate<T>>, Vector<Accumulate<T>>);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
