#pragma once
// How attention is cut up, and the softmax of the parts: a chunk is a few query rows of a span against the keys they
// can see, and owns a score matrix [N, rows, keys] in the workspace; a round is the chunks whose products form one
// batch.

#include <algorithm>
#include <vector>

#include "kernels/attention.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

struct AttentionChunk {
  std::int64_t query_begin = 0, rows = 0;
  std::int64_t key_begin = 0, keys = 0;
  std::int64_t scores = 0, stride = 0;  // first element in the workspace, elements from row to row
  bool covers_span = false;             // sees all keys of the span (the span's last chunk)
};

using AttentionRound = std::vector<AttentionChunk>;

// Rows of a chunk: many make larger products, few leave out more of the keys behind the diagonal. Measured, see
// benchmarks/bench_attention.cpp.
inline constexpr std::int64_t kAttentionChunkRows = 64;
// A round ends before its scores outgrow this (64 MiB of float); one chunk may.
inline constexpr std::int64_t kAttentionRoundElements = std::int64_t{1} << 24;

inline std::int64_t attention_chunk_count(const AttentionSpan& span) {
  return (span.query_end - span.query_begin + kAttentionChunkRows - 1) / kAttentionChunkRows;
}

inline AttentionChunk attention_chunk(const AttentionSpan& span, std::int64_t index) {
  constexpr std::int64_t kLine = 16;  // score rows begin on a cache line
  AttentionChunk chunk;
  chunk.query_begin = span.query_begin + index * kAttentionChunkRows;
  const std::int64_t query_end = std::min(chunk.query_begin + kAttentionChunkRows, span.query_end);
  chunk.rows = query_end - chunk.query_begin;
  chunk.key_begin = span.key_begin;
  chunk.keys = span.key_end - (span.query_end - query_end) - span.key_begin;
  chunk.stride = round_up(chunk.keys, kLine);
  chunk.covers_span = query_end == span.query_end;
  return chunk;
}

inline std::int64_t attention_score_elements(const AttentionShape& shape, const AttentionChunk& chunk) {
  return shape.heads * chunk.rows * chunk.stride;
}

// Appends to the open last round, or opens another.
inline void append_chunk(const AttentionShape& shape, AttentionChunk chunk, std::vector<AttentionRound>& rounds) {
  if (!rounds.back().empty()) {
    const AttentionChunk& before = rounds.back().back();
    chunk.scores = before.scores + attention_score_elements(shape, before);
    if (chunk.scores + attention_score_elements(shape, chunk) > kAttentionRoundElements) {
      rounds.emplace_back();
      chunk.scores = 0;
    }
  }
  rounds.back().push_back(chunk);
}

// All chunks, span by span: their results are independent.
inline std::vector<AttentionRound> attention_forward_rounds(const AttentionShape& shape,
                                                            const std::vector<AttentionSpan>& spans) {
  std::vector<AttentionRound> rounds(1);
  for (const AttentionSpan& span : spans) {
    for (std::int64_t i = 0; i < attention_chunk_count(span); ++i)
      append_chunk(shape, attention_chunk(span, i), rounds);
  }
  return rounds;
}

// A round holds one chunk a span, because the chunks of a span add to the same dk and dv. The last chunk comes first:
// it sees all keys, so it can assign what the others add to.
inline std::vector<AttentionRound> attention_backward_rounds(const AttentionShape& shape,
                                                             const std::vector<AttentionSpan>& spans) {
  std::vector<AttentionRound> rounds(1);
  std::int64_t most_chunks = 0;
  for (const AttentionSpan& span : spans) most_chunks = std::max(most_chunks, attention_chunk_count(span));
  for (std::int64_t from_last = 1; from_last <= most_chunks; ++from_last) {
    if (!rounds.back().empty()) rounds.emplace_back();
    for (const AttentionSpan& span : spans) {
      const std::int64_t index = attention_chunk_count(span) - from_last;
      if (index >= 0) append_chunk(shape, attention_chunk(span, index), rounds);
    }
  }
  return rounds;
}

inline std::int64_t attention_round_elements(const AttentionShape& shape, const AttentionRound& round) {
  return round.empty() ? 0 : round.back().scores + attention_score_elements(shape, round.back());
}

// The kernels between attention's products, on a round's scores. Keys that a row does not see get the weight 0, so that
// the products over all keys of a chunk are exact. Weights have the scores' places, and their memory where T is the
// type of sums.

// From scores (scaled) the weights p; lse [Tq, N] is assigned. Scores are lost.
template <class T>
void attention_softmax(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round,
                       const AttentionMask& mask, Accumulate<T>* scores, T* weights, Matrix<Accumulate<T>> lse);

// From scores (scaled) the weights p, from dp the scores' gradient ds = scale p (dp - d_out . out).
template <class T>
void attention_softmax_backward(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round,
                                const AttentionMask& mask, Matrix<const T> out, Matrix<const T> d_out,
                                Matrix<const Accumulate<T>> lse, Accumulate<T> scale, const Accumulate<T>* scores,
                                const Accumulate<T>* dp, T* weights, T* ds);

}  // namespace recpo::kernels
