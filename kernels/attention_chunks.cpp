#include "kernels/attention_chunks.hpp"

#include "kernels/math.hpp"
#include "kernels/row.hpp"

namespace recpo::kernels {

namespace {

// Chunks that travel to the device inside the kernel's functor, so that nothing has to be uploaded or waited for.
struct ChunkTable {
  static constexpr int kCapacity = 32;
  int count = 0;
  std::int64_t rows = 0;                   // of all chunks and heads
  std::int64_t row_begin[kCapacity] = {};  // first of each chunk
  AttentionChunk chunk[kCapacity];
};

// One score row of one head.
struct ScoreRow {
  std::int64_t query = 0, scores = 0;
  int head = 0, keys = 0;
  // Visible keys: [0, prefix) and [own_begin, own_end), counted from the chunk's first key, disjoint.
  int prefix = 0, own_begin = 0, own_end = 0;
};

KOKKOS_INLINE_FUNCTION int clamp_key(std::int64_t key, std::int64_t low, std::int64_t high) {
  return static_cast<int>(key < low ? low : key > high ? high : key);
}

KOKKOS_INLINE_FUNCTION ScoreRow locate(const ChunkTable& table, const AttentionMask& mask, std::int64_t index) {
  int c = 0;
  while (c + 1 < table.count && index >= table.row_begin[c + 1]) ++c;
  const AttentionChunk& chunk = table.chunk[c];
  const std::int64_t local = index - table.row_begin[c];
  ScoreRow row;
  row.query = chunk.query_begin + local % chunk.rows;
  row.scores = chunk.scores + local * chunk.stride;
  row.head = static_cast<int>(local / chunk.rows);
  row.keys = static_cast<int>(chunk.keys);
  row.prefix = clamp_key(mask.prefix_end(row.query) - chunk.key_begin, 0, chunk.keys);
  row.own_begin = clamp_key(mask.own_begin(row.query) - chunk.key_begin, row.prefix, chunk.keys);
  row.own_end = clamp_key(mask.own_end(row.query) - chunk.key_begin, row.own_begin, chunk.keys);
  return row;
}

// f(table) for the round's chunks, as many at a time as a table holds.
template <class F>
void for_each_table(const AttentionShape& shape, const AttentionRound& round, const F& f) {
  ChunkTable table;
  for (std::size_t i = 0; i < round.size(); ++i) {
    table.row_begin[table.count] = table.rows;
    table.chunk[table.count++] = round[i];
    table.rows += shape.heads * round[i].rows;
    if (table.count < ChunkTable::kCapacity && i + 1 < round.size()) continue;
    f(table);
    table = ChunkTable{};
  }
}

std::int64_t most_keys(const ChunkTable& table) {
  std::int64_t keys = 0;
  for (int c = 0; c < table.count; ++c) keys = std::max(keys, table.chunk[c].keys);
  return keys;
}

template <class T>
void softmax(const ExecSpace& exec, const ChunkTable& table, const AttentionMask& mask, Accumulate<T>* scores,
             T* weights, Matrix<Accumulate<T>> lse) {
  using Sum = Accumulate<T>;
  for_each_row(
      exec, "recpo::attention::softmax", table.rows, most_keys(table), KOKKOS_LAMBDA(const Row& row) {
        const ScoreRow at = locate(table, mask, row.index());
        const int own_keys = at.own_end - at.own_begin;
        Sum* prefix = scores + at.scores;
        Sum* own = prefix + at.own_begin;
        T* weight = weights + at.scores;
        const Sum prefix_max = row.template max<Sum>(at.prefix, [&](int i) { return prefix[i]; });
        const Sum own_max = row.template max<Sum>(own_keys, [&](int i) { return own[i]; });
        const Sum largest = prefix_max > own_max ? prefix_max : own_max;
        const auto exponentiate = [=](Sum* s) {
          return [=](int i) {
            const Sum e = exp(s[i] - largest);
            s[i] = e;
            return e;
          };
        };
        const Sum sum =
            row.template sum<Sum>(at.prefix, exponentiate(prefix)) + row.template sum<Sum>(own_keys, exponentiate(own));
        const Sum inverse = 1 / sum;
        row.for_each(at.prefix, [&](int i) { weight[i] = prefix[i] * inverse; });
        row.for_each(own_keys, [&](int i) { weight[at.own_begin + i] = own[i] * inverse; });
        row.for_each(at.own_begin - at.prefix, [&](int i) { weight[at.prefix + i] = 0; });
        row.for_each(at.keys - at.own_end, [&](int i) { weight[at.own_end + i] = 0; });
        row.once([&] { lse(at.query, at.head) = largest + Kokkos::log(sum); });
      });
}

template <class T>
void softmax_backward(const ExecSpace& exec, const ChunkTable& table, const AttentionMask& mask, int head_dim,
                      Matrix<const T> out, Matrix<const T> d_out, Matrix<const Accumulate<T>> lse, Accumulate<T> scale,
                      const Accumulate<T>* scores, const Accumulate<T>* d_weights, T* weights, T* d_scores) {
  using Sum = Accumulate<T>;
  for_each_row(
      exec, "recpo::attention::softmax_backward", table.rows, most_keys(table), KOKKOS_LAMBDA(const Row& row) {
        const ScoreRow at = locate(table, mask, row.index());
        const T* out_head = &out(at.query, at.head * head_dim);
        const T* d_out_head = &d_out(at.query, at.head * head_dim);
        const Sum delta = row.template sum<Sum>(head_dim, [&](int d) { return Sum(d_out_head[d]) * Sum(out_head[d]); });
        const Sum log_sum = lse(at.query, at.head);
        const Sum* s = scores + at.scores;
        const Sum* dp = d_weights + at.scores;
        T* p = weights + at.scores;
        T* ds = d_scores + at.scores;
        const auto differentiate = [=](int i) {
          const Sum weight = exp(s[i] - log_sum);
          p[i] = weight;
          ds[i] = scale * weight * (dp[i] - delta);
        };
        const auto clear = [=](int i) {
          p[i] = 0;
          ds[i] = 0;
        };
        row.for_each(at.prefix, differentiate);
        row.for_each(at.own_begin - at.prefix, [&](int i) { clear(at.prefix + i); });
        row.for_each(at.own_end - at.own_begin, [&](int i) { differentiate(at.own_begin + i); });
        row.for_each(at.keys - at.own_end, [&](int i) { clear(at.own_end + i); });
      });
}

}  // namespace

template <class T>
void attention_softmax(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round,
                       const AttentionMask& mask, Accumulate<T>* scores, T* weights, Matrix<Accumulate<T>> lse) {
  for_each_table(shape, round, [&](const ChunkTable& table) { softmax<T>(exec, table, mask, scores, weights, lse); });
}

template <class T>
void attention_softmax_backward(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round,
                                const AttentionMask& mask, Matrix<const T> out, Matrix<const T> d_out,
                                Matrix<const Accumulate<T>> lse, Accumulate<T> scale, const Accumulate<T>* scores,
                                const Accumulate<T>* dp, T* weights, T* ds) {
  for_each_table(shape, round, [&](const ChunkTable& table) {
    softmax_backward<T>(exec, table, mask, shape.head_dim, out, d_out, lse, scale, scores, dp, weights, ds);
  });
}

RECPO_INSTANTIATE_STORAGE(attention_softmax);
RECPO_INSTANTIATE_STORAGE(attention_softmax_backward);

}  // namespace recpo::kernels
