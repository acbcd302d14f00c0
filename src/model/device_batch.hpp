#pragma once
// A tree batch (or the tokens of one generation pass) where the kernels see it: all its integers in one upload, which
// nobody waits for. The uploader owns the memory; a DeviceBatch is valid until the next upload.

#include <vector>

#include "kernels/attention.hpp"
#include "src/data/tree_batch.hpp"
#include "src/support/uploader.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

struct DeviceBatch {
  std::int64_t num_tokens = 0;
  Vector<const int> tokens, positions;                // [T]
  kernels::AttentionMask mask;                        // [T] each, in key rows
  std::vector<kernels::AttentionSpan> spans;          // one a tree
  Vector<const int> group_token, group_begin, order;  // tokens grouped by id, for the embedding's gradient
  Vector<const int> logit_rows;                       // [R]
  Vector<const int> target_begin, target_token;       // [R + 1], [M]
  Vector<const int> target_completion;                // [M]
  Vector<const int> completion_begin, by_completion;  // [C + 1], [M]: targets grouped by completion, rising
  Vector<const int> dropout_key;                      // [T], or empty: nothing is dropped
  Vector<const int> cache_rows;                       // [T] where generation keeps keys and values; empty in training

  std::int64_t num_completions() const { return static_cast<std::int64_t>(completion_begin.extent(0)) - 1; }
};

class BatchUploader {
 public:
  // `with_groups`: also what the backward pass needs.
  DeviceBatch upload(const ExecSpace& exec, const data::TreeBatch& batch, bool with_groups);

  // One pass of generation: query row i of sequence s sees cache rows [key_begin of its span, visible_end[i]).
  struct Pass {
    std::vector<int> tokens, positions, cache_rows, visible_end, logit_rows;
    std::vector<kernels::AttentionSpan> spans;
  };
  DeviceBatch upload(const ExecSpace& exec, const Pass& pass);

  // What was uploaded has arrived: the caller has waited for it.
  void recycle() { uploader_.recycle(); }

 private:
  Vector<const int> view(const Uploader::Slice& slice) const { return uploader_.view<int>(slice); }

  Uploader uploader_;
};

}  // namespace recpo::model
