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

#define RECPO_INSTANTIATE(T)                                                                                     \
  template void embedding_forward<T>(const ExecSpace&, Vector<const int>, Matrix<const T>, Matrix<T>, int);      \
  template void embedding_backward<T>(const ExecSpace&, Vector<const int>, Vector<const int>, Vector<const int>, \
                                      Matrix<const T>, Matrix<Accumulate<T>>, int);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
