#pragma once
// Sums with a fixed order (the same bits for any number of threads), and copies between vectors and between rows.
// Asynchronous on `exec`, local to the calling rank.

#include "src/support/views.hpp"

namespace recpo::kernels {

// Sum of squares in double over chunks of `chunk` elements from the start of x; partial[i] belongs to chunk i. The
// caller adds the partials in order (or gathers those of other ranks first).
// x [n], partial [ceil(n / chunk)] (assigned). For the types of sums.
template <class T>
void square_sum_chunks(const ExecSpace& exec, Vector<const T> x, std::int64_t chunk, Vector<double> partial);

// y = x in another type, elementwise
template <class From, class To>
void convert(const ExecSpace& exec, Vector<const From> x, Vector<To> y);

// y += x, elementwise
template <class T>
void add(const ExecSpace& exec, Vector<const T> x, Vector<T> y);

// out[r] = x[rows[r]]: rows [R], x [T, H], out [R, H] (assigned)
template <class T>
void gather_rows(const ExecSpace& exec, Vector<const int> rows, Matrix<const T> x, Matrix<T> out);
// x[rows[r]] += y[r]; the rows are distinct
template <class T>
void scatter_add_rows(const ExecSpace& exec, Vector<const int> rows, Matrix<const T> y, Matrix<T> x);

// Rows of sequences in the two layouts of AttentionLayout (cudnn/attention_plan.hpp). Sequence b: packed, the rows from
// begins[b] on, lengths[b] of them, which may be 0; padded, as many from b S on.
struct SequenceRows {
  int batch = 0, rows = 0;       // B, S
  const int* begins = nullptr;   // [B]
  const int* lengths = nullptr;  // [B], at most S
};

// padded [B S, W] is assigned: the rows of packed [T, W], zeros behind each sequence's last.
void pad_rows(const ExecSpace& exec, const SequenceRows& sequences, Matrix<const Bfloat16> packed,
              Matrix<Bfloat16> padded);

// packed [T, W] is assigned over the sequences' rows; what is behind them in padded [B S, W] is not read.
void unpad_rows(const ExecSpace& exec, const SequenceRows& sequences, Matrix<const Bfloat16> padded,
                Matrix<Bfloat16> packed);

}  // namespace recpo::kernels
