#include "kernels/reductions.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void square_sum_chunks(const ExecSpace& exec, Vector<const T> x, std::int64_t chunk, Vector<double> partial) {
  const std::int64_t n = x.extent(0);
  const T* x_data = x.data();
  for_each_row(
      exec, "recpo::reductions::square_sum", (n + chunk - 1) / chunk, chunk, KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t begin = row.index() * chunk;
        const int count = static_cast<int>(n - begin < chunk ? n - begin : chunk);
        const T* own = x_data + begin;
        const double sum = row.sum<double>(count, [&](int i) { return static_cast<double>(own[i]) * own[i]; });
        row.once([&]() { partial(row.index()) = sum; });
      });
}

template <class From, class To>
void convert(const ExecSpace& exec, Vector<const From> x, Vector<To> y) {
  const From* x_data = x.data();
  To* y_data = y.data();
  for_each_element(
      exec, "recpo::reductions::convert", y.extent(0),
      KOKKOS_LAMBDA(std::int64_t i) { y_data[i] = static_cast<To>(x_data[i]); });
}

template <class T>
void add(const ExecSpace& exec, Vector<const T> x, Vector<T> y) {
  const T* x_data = x.data();
  T* y_data = y.data();
  for_each_element(
      exec, "recpo::reductions::add", y.extent(0), KOKKOS_LAMBDA(std::int64_t i) { y_data[i] += x_data[i]; });
}

template <class T>
void gather_rows(const ExecSpace& exec, Vector<const int> rows, Matrix<const T> x, Matrix<T> out) {
  const int width = static_cast<int>(out.extent(1));
  for_each_row(
      exec, "recpo::reductions::gather_rows", rows.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        const T* source = &x(rows(row.index()), 0);
        T* target = &out(row.index(), 0);
        row.for_each(width, [&](int i) { target[i] = source[i]; });
      });
}

template <class T>
void scatter_add_rows(const ExecSpace& exec, Vector<const int> rows, Matrix<const T> y, Matrix<T> x) {
  const int width = static_cast<int>(y.extent(1));
  for_each_row(
      exec, "recpo::reductions::scatter_add_rows", rows.extent(0), width, KOKKOS_LAMBDA(const Row& row) {
        const T* source = &y(row.index(), 0);
        T* target = &x(rows(row.index()), 0);
        row.for_each(width, [&](int i) { target[i] += source[i]; });
      });
}

template void convert<Bfloat16, float>(const ExecSpace&, Vector<const Bfloat16>, Vector<float>);
template void convert<float, Bfloat16>(const ExecSpace&, Vector<const float>, Vector<Bfloat16>);

#define RECPO_INSTANTIATE(T) \
  template void square_sum_chunks<T>(const ExecSpace&, Vector<const T>, std::int64_t, Vector<double>);
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

#define RECPO_INSTANTIATE(T)                                                                     \
  template void add<T>(const ExecSpace&, Vector<const T>, Vector<T>);                            \
  template void gather_rows<T>(const ExecSpace&, Vector<const int>, Matrix<const T>, Matrix<T>); \
  template void scatter_add_rows<T>(const ExecSpace&, Vector<const int>, Matrix<const T>, Matrix<T>);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
