#include "kernels/cudnn/attention_graph.hpp"

#include <cmath>

namespace recpo::cudnn {

namespace {

namespace frontend = cudnn_frontend;
using Attributes = frontend::graph::Tensor_attributes;
using Tensor = std::shared_ptr<Attributes>;
using Dims = std::vector<std::int64_t>;

Dims strides(const AttentionPlanShape& shape, std::int64_t width) {
  return {shape.rows * width, shape.head_dim, width, 1};
}

// [B, heads, S, D] over rows of `width` elements: sequence b from offset[b] on, without offsets from row b S on.
Attributes heads_of_rows(const AttentionPlanShape& shape, AttentionTensor name, int heads, std::int64_t width,
                         const Tensor& offsets) {
  return Attributes()
      .set_uid(name)
      .set_dim({shape.batch, heads, shape.rows, shape.head_dim})
      .set_stride(strides(shape, width))
      .set_ragged_offset(offsets);
}

void set_output(const Tensor& tensor, const AttentionPlanShape& shape, AttentionTensor name, int heads,
                std::int64_t width, const Tensor& offsets) {
  tensor->set_output(true);
  tensor->set_uid(name);
  tensor->set_dim({shape.batch, heads, shape.rows, shape.head_dim});
  tensor->set_stride(strides(shape, width));
  tensor->set_ragged_offset(offsets);
}

Dims stats_dims(const AttentionPlanShape& shape) { return {shape.batch, shape.heads, shape.rows, 1}; }
Dims stats_strides(const AttentionPlanShape& shape) {
  return {std::int64_t{shape.heads} * shape.rows, shape.rows, 1, 1};
}

// What forward and backward share: the graph and its inputs.
struct Inputs {
  Inputs(const AttentionPlanShape& shape, const DescribedDevice& device) : graph(std::make_unique<Graph>()) {
    if (device.properties != nullptr) {
      graph->set_device_properties(device.properties).set_sm_version(device.compute_capability);
    }
    graph->set_io_data_type(frontend::DataType_t::BFLOAT16)
        .set_intermediate_data_type(frontend::DataType_t::FLOAT)
        .set_compute_data_type(frontend::DataType_t::FLOAT);
    lengths = integers(kLengths, shape.batch);
    if (shape.layout == kernels::AttentionLayout::kPacked) {
      qkv_offsets = integers(kQkvOffsets, shape.batch + 1);
      out_offsets = integers(kOutOffsets, shape.batch + 1);
    }
    q = graph->tensor(heads_of_rows(shape, kQ, shape.heads, shape.qkv_width(), qkv_offsets));
    k = graph->tensor(heads_of_rows(shape, kK, shape.kv_heads, shape.qkv_width(), qkv_offsets));
    v = graph->tensor(heads_of_rows(shape, kV, shape.kv_heads, shape.qkv_width(), qkv_offsets));
    const std::int64_t pairs = std::int64_t{shape.rows} * shape.rows;
    bias = graph->tensor(Attributes()
                             .set_uid(kBias)
                             .set_dim({shape.batch, 1, shape.rows, shape.rows})
                             .set_stride({pairs, pairs, shape.rows, 1}));
  }

  Tensor integers(AttentionTensor name, std::int64_t count) {
    return graph->tensor(Attributes()
                             .set_uid(name)
                             .set_dim({count, 1, 1, 1})
                             .set_stride({1, 1, 1, 1})
                             .set_data_type(frontend::DataType_t::INT32));
  }

  std::unique_ptr<Graph> graph;
  Tensor lengths, qkv_offsets, out_offsets, q, k, v, bias;  // no offsets of padded rows
};

// The mask, said alike to both operations.
template <class Options>
Options with_mask(Options options, const AttentionPlanShape& shape, const Inputs& in) {
  options.set_attn_scale(static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_dim))))
      .set_bias(in.bias)
      .set_padding_mask(true)
      .set_seq_len_q(in.lengths)
      .set_seq_len_kv(in.lengths)
      .set_diagonal_alignment(frontend::DiagonalAlignment_t::TOP_LEFT)
      .set_diagonal_band_right_bound(0);
  return options;
}

}  // namespace

std::unique_ptr<Graph> attention_forward_graph(const AttentionPlanShape& shape, const DescribedDevice& device) {
  Inputs in(shape, device);
  auto options = with_mask(frontend::graph::SDPA_attributes(), shape, in);
  options.set_generate_stats(true);
  auto [out, stats] = in.graph->sdpa(in.q, in.k, in.v, options);
  set_output(out, shape, kOut, shape.heads, shape.out_width(), in.out_offsets);
  stats->set_output(true)
      .set_uid(kStats)
      .set_data_type(frontend::DataType_t::FLOAT)
      .set_dim(stats_dims(shape))
      .set_stride(stats_strides(shape));
  return std::move(in.graph);
}

std::unique_ptr<Graph> attention_backward_graph(const AttentionPlanShape& shape, const DescribedDevice& device) {
  Inputs in(shape, device);
  const Tensor out = in.graph->tensor(heads_of_rows(shape, kOut, shape.heads, shape.out_width(), in.out_offsets));
  const Tensor d_out = in.graph->tensor(heads_of_rows(shape, kDOut, shape.heads, shape.out_width(), in.out_offsets));
  const Tensor stats = in.graph->tensor(Attributes()
                                            .set_uid(kStats)
                                            .set_data_type(frontend::DataType_t::FLOAT)
                                            .set_dim(stats_dims(shape))
                                            .set_stride(stats_strides(shape)));
  auto options = with_mask(frontend::graph::SDPA_backward_attributes(), shape, in);
  options.set_deterministic_algorithm(true);
  auto [dq, dk, dv] = in.graph->sdpa_backward(in.q, in.k, in.v, out, d_out, stats, options);
  set_output(dq, shape, kDq, shape.heads, shape.qkv_width(), in.qkv_offsets);
  set_output(dk, shape, kDk, shape.kv_heads, shape.qkv_width(), in.qkv_offsets);
  set_output(dv, shape, kDv, shape.kv_heads, shape.qkv_width(), in.qkv_offsets);
  return std::move(in.graph);
}

}  // namespace recpo::cudnn
