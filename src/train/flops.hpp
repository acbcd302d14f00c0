#pragma once
// Floating-point operations of the matrix products of a pass, counted from the shapes (attention included, elementwise
// work not): what a fraction of the machine's GEMM rate is measured against.

#include "src/data/tree_batch.hpp"
#include "src/model/config.hpp"

namespace recpo::train {

// The backward pass in forward passes: gradients of inputs and, unless they are frozen beside adapters (whose own few
// operations are not counted), of weights.
constexpr double backward_passes(bool frozen) { return frozen ? 1.0 : 2.0; }

// Forward only.
inline double forward_flops(const model::LlamaConfig& config, const data::TreeBatch& batch) {
  const auto tokens = static_cast<double>(batch.num_tokens());
  const auto hidden = static_cast<double>(config.hidden_size);
  const double block_weights =
      hidden * (2.0 * static_cast<double>(config.query_width()) + 2.0 * static_cast<double>(config.key_value_width()) +
                3.0 * static_cast<double>(config.intermediate_size));
  double seen_keys = 0;  // pairs of query and visible key
  for (std::size_t i = 0; i < batch.tokens.size(); ++i) seen_keys += batch.positions[i] + 1;
  const auto layers = static_cast<double>(config.num_hidden_layers);
  const double head = static_cast<double>(batch.logit_rows.size()) * hidden * static_cast<double>(config.vocab_size);
  return 2.0 * (layers * (tokens * block_weights + 2.0 * seen_keys * static_cast<double>(config.query_width())) + head);
}

}  // namespace recpo::train
