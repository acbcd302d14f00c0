#include "kernels/item_scores.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void item_scores_forward(const ExecSpace& exec, Vector<const int> items, Matrix<const T> table, Matrix<const T> state,
                         Matrix<T> score) {
  const int hidden = static_cast<int>(state.extent(1));
  const std::int64_t choices = score.extent(1);
  for_each_row(
      exec, "recpo::item_scores::forward", items.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
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
      exec, "recpo::item_scores::backward", state.extent(0), hidden, KOKKOS_LAMBDA(const Row& row) {
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

#define RECPO_INSTANTIATE(T)                                                                                   \
  template void item_scores_forward<T>(const ExecSpace&, Vector<const int>, Matrix<const T>, Matrix<const T>,  \
                                       Matrix<T>);                                                             \
  template void item_scores_backward<T>(const ExecSpace&, Vector<const int>, Matrix<const T>, Matrix<const T>, \
                                        Matrix<const T>, Matrix<T>, Matrix<T>);
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
