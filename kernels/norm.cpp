#include "kernels/norm.hpp"

#include "kernels/bias.hpp"
#include "kernels/reductions.hpp"
#include "kernels/row.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels {

namespace {

// Rows whose share of d_weight is formed by one unit of work. Part of the result's bits: never derived from the
// number of threads.
constexpr int kNormChunkRows = 16;

std::int64_t norm_chunks(std::int64_t tokens) { return (tokens + kNormChunkRows - 1) / kNormChunkRows; }

}  // namespace

template <class T>
void rms_norm_forward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, double eps, Matrix<T> y,
                      Vector<Accumulate<T>> inverse_rms) {
  using Sum = Accumulate<T>;
  const int hidden = static_cast<int>(x.extent(1));
  const Sum epsilon = static_cast<Sum>(eps);
  const T* w = weight.data();
  for_each_packed_row<T>(
      exec, "recpo::norm::rms_forward", x.extent(0), hidden, packable(hidden, x, weight, y),
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

std::int64_t rms_norm_workspace(std::int64_t tokens, std::int64_t hidden) { return norm_chunks(tokens) * hidden; }

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
  const Matrix<Sum> chunk_sums(chunk_d_weight, norm_chunks(tokens), hidden);
  for_each_packed_row<T>(
      exec, "recpo::norm::rms_backward", norm_chunks(tokens), hidden, packable(hidden, x, weight, dy, dx, chunk_sums),
      KOKKOS_LAMBDA(const Row& chunk) {
        const std::int64_t begin = chunk.index() * kNormChunkRows;
        const std::int64_t end = begin + kNormChunkRows < tokens ? begin + kNormChunkRows : tokens;
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
      exec, "recpo::norm::rms_fold", (chunks + group - 1) / group, hidden, packable(hidden, all),
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
  const std::int64_t chunks = norm_chunks(x.extent(0));
  if (chunks == 0) return;
  backward_chunks<T>(exec, x, weight, inverse_rms, dy, dx, workspace.data());
  if (d_weight.extent(0) > 0) add_chunks<Accumulate<T>>(exec, chunks, workspace.data(), d_weight);
}

RECPO_INSTANTIATE_STORAGE(rms_norm_forward);
RECPO_INSTANTIATE_STORAGE(rms_norm_backward);

template <class T>
void head_norm_forward(const ExecSpace& exec, Vector<const T> weight, double eps, Matrix<T> x, Matrix<T> before,
                       Matrix<Accumulate<T>> inverse_rms) {
  using Sum = Accumulate<T>;
  const int head_dim = static_cast<int>(weight.extent(0));
  const std::int64_t heads = inverse_rms.extent(1);
  const Sum epsilon = static_cast<Sum>(eps);
  const T* w = weight.data();
  for_each_row(
      exec, "recpo::norm::head_forward", x.extent(0) * heads, head_dim, KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t t = row.index() / heads, head = row.index() % heads;
        T *x_head = &x(t, head * head_dim), *kept = &before(t, head * head_dim);
        const Sum squares = row.sum<Sum>(head_dim, [&](int d) { return Sum(x_head[d]) * Sum(x_head[d]); });
        const Sum r = 1 / Kokkos::sqrt(squares / head_dim + epsilon);
        row.for_each(head_dim, [&](int d) {
          kept[d] = x_head[d];
          x_head[d] = static_cast<T>(Sum(kept[d]) * r * Sum(w[d]));
        });
        row.once([&]() { inverse_rms(t, head) = r; });
      });
}

std::int64_t head_norm_workspace(std::int64_t tokens, std::int64_t head_dim) {
  return norm_chunks(tokens) * head_dim + bias_workspace(norm_chunks(tokens), head_dim);
}

// A unit of work has all heads of some rows, whose terms of d_weight it adds one after the other.
template <class T>
void head_norm_backward(const ExecSpace& exec, Vector<const T> weight, Matrix<const T> before,
                        Matrix<const Accumulate<T>> inverse_rms, Matrix<T> dx, Vector<Accumulate<T>> d_weight,
                        Vector<Accumulate<T>> workspace) {
  using Sum = Accumulate<T>;
  const int head_dim = static_cast<int>(weight.extent(0)), heads = static_cast<int>(inverse_rms.extent(1));
  const std::int64_t tokens = dx.extent(0), chunks = norm_chunks(tokens);
  RECPO_REQUIRE(static_cast<std::int64_t>(workspace.extent(0)) >= head_norm_workspace(tokens, head_dim));
  const Matrix<Sum> chunk_sums(workspace.data(), chunks, head_dim);
  const T* w = weight.data();
  for_each_row(
      exec, "recpo::norm::head_backward", chunks, head_dim, KOKKOS_LAMBDA(const Row& chunk) {
        const std::int64_t begin = chunk.index() * kNormChunkRows;
        const std::int64_t end = begin + kNormChunkRows < tokens ? begin + kNormChunkRows : tokens;
        Sum* dw = &chunk_sums(chunk.index(), 0);
        chunk.for_each(head_dim, [&](int d) { dw[d] = 0; });
        for (std::int64_t t = begin; t < end; ++t) {
          for (int head = 0; head < heads; ++head) {
            const T* x = &before(t, head * head_dim);
            T* gradient = &dx(t, head * head_dim);
            const Sum r = inverse_rms(t, head);
            const Sum dot = chunk.sum<Sum>(head_dim, [&](int d) { return Sum(gradient[d]) * Sum(w[d]) * Sum(x[d]); });
            const Sum pull = r * r * (dot / head_dim);
            chunk.for_each(head_dim, [&](int d) {
              const Sum dy = gradient[d];
              gradient[d] = static_cast<T>(r * (dy * Sum(w[d]) - Sum(x[d]) * pull));
              dw[d] += dy * Sum(x[d]) * r;
            });
          }
        }
      });
  if (d_weight.extent(0) == 0 || chunks == 0) return;
  bias_backward<Sum>(exec, chunk_sums, d_weight,
                     Vector<Sum>(workspace.data() + chunks * head_dim, bias_workspace(chunks, head_dim)));
}

RECPO_INSTANTIATE_STORAGE(head_norm_forward);
RECPO_INSTANTIATE_STORAGE(head_norm_backward);

template <class T>
void layer_norm_forward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, Vector<const T> bias,
                        double eps, Matrix<T> y, Vector<T> mean, Vector<T> inverse_deviation) {
  const int hidden = static_cast<int>(x.extent(1));
  const T epsilon = static_cast<T>(eps);
  const T *w = weight.data(), *b = bias.data();
  for_each_row(
      exec, "recpo::norm::layer_forward", x.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
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
      exec, "recpo::norm::layer_backward", x.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
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

RECPO_INSTANTIATE_SUMS(layer_norm_forward);
RECPO_INSTANTIATE_SUMS(layer_norm_backward);

}  // namespace recpo::kernels
