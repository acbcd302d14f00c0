#include "kernels/attention_padding.hpp"

#include "kernels/row.hpp"

namespace recpo::kernels {

void pad_rows(const ExecSpace& exec, const SequenceRows& sequences, Matrix<const Bfloat16> packed,
              Matrix<Bfloat16> padded) {
  const int width = static_cast<int>(packed.extent(1));
  for_each_packed_row<Bfloat16>(
      exec, "recpo::attention::pad_rows", std::int64_t{sequences.batch} * sequences.rows, width,
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
      exec, "recpo::attention::unpad_rows", std::int64_t{sequences.batch} * sequences.rows, width,
      packable(width, packed, padded), KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t sequence = row.index() / sequences.rows, local = row.index() % sequences.rows;
        if (local >= sequences.lengths[sequence]) return;
        const Bfloat16* source = &padded(row.index(), 0);
        Bfloat16* target = &packed(sequences.begins[sequence] + local, 0);
        row.template for_each_pack<Bfloat16>(width, [&](auto i) { store(target, i, load(source, i)); });
      });
}

}  // namespace recpo::kernels
