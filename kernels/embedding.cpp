#include "kernels/embedding.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void embedding_forward(const ExecSpace& exec, Vector<const int> tokens, Matrix<const T> table, Matrix<T> out,
                       int first_token) {
  const int hidden = static_cast<int>(out.extent(1)), rows = static_cast<int>(table.extent(0));
  for_each_packed_row<T>(
      exec, "recpo::embedding::forward", out.extent(0), hidden, packable(hidden, table, out),
      KOKKOS_LAMBDA(const Row& row) {
        const int place = tokens(row.index()) - first_token;
        T* target = &out(row.index(), 0);
        if (place < 0 || place >= rows) {
          row.for_each(hidden, [&](int h) { target[h] = 0; });
        } else {
          const T* source = &table(place, 0);
          row.template for_each_pack<T>(hidden, [&](auto h) { store(target, h, load(source, h)); });
        }
      });
}

// A frequent token (a line break) owns a large share of the rows, so a group is cut into column strips as well.
template <class T>
void embedding_backward(const ExecSpace& exec, Vector<const int> group_token, Vector<const int> group_begin,
                        Vector<const int> order, Matrix<const T> d_out, Matrix<Accumulate<T>> d_table,
                        int first_token) {
  constexpr int kStrip = kRowsOnHost ? 128 : 1024;
  const int hidden = static_cast<int>(d_out.extent(1)), rows = static_cast<int>(d_table.extent(0));
  const std::int64_t groups = group_token.extent(0), strips = (hidden + kStrip - 1) / kStrip;
  for_each_packed_row<T>(
      exec, "recpo::embedding::backward", groups * strips, kStrip, packable(hidden, d_out, d_table),
      KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t group = row.index() / strips;
        const int first_column = static_cast<int>(row.index() % strips) * kStrip;
        const int columns = hidden - first_column < kStrip ? hidden - first_column : kStrip;
        const int place = group_token(group) - first_token;
        if (place < 0 || place >= rows) return;
        Accumulate<T>* target = &d_table(place, first_column);
        const int begin = group_begin(group), end = group_begin(group + 1);
        if (kRowsOnHost) {
          for (int k = begin; k < end; ++k) {
            const T* source = &d_out(order(k), first_column);
            row.for_each(columns, [&](int h) { target[h] += source[h]; });
          }
        } else {  // the same sum in registers
          row.template for_each_pack<T>(columns, [&](auto h) {
            auto sum = load(target, h);
            for (int k = begin; k < end; ++k) sum = sum + load(&d_out(order(k), first_column), h);
            store(target, h, sum);
          });
        }
      });
}

RECPO_INSTANTIATE_STORAGE(embedding_forward);
RECPO_INSTANTIATE_STORAGE(embedding_backward);

template <class T>
void item_scores_forward(const ExecSpace& exec, Vector<const int> items, Matrix<const T> table, Matrix<const T> state,
                         Matrix<T> score) {
  const int hidden = static_cast<int>(state.extent(1));
  const std::int64_t choices = score.extent(1);
  for_each_row(
      exec, "recpo::embedding::item_scores_forward", items.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t sequence = row.index() / choices;
        const T *s = &state(sequence, 0), *v = &table(items(row.index()), 0);
        const T sum = row.sum<T>(hidden, [&](int h) { return s[h] * v[h]; });
        row.once([&]() { score(sequence, row.index() % choices) = sum; });
      });
}

template <class T>
void item_scores_backward(const ExecSpace& exec, Vector<const int> items, Matrix<const T> table, Matrix<const T> state,
                          Matrix<const T> d_score, Matrix<T> d_state, Matrix<T> d_rows) {
  const int hidden = static_cast<int>(state.extent(1)), choices = static_cast<int>(d_score.extent(1));
  for_each_row(
      exec, "recpo::embedding::item_scores_backward", state.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
        const T* s = &state(row.index(), 0);
        T* d = &d_state(row.index(), 0);
        row.for_each(hidden, [&](int h) { d[h] = 0; });
        for (int c = 0; c < choices; ++c) {
          const std::int64_t at = row.index() * choices + c;
          const T weight = d_score(row.index(), c);
          const T* v = &table(items(at), 0);
          T* d_row = &d_rows(at, 0);
          row.for_each(hidden, [&](int h) {
            d[h] += weight * v[h];
            d_row[h] = weight * s[h];
          });
        }
      });
}

RECPO_INSTANTIATE_SUMS(item_scores_forward);
RECPO_INSTANTIATE_SUMS(item_scores_backward);

}  // namespace recpo::kernels
