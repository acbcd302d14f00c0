#pragma once
// Rows of sequences between the two layouts of attention_layout.hpp. All memory is the caller's, on the device.
// Asynchronous on `exec`, local to the calling rank.

#include "src/support/views.hpp"

namespace recpo::kernels {

// Sequence b: packed, the rows from begins[b] on, lengths[b] of them, which may be 0; padded, as many from b S on.
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
