#pragma once
// A tree batch (or the tokens of one generation pass) in device memory: all its integers in one asynchronous upload, no
// fence. The uploader owns the memory; a DeviceBatch is valid until the next upload.

#include <initializer_list>
#include <utility>
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

  // One pass of generation, whose keys are those of a cache: trees, or more tokens of sequences that are there already.
  struct Pass {
    data::TreeBatch batch;                 // prefix_end and own_begin are cache rows; of `trees` the completions count
    std::vector<int> cache_rows, own_end;  // [T]
    std::vector<kernels::AttentionSpan> spans;
  };
  DeviceBatch upload(const ExecSpace& exec, const Pass& pass);

  // What was uploaded has arrived: the caller has waited for it.
  void recycle() { uploader_.recycle(); }

 private:
  using Part = std::pair<const std::vector<int>*, Vector<const int>*>;
  // All but the spans; `cache_rows` is empty where keys are the pass's own.
  DeviceBatch upload(const ExecSpace& exec, const data::TreeBatch& batch, const std::vector<int>& own_end,
                     const std::vector<int>& cache_rows, bool with_groups);
  // Copies all vectors in one upload and sets their views.
  void send(const ExecSpace& exec, std::initializer_list<Part> parts);

  Uploader uploader_;
};

}  // namespace recpo::model
