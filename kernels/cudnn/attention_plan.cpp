#include "kernels/cudnn/attention_plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "kernels/cudnn/frontend.hpp"
#include "kernels/cudnn/library.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::cudnn {

namespace {

namespace frontend = cudnn_frontend;
// The operation graphs, as descriptions: nothing is compiled yet.

using Graph = frontend::graph::Graph;
using Attributes = frontend::graph::Tensor_attributes;
using Tensor = std::shared_ptr<Attributes>;
constexpr auto kFloat = frontend::DataType_t::FLOAT;

// Names of the tensors where a graph is executed.
enum TensorId { kQ = 1, kK, kV, kBias, kLengths, kQkvOffsets, kOutOffsets, kOut, kStats, kDOut, kDq, kDk, kDv };

// A device that is described instead of asked. Without one, graphs are for the current device.
struct DescribedDevice {
  std::shared_ptr<frontend::DeviceProperties> properties;
  int compute_capability = 0;
};

// [B, heads, S, D] over rows of `width` elements: sequence b from offset[b] on, without offsets from row b S on.
void describe_rows(Attributes& tensor, const AttentionPlanShape& shape, TensorId name, int heads, std::int64_t width,
                   const Tensor& offsets) {
  tensor.set_uid(name)
      .set_dim({shape.batch, heads, shape.rows, shape.head_dim})
      .set_stride({shape.rows * width, shape.head_dim, width, 1})
      .set_ragged_offset(offsets);
}

void describe_stats(Attributes& tensor, const AttentionPlanShape& shape) {
  tensor.set_uid(kStats)
      .set_data_type(kFloat)
      .set_dim({shape.batch, shape.heads, shape.rows, 1})
      .set_stride({std::int64_t{shape.heads} * shape.rows, shape.rows, 1, 1});
}

// What forward and backward share: the graph and its inputs.
struct Inputs {
  Inputs(const AttentionPlanShape& plan_shape, const DescribedDevice& device)
      : shape(plan_shape), graph(std::make_unique<Graph>()) {
    if (device.properties != nullptr) {
      graph->set_device_properties(device.properties).set_sm_version(device.compute_capability);
    }
    graph->set_io_data_type(frontend::DataType_t::BFLOAT16)
        .set_intermediate_data_type(kFloat)
        .set_compute_data_type(kFloat);
    lengths = integers(kLengths, shape.batch);
    if (shape.layout == kernels::AttentionLayout::kPacked) {
      qkv_offsets = integers(kQkvOffsets, shape.batch + 1);
      out_offsets = integers(kOutOffsets, shape.batch + 1);
    }
    q = rows(kQ, shape.heads, shape.qkv_width(), qkv_offsets);
    k = rows(kK, shape.kv_heads, shape.qkv_width(), qkv_offsets);
    v = rows(kV, shape.kv_heads, shape.qkv_width(), qkv_offsets);
    const std::int64_t pairs = std::int64_t{shape.rows} * shape.rows;
    bias = graph->tensor(Attributes()
                             .set_uid(kBias)
                             .set_dim({shape.batch, 1, shape.rows, shape.rows})
                             .set_stride({pairs, pairs, shape.rows, 1}));
  }

  Tensor rows(TensorId name, int heads, std::int64_t width, const Tensor& offsets) {
    Attributes tensor;
    describe_rows(tensor, shape, name, heads, width, offsets);
    return graph->tensor(tensor);
  }
  Tensor integers(TensorId name, std::int64_t count) {
    return graph->tensor(Attributes()
                             .set_uid(name)
                             .set_dim({count, 1, 1, 1})
                             .set_stride({1, 1, 1, 1})
                             .set_data_type(frontend::DataType_t::INT32));
  }

  const AttentionPlanShape& shape;
  std::unique_ptr<Graph> graph;
  Tensor lengths, qkv_offsets, out_offsets, q, k, v, bias;  // no offsets of padded rows
};

// The mask, the same for both operations.
template <class Options>
Options with_mask(Options options, const Inputs& in) {
  options.set_attn_scale(static_cast<float>(1 / std::sqrt(static_cast<double>(in.shape.head_dim))))
      .set_bias(in.bias)
      .set_padding_mask(true)
      .set_seq_len_q(in.lengths)
      .set_seq_len_kv(in.lengths)
      .set_diagonal_alignment(frontend::DiagonalAlignment_t::TOP_LEFT)
      .set_diagonal_band_right_bound(0);
  return options;
}

std::unique_ptr<Graph> attention_forward_graph(const AttentionPlanShape& shape, const DescribedDevice& device) {
  Inputs in(shape, device);
  auto options = with_mask(frontend::graph::SDPA_attributes(), in);
  options.set_generate_stats(true);
  auto [out, stats] = in.graph->sdpa(in.q, in.k, in.v, options);
  describe_rows(out->set_output(true), shape, kOut, shape.heads, shape.out_width(), in.out_offsets);
  describe_stats(stats->set_output(true), shape);
  return std::move(in.graph);
}

std::unique_ptr<Graph> attention_backward_graph(const AttentionPlanShape& shape, const DescribedDevice& device) {
  Inputs in(shape, device);
  const Tensor out = in.rows(kOut, shape.heads, shape.out_width(), in.out_offsets);
  const Tensor d_out = in.rows(kDOut, shape.heads, shape.out_width(), in.out_offsets);
  Attributes described;
  describe_stats(described, shape);
  const Tensor stats = in.graph->tensor(described);
  auto options = with_mask(frontend::graph::SDPA_backward_attributes(), in);
  options.set_deterministic_algorithm(true);
  auto [dq, dk, dv] = in.graph->sdpa_backward(in.q, in.k, in.v, out, d_out, stats, options);
  describe_rows(dq->set_output(true), shape, kDq, shape.heads, shape.qkv_width(), in.qkv_offsets);
  describe_rows(dk->set_output(true), shape, kDk, shape.kv_heads, shape.qkv_width(), in.qkv_offsets);
  describe_rows(dv->set_output(true), shape, kDv, shape.kv_heads, shape.qkv_width(), in.qkv_offsets);
  return std::move(in.graph);
}

// Plans: the graphs, compiled and run.

using Pointers = std::unordered_map<std::int64_t, void*>;

void check(frontend::error_t error, const char* what) {
  if (error.is_bad()) throw_error(ExitCode::kInternal, "cuDNN: {} failed: {}", what, error.get_message());
}

// Whether cuDNN supports the graph, on the handle's device or, without a handle, on the one described. Compiles
// nothing.
frontend::error_t support(Graph& graph, cudnnContext* handle) {
  frontend::error_t error = graph.validate();
  if (error.is_good()) error = graph.build_operation_graph(handle);
  if (error.is_good()) error = graph.create_execution_plans({frontend::HeurMode_t::A});
  if (error.is_good()) error = graph.check_support();
  return error;
}

std::int64_t workspace_of(const Graph& graph) {
  std::int64_t bytes = 0;
  check(graph.get_workspace_size(bytes), "asking for the workspace");
  return bytes;
}

Pointers inputs(AttentionLayout layout, const AttentionArguments& a) {
  const auto in = [](const void* pointer) { return const_cast<void*>(pointer); };  // the frontend's maps are of void*
  Pointers pointers{{kQ, in(a.q)}, {kK, in(a.k)},    {kV, in(a.v)}, {kBias, in(a.bias)}, {kLengths, in(a.lengths)},
                    {kOut, a.out}, {kStats, a.stats}};
  if (layout == AttentionLayout::kPacked) {
    pointers[kQkvOffsets] = in(a.qkv_offsets);
    pointers[kOutOffsets] = in(a.out_offsets);
  }
  return pointers;
}

void execute(const Graph& graph, CUstream_st* stream, Pointers pointers, void* workspace, const char* what) {
  const cudnnStatus_t status = frontend::detail::set_stream(handle(), stream);
  if (status != CUDNN_STATUS_SUCCESS) {
    throw_error(ExitCode::kInternal, "cuDNN: setting the stream failed: {}",
                frontend::detail::get_error_string(status));
  }
  check(graph.execute(handle(), pointers, workspace), what);
}

// The next number with zeros behind its first `digits` binary digits.
int with_digits(int number, int digits) {
  int unit = 1;
  while (number > unit << digits) unit *= 2;
  return (number + unit - 1) / unit * unit;
}

std::map<AttentionPlanShape, std::unique_ptr<AttentionPlan>>& plans() {
  static std::map<AttentionPlanShape, std::unique_ptr<AttentionPlan>> plans;
  return plans;
}

}  // namespace

struct AttentionPlan::Graphs {
  explicit Graphs(const AttentionPlanShape& shape, const DescribedDevice& device = {})
      : forward(attention_forward_graph(shape, device)), backward(attention_backward_graph(shape, device)) {}

  frontend::error_t support(cudnnContext* handle) const {
    const frontend::error_t error = cudnn::support(*forward, handle);
    return error.is_good() ? cudnn::support(*backward, handle) : error;
  }

  std::unique_ptr<Graph> forward, backward;
};

AttentionPlan::AttentionPlan(const AttentionPlanShape& shape)
    : shape_(shape), graphs_(std::make_unique<Graphs>(shape_)) {
  frontend::error_t error = graphs_->support(handle());
  if (error.is_bad() && shape_.layout == AttentionLayout::kPacked) {
    shape_.layout = AttentionLayout::kPadded;
    graphs_ = std::make_unique<Graphs>(shape_);
    error = graphs_->support(handle());
  }
  check(std::move(error), "planning attention");
  check(graphs_->forward->build_plans(), "compiling attention");
  check(graphs_->backward->build_plans(), "compiling attention's backward");
}

AttentionPlan::~AttentionPlan() = default;

std::int64_t AttentionPlan::workspace_bytes() const {
  return std::max(workspace_of(*graphs_->forward), workspace_of(*graphs_->backward));
}

void AttentionPlan::forward(CUstream_st* stream, const AttentionArguments& arguments) const {
  execute(*graphs_->forward, stream, inputs(shape_.layout, arguments), arguments.workspace, "attention");
}

void AttentionPlan::backward(CUstream_st* stream, const AttentionArguments& arguments) const {
  Pointers pointers = inputs(shape_.layout, arguments);
  pointers[kDOut] = const_cast<void*>(arguments.d_out);
  pointers[kDq] = arguments.dq;
  pointers[kDk] = arguments.dk;
  pointers[kDv] = arguments.dv;
  execute(*graphs_->backward, stream, std::move(pointers), arguments.workspace, "attention's backward");
}

// Rows in steps of an eighth to a quarter, batches in steps of a quarter to a half: doubling both takes eight plans.
AttentionPlanShape round_up(const AttentionPlanShape& shape) {
  constexpr int kTile = 128;  // rows that a block of threads works on
  AttentionPlanShape rounded = shape;
  rounded.batch = with_digits(shape.batch, 2);
  rounded.rows = kTile * with_digits((shape.rows + kTile - 1) / kTile, 3);
  return rounded;
}

const AttentionPlan* find_attention_plan(const AttentionPlanShape& shape) {
  const AttentionPlanShape rounded = round_up(shape);
  if (const auto found = plans().find(rounded); found != plans().end()) return found->second.get();
  std::unique_ptr<AttentionPlan> plan;
  try {
    plan = std::make_unique<AttentionPlan>(rounded);
  } catch (const std::exception& error) {
    log::warn("attention of {} sequences of {} rows, {} heads of {} on {}, runs without cuDNN: {}", rounded.batch,
              rounded.rows, rounded.heads, rounded.head_dim, rounded.kv_heads, error.what());
  }
  return plans().emplace(rounded, std::move(plan)).first->second.get();
}

void release_attention_plans() {
  plans().clear();
  destroy_handle();
}

std::string attention_unsupported_reason(const AttentionPlanShape& shape, const std::string& device_properties,
                                         int compute_capability) {
  const DescribedDevice device{std::make_shared<frontend::DeviceProperties>(), compute_capability};
  frontend::error_t error = device.properties->deserialize({device_properties.begin(), device_properties.end()});
  if (error.is_good()) error = AttentionPlan::Graphs(round_up(shape), device).support(nullptr);
  return error.is_good() ? "" : error.get_message();
}

}  // namespace recpo::cudnn
