#include "kernels/reductions.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void square_sum_chunks(const ExecSpace& exec, Vector<const T> x, std::int64_t chunk, Vector<double> partial) {
  const std::int64_t n = x.extent(0);
  const T* x_data = x.data();
  for_each_packed_row<T>(
      exec, "recpo::reductions::square_sum", (n + chunk - 1) / chunk, chunk, packable(chunk, x),
      KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t begin = row.index() * chunk;
        const int count = static_cast<int>(n - begin < chunk ? n - begin : chunk);
        const T* own = x_data + begin;
        const double sum = row.template sum_packs<T, double>(count, [&](auto i) {
          const auto value = as<double>(load(own, i));
          return value * value;
        });
        row.once([&]() { partial(row.index()) = sum; });
      });
}

template <class From, class To>
void convert(const ExecSpace& exec, Vector<const From> x, Vector<To> y) {
  const From* x_data = x.data();
  To* y_data = y.data();
  const std::int64_t n = y.extent(0);
  using Short = std::conditional_t<sizeof(From) < sizeof(To), From, To>;
  for_each_packed_row<Short>(
      exec, "recpo::reductions::convert", ElementChunk::number(n), ElementChunk::kSize,
      packable(ElementChunk::kSize, x, y), KOKKOS_LAMBDA(const Row& row) {
        const ElementChunk chunk(row.index(), n);
        row.template for_each_pack<Short>(
            chunk.count, [&](auto i) { store(y_data, chunk.begin + i, load(x_data, chunk.begin + i)); });
      });
}

template <class T>
void add(const ExecSpace& exec, Vector<const T> x, Vector<T> y) {
  const T* x_data = x.data();
  T* y_data = y.data();
  const std::int64_t n = y.extent(0);
  for_each_packed_row<T>(
      exec, "recpo::reductions::add", ElementChunk::number(n), ElementChunk::kSize, packable(ElementChunk::kSize, x, y),
      KOKKOS_LAMBDA(const Row& row) {
        const ElementChunk chunk(row.index(), n);
        row.template for_each_pack<T>(chunk.count, [&](auto i) {
          const auto at = chunk.begin + i;
          store(y_data, at, load(y_data, at) + load(x_data, at));
        });
      });
}

template <class T>
void gather_rows(const ExecSpace& exec, Vector<const int> rows, Matrix<const T> x, Matrix<T> out) {
  const int width = static_cast<int>(out.extent(1));
  for_each_packed_row<T>(
      exec, "recpo::reductions::gather_rows", rows.extent(0), width, packable(width, x, out),
      KOKKOS_LAMBDA(const Row& row) {
        const T* source = &x(rows(row.index()), 0);
        T* target = &out(row.index(), 0);
        row.template for_each_pack<T>(width, [&](auto i) { store(target, i, load(source, i)); });
      });
}

template <class T>
void scatter_add_rows(const ExecSpace& exec, Vector<const int> rows, Matrix<const T> y, Matrix<T> x) {
  const int width = static_cast<int>(y.extent(1));
  for_each_packed_row<T>(
      exec, "recpo::reductions::scatter_add_rows", rows.extent(0), width, packable(width, x, y),
      KOKKOS_LAMBDA(const Row& row) {
        const T* source = &y(row.index(), 0);
        T* target = &x(rows(row.index()), 0);
        row.template for_each_pack<T>(width, [&](auto i) { store(target, i, load(target, i) + load(source, i)); });
      });
}

template decltype(convert<Bfloat16, float>) convert<Bfloat16, float>;
template decltype(convert<float, Bfloat16>) convert<float, Bfloat16>;

RECPO_INSTANTIATE_SUMS(square_sum_chunks);

RECPO_INSTANTIATE_STORAGE(add);
RECPO_INSTANTIATE_STORAGE(gather_rows);
RECPO_INSTANTIATE_STORAGE(scatter_add_rows);

void pad_rows(const ExecSpace& exec, const SequenceRows& sequences, Matrix<const Bfloat16> packed,
              Matrix<Bfloat16> padded) {
  const int width = static_cast<int>(packed.extent(1));
  for_each_packed_row<Bfloat16>(
      exec, "recpo::reductions::pad_rows", std::int64_t{sequences.batch} * sequences.rows, width,
      packable(width, packed, padded), KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t sequence = row.index() / sequences.rows, local = row.index() % sequences.rows;
        const bool exists = local < sequences.lengths[sequence];
        const Bfloat16* source = exists ? &packed(sequences.begins[sequence] + local, 0) : nullptr;
        Bfloat16* target = &padded(row.index(), 0);
        row.template for_each_pack<Bfloat16>(width, [&](auto i) {
          using Value = decltype(load(source, i));
          store(target, i, exists ? load(source, i) : Value{});
        });
      });
}

void unpad_rows(const ExecSpace& exec, const SequenceRows& sequences, Matrix<const Bfloat16> padded,
                Matrix<Bfloat16> packed) {
  const int width = static_cast<int>(packed.extent(1));
  for_each_packed_row<Bfloat16>(
      exec, "recpo::reductions::unpad_rows", std::int64_t{sequences.batch} * sequences.rows, width,
      packable(width, packed, padded), KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t sequence = row.index() / sequences.rows, local = row.index() % sequences.rows;
        if (local >= sequences.lengths[sequence]) return;
        const Bfloat16* source = &padded(row.index(), 0);
        Bfloat16* target = &packed(sequences.begins[sequence] + local, 0);
        row.template for_each_pack<Bfloat16>(width, [&](auto i) { store(target, i, load(source, i)); });
      });
}

}  // namespace recpo::kernels
