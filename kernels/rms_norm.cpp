#include "kernels/rms_norm.hpp"

#include "kernels/reductions.hpp"
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
  for_each_packed_row<T>(
      exec, "recpo::rms_norm::forward", x.extent(0), hidden, packable(hidden, x, weight, y),
      KOKKOS_LAMBDA(const Row& row) {
        const T* x_row = &x(row.index(), 0);
        T* y_row = &y(row.index(), 0);
        const Sum squares = row.template sum_packs<T, Sum>(hidden, [&](auto h) {
          const auto value = load(x_row, h);
          return value * value;
        });
        const Sum r = 1 / Kokkos::sqrt(squares / hidden + epsilon);
        row.template for_each_pack<T>(hidden, [&](auto h) { store(y_row, h, load(x_row, h) * r * load(w, h)); });
        row.once([&]() { inverse_rms(row.index()) = r; });
      });
}

std::int64_t rms_norm_workspace(std::int64_t tokens, std::int64_t hidden) { return row_chunks(tokens) * hidden; }

namespace {

// What the backward pass of row t needs: dx += r (dy w - x pull), dw += dy x r.
template <class T>
struct BackwardRow {
  const T *x, *dy;
  T* dx;
  Accumulate<T> r, pull;  // pull = r^2 (dy w . x) / H

  KOKKOS_FUNCTION BackwardRow(const Matrix<const T>& x_rows, const Vector<const Accumulate<T>>& inverse_rms,
                              const Matrix<const T>& dy_rows, const Matrix<T>& dx_rows, std::int64_t t,
                              Accumulate<T> dot)
      : x(&x_rows(t, 0)), dy(&dy_rows(t, 0)), dx(&dx_rows(t, 0)), r(inverse_rms(t)) {
    pull = r * r * (dot / static_cast<int>(x_rows.extent(1)));
  }

  template <class Index, class Value>
  KOKKOS_FORCEINLINE_FUNCTION void apply(Index h, const Value& weight, Value& dw) const {
    const auto x_h = load(x, h), dy_h = load(dy, h);
    store(dx, h, load(dx, h) + r * (dy_h * weight - x_h * pull));
    dw = dw + dy_h * x_h * r;
  }
};

// dx, and one row of d_weight's sum for each chunk of rows: x and dy are read once for both.
template <class T>
void backward_chunks(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight,
                     Vector<const Accumulate<T>> inverse_rms, Matrix<const T> dy, Matrix<T> dx,
                     Accumulate<T>* chunk_d_weight) {
  using Sum = Accumulate<T>;
  const int hidden = static_cast<int>(x.extent(1));
  const std::int64_t tokens = x.extent(0);
  const T* w = weight.data();
  const Matrix<Sum> chunk_sums(chunk_d_weight, row_chunks(tokens), hidden);
  for_each_packed_row<T>(
      exec, "recpo::rms_norm::backward", row_chunks(tokens), hidden, packable(hidden, x, weight, dy, dx, chunk_sums),
      KOKKOS_LAMBDA(const Row& chunk) {
        const std::int64_t begin = chunk.index() * kChunkRows;
        const std::int64_t end = begin + kChunkRows < tokens ? begin + kChunkRows : tokens;
        Sum* dw = &chunk_sums(chunk.index(), 0);
        chunk.template for_each_pack<T>(
            hidden, [&](auto h) { store(dw, h, on_lanes([](Sum) { return Sum(0); }, load(w, h))); });
        std::int64_t t = begin;
        if (!kRowsOnHost) {  // no "if constexpr": nvcc would not let the lambda capture in it
          // Four rows at a time: dw goes to memory once for them. On the host a row's dw stays in the first-level
          // cache.
          for (; t + 4 <= end; t += 4) {
            const auto dots = chunk.template several_sums<T, Sum, 4>(
                hidden, [&](int k, auto h) { return load(&dy(t + k, 0), h) * load(w, h) * load(&x(t + k, 0), h); });
            const auto row = [&](int k) { return BackwardRow<T>(x, inverse_rms, dy, dx, t + k, dots.lane[k]); };
            const BackwardRow<T> a = row(0), b = row(1), c = row(2), d = row(3);
            chunk.template for_each_pack<T>(hidden, [&](auto h) {
              const auto weight = load(w, h);
              auto sum = load(dw, h);
              a.apply(h, weight, sum);
              b.apply(h, weight, sum);
              c.apply(h, weight, sum);
              d.apply(h, weight, sum);
              store(dw, h, sum);
            });
          }
        }
        for (; t < end; ++t) {
          const T *x_row = &x(t, 0), *dy_row = &dy(t, 0);
          const Sum dot = chunk.template sum_packs<T, Sum>(
              hidden, [&](auto h) { return load(dy_row, h) * load(w, h) * load(x_row, h); });
          const BackwardRow<T> row(x, inverse_rms, dy, dx, t, dot);
          chunk.template for_each_pack<T>(hidden, [&](auto h) {
            auto sum = load(dw, h);
            row.apply(h, load(w, h), sum);
            store(dw, h, sum);
          });
        }
      });
}

// Chunks whose sums are added in one pass over them.
constexpr int kFold = 8;

// The first of every kFold chunks, `stride` apart, becomes their sum.
template <class T>
void fold_chunks(const ExecSpace& exec, std::int64_t chunks, std::int64_t stride, std::int64_t hidden, T* sums) {
  const int width = static_cast<int>(hidden);
  const std::int64_t group = kFold * stride;
  const Matrix<T> all(sums, chunks, hidden);
  for_each_packed_row<T>(
      exec, "recpo::rms_norm::fold", (chunks + group - 1) / group, hidden, packable(hidden, all),
      KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t begin = row.index() * group, left = (chunks - begin + stride - 1) / stride;
        T* target = &all(begin, 0);
        if (left >= kFold) {
          row.template for_each_pack<T>(width, [&](auto h) {
            auto sum = load(target, h);
            for (int k = 1; k < kFold; ++k) sum = sum + load(target + k * stride * hidden, h);
            store(target, h, sum);
          });
        } else {
          row.template for_each_pack<T>(width, [&](auto h) {
            auto sum = load(target, h);
            for (int k = 1; k < left; ++k) sum = sum + load(target + k * stride * hidden, h);
            store(target, h, sum);
          });
        }
      });
}

// d_weight += the sum of the chunks, along a tree that depends on their number only.
template <class T>
void add_chunks(const ExecSpace& exec, std::int64_t chunks, T* chunk_d_weight, Vector<T> d_weight) {
  const std::int64_t hidden = d_weight.extent(0);
  for (std::int64_t stride = 1; stride < chunks; stride *= kFold) {
    fold_chunks(exec, chunks, stride, hidden, chunk_d_weight);
  }
  add<T>(exec, Vector<const T>(chunk_d_weight, hidden), d_weight);
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
