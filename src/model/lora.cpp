#include "src/model/lora.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/gemm.hpp"
#include "kernels/reductions.hpp"
#include "src/model/parameter_layout.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::model {
namespace {

struct ProjectionName {
  const char *name, *module;
};
constexpr std::array<ProjectionName, kProjections> kNames = {{{"q", "self_attn.q_proj"},
                                                              {"k", "self_attn.k_proj"},
                                                              {"v", "self_attn.v_proj"},
                                                              {"o", "self_attn.o_proj"},
                                                              {"gate", "mlp.gate_proj"},
                                                              {"up", "mlp.up_proj"},
                                                              {"down", "mlp.down_proj"}}};

const ProjectionName& name_of(Projection projection) { return kNames[static_cast<std::size_t>(projection)]; }

std::string parameter_name(std::int64_t layer, Projection projection, const char* matrix) {
  return fmt::format("model.layers.{}.{}.lora_{}.weight", layer, module_name(projection), matrix);
}

std::vector<Projection> targets_of(const LoraOptions& options) {
  std::vector<Projection> targets;
  for (std::size_t p = 0; p < kProjections; ++p) {
    if (options.has(static_cast<Projection>(p))) targets.push_back(static_cast<Projection>(p));
  }
  return targets;
}

// `matrix(index)` gives one parameter of the adapters' store, as weight or gradient.
template <class T, class Store, class MatrixOf>
std::vector<BlockAdapters<T>> collect(const LlamaConfig& config, const LoraOptions& options, const Store& store,
                                      const MatrixOf& matrix) {
  std::vector<BlockAdapters<T>> blocks(static_cast<std::size_t>(config.num_hidden_layers));
  for (std::size_t l = 0; l < blocks.size(); ++l) {
    for (const Projection projection : targets_of(options)) {
      const auto layer = static_cast<std::int64_t>(l);
      blocks[l][static_cast<std::size_t>(projection)] = {matrix(store.index(parameter_name(layer, projection, "A"))),
                                                         matrix(store.index(parameter_name(layer, projection, "B")))};
    }
  }
  return blocks;
}

}  // namespace

const char* short_name(Projection projection) { return name_of(projection).name; }
const char* module_name(Projection projection) { return name_of(projection).module; }

bool LoraOptions::has(Projection projection) const {
  return exists() && std::ranges::find(targets, short_name(projection)) != targets.end();
}

std::vector<Parameter> adapter_parameters(const LlamaConfig& config, const LoraOptions& options, const Shard& shard) {
  const std::vector<Parameter> frozen = llama_parameters(config);
  const auto projection_of = [&](std::int64_t layer, Projection projection) -> const Parameter& {
    const std::string name = fmt::format("model.layers.{}.{}.weight", layer, module_name(projection));
    return *std::ranges::find(frozen, name, &Parameter::name);
  };
  ParameterLayout layout(shard);
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    for (const bool whole : {true, false}) {
      layout.open_bucket();
      for (const Projection projection : targets_of(options)) {
        const Parameter& weight = projection_of(l, projection);
        const bool cuts_inputs = weight.role == Role::kRowParallel;
        if (cuts_inputs != whole) {
          layout.adapter(parameter_name(l, projection, "A"), options.rank, weight.global_columns(),
                         cuts_inputs ? Split::kColumns : Split::kNone);
        }
        if (cuts_inputs == whole) {
          layout.adapter(parameter_name(l, projection, "B"), weight.global_rows(), options.rank,
                         cuts_inputs ? Split::kNone : Split::kRows);
        }
      }
    }
  }
  return layout.take();
}

template <class T>
std::vector<BlockAdapters<T>> adapter_weights(const LlamaConfig& config, const Adapters<T>& adapters) {
  return collect<T>(config, adapters.options, adapters.store,
                    [&](std::size_t index) { return adapters.store.weight(index); });
}

template <class T>
std::vector<BlockAdapters<Accumulate<T>>> adapter_gradients(const LlamaConfig& config, const Adapters<T>& adapters) {
  return collect<Accumulate<T>>(config, adapters.options, adapters.store,
                                [&](std::size_t index) { return adapters.store.gradient(index); });
}

template <class T>
void initialize_adapters(std::uint64_t seed, Adapters<T>& adapters) {
  const ParameterStore<T>& store = adapters.store;
  auto host = Kokkos::create_mirror_view(store.weights());
  Kokkos::deep_copy(host, T(0));
  for (const Parameter& parameter : store.parameters()) {
    if (parameter.name.find(".lora_A.") == std::string::npos) continue;
    const double bound = 1 / std::sqrt(static_cast<double>(parameter.global_columns()));
    const auto draw = [&](Random& random) { return bound * (2 * random.uniform() - 1); };
    draw_rows(parameter, seed, draw, host.data() + parameter.offset);
  }
  Kokkos::deep_copy(store.weights(), host);
}

template <class T>
void merge_adapters(const LlamaConfig& config, ParameterStore<T>& store) {
  const std::shared_ptr<Adapters<T>> adapters = store.adapters();
  if (!adapters) return;
  const ExecSpace exec;
  const std::vector<BlockAdapters<T>> blocks = adapter_weights(config, *adapters);
  for (std::size_t l = 0; l < blocks.size(); ++l) {
    for (std::size_t p = 0; p < kProjections; ++p) {
      const Adapter<T>& adapter = blocks[l][p];
      if (!adapter.exists()) continue;
      const Matrix<T> weight = store.weight(store.index(fmt::format("model.layers.{}.{}.weight", l, kNames[p].module)));
      kernels::gemm<T>(exec, kernels::Op::kNone, kernels::Op::kNone,
                       static_cast<Accumulate<T>>(adapters->options.scale()), adapter.b, adapter.a, 1, weight);
    }
  }
  exec.fence("recpo::lora::merge");
  store.attach_adapters(nullptr);
}

RECPO_INSTANTIATE_STORAGE(adapter_weights);
RECPO_INSTANTIATE_STORAGE(adapter_gradients);
RECPO_INSTANTIATE_STORAGE(initialize_adapters);
RECPO_INSTANTIATE_STORAGE(merge_adapters);

namespace {
using kernels::Op;

template <class T>
kernels::DropoutMask mask_of(const BlockLora<T>& lora, std::size_t p) {
  kernels::DropoutMask mask = lora.mask;
  mask.salt += p;
  mask.first_column = lora.first_column[p];
  return mask;
}

template <class T>
Matrix<T> shaped_like(const Vector<T>& memory, const Matrix<const T>& x) {
  return Matrix<T>(memory.data(), x.extent(0), x.extent(1));
}

// What A is applied to.
template <class T>
Matrix<const T> adapter_input(const ExecSpace& exec, const BlockLora<T>& lora, std::size_t p, Matrix<const T> x) {
  if (!lora.drops()) return x;
  const Matrix<T> dropped = shaped_like(lora.dropped, x);
  kernels::dropout_forward<T>(exec, mask_of(lora, p), x, dropped);
  return dropped;
}
}  // namespace

template <class T>
void adapter_project_down(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x) {
  const auto p = static_cast<std::size_t>(projection);
  kernels::gemm<T>(exec, Op::kNone, Op::kTranspose, 1, adapter_input(exec, lora, p, x), lora.weights[p].a, 0,
                   lora.u[p]);
}

template <class T>
void adapter_forward(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x,
                     Matrix<T> y) {
  const auto p = static_cast<std::size_t>(projection);
  const Adapter<T>& adapter = lora.weights[p];
  if (!adapter.exists()) return;
  const auto scale = static_cast<Accumulate<T>>(lora.scale);
  adapter_project_down<T>(exec, lora, projection, x);
  kernels::gemm<T>(exec, Op::kNone, Op::kTranspose, scale, lora.u[p], adapter.b, 1, y);
}

template <class T>
void adapter_backward(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x,
                      Matrix<const T> dy, Matrix<T> dx) {
  using Sum = Accumulate<T>;
  const auto p = static_cast<std::size_t>(projection);
  const Adapter<T>& adapter = lora.weights[p];
  if (!adapter.exists()) return;
  const Adapter<Sum>& gradient = lora.gradients[p];
  const auto scale = static_cast<Sum>(lora.scale);
  kernels::gemm<T, Sum>(exec, Op::kTranspose, Op::kNone, scale, dy, lora.u[p], 1, gradient.b);
  kernels::gemm<T>(exec, Op::kNone, Op::kNone, scale, dy, adapter.b, 0, lora.d_u);
  kernels::gemm<T, Sum>(exec, Op::kTranspose, Op::kNone, 1, lora.d_u, adapter_input(exec, lora, p, x), 1, gradient.a);
  if (!lora.drops()) {
    kernels::gemm<T>(exec, Op::kNone, Op::kNone, 1, lora.d_u, adapter.a, 1, dx);
    return;
  }
  const Matrix<T> d_dropped = shaped_like(lora.d_dropped, x);
  kernels::gemm<T>(exec, Op::kNone, Op::kNone, 1, lora.d_u, adapter.a, 0, d_dropped);
  kernels::dropout_backward<T>(exec, mask_of(lora, p), d_dropped, dx);
}

RECPO_INSTANTIATE_STORAGE(adapter_project_down);
RECPO_INSTANTIATE_STORAGE(adapter_forward);
RECPO_INSTANTIATE_STORAGE(adapter_backward);

}  // namespace recpo::model
