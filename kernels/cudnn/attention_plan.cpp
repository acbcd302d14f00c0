#include "kernels/cudnn/attention_plan.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "kernels/cudnn/attention_graph.hpp"
#include "kernels/cudnn/library.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::cudnn {

namespace {

namespace frontend = cudnn_frontend;
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

std::string attention_obstacle(const AttentionPlanShape& shape, const std::string& device_properties,
                               int compute_capability) {
  const DescribedDevice device{std::make_shared<frontend::DeviceProperties>(), compute_capability};
  frontend::error_t error = device.properties->deserialize({device_properties.begin(), device_properties.end()});
  if (error.is_good()) error = AttentionPlan::Graphs(round_up(shape), device).support(nullptr);
  return error.is_good() ? "" : error.get_message();
}

}  // namespace recpo::cudnn
