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

struct ProjectionShape {
  const char *name, *module;
  bool by_rows;  // how W is cut
};
constexpr std::array<ProjectionShape, kProjections> kShapes = {{{"q", "self_attn.q_proj", true},
                                                                {"k", "self_attn.k_proj", true},
                                                                {"v", "self_attn.v_proj", true},
                                                                {"o", "self_attn.o_proj", false},
                                                                {"gate", "mlp.gate_proj", true},
                                                                {"up", "mlp.up_proj", true},
                                                                {"down", "mlp.down_proj", false}}};

const ProjectionShape& shape_of(Projection projection) { return kShapes[static_cast<std::size_t>(projection)]; }

struct Width {
  std::int64_t in = 0, out = 0;
};
Width width_of(const LlamaConfig& config, Projection projection) {
  const std::int64_t hidden = config.hidden_size, ffn = config.intermediate_size;
  switch (projection) {
    case Projection::kQ:
      return {hidden, config.query_width()};
    case Projection::kK:
    case Projection::kV:
      return {hidden, config.key_value_width()};
    case Projection::kO:
      return {config.query_width(), hidden};
    case Projection::kDown:
      return {ffn, hidden};
    default:
      return {hidden, ffn};
  }
}

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

const char* short_name(Projection projection) { return shape_of(projection).name; }
const char* module_name(Projection projection) { return shape_of(projection).module; }

bool LoraOptions::has(Projection projection) const {
  return exists() && std::ranges::find(targets, short_name(projection)) != targets.end();
}

std::vector<Parameter> adapter_parameters(const LlamaConfig& config, const LoraOptions& options, const Shard& shard) {
  ParameterLayout layout(shard);
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    for (const bool whole : {true, false}) {
      layout.open_bucket();
      for (const Projection projection : targets_of(options)) {
        const Width width = width_of(config, projection);
        const bool by_rows = shape_of(projection).by_rows;
        if (by_rows == whole) {
          layout.matrix(parameter_name(l, projection, "A"), options.rank, width.in,
                        by_rows ? Split::kNone : Split::kColumns);
        }
        if (by_rows != whole) {
          layout.matrix(parameter_name(l, projection, "B"), width.out, options.rank,
                        by_rows ? Split::kRows : Split::kNone);
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
    for (std::int64_t row = 0; row < parameter.valid_rows; ++row) {
      Random random(seed, parameter.name, static_cast<std::uint64_t>(parameter.row_begin + row));
      for (std::int64_t c = 0; c < parameter.column_begin + parameter.columns(); ++c) {
        const double value = bound * (2 * random.uniform() - 1);
        if (c < parameter.column_begin) continue;
        host(parameter.offset + row * parameter.columns() + c - parameter.column_begin) = static_cast<T>(value);
      }
    }
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
      const Matrix<T> weight =
          store.weight(store.index(fmt::format("model.layers.{}.{}.weight", l, kShapes[p].module)));
      kernels::gemm<T>(exec, kernels::Op::kNone, kernels::Op::kNone,
                       static_cast<Accumulate<T>>(adapters->options.scale()), adapter.b, adapter.a, 1, weight);
    }
  }
  exec.fence("recpo::lora::merge");
  store.carry(nullptr);
}

#define RECPO_INSTANTIATE(T)                                                                                       \
  template std::vector<BlockAdapters<T>> adapter_weights<T>(const LlamaConfig&, const Adapters<T>&);               \
  template std::vector<BlockAdapters<Accumulate<T>>> adapter_gradients<T>(const LlamaConfig&, const Adapters<T>&); \
  template void initialize_adapters<T>(std::uint64_t, Adapters<T>&);                                               \
  template void merge_adapters<T>(const LlamaConfig&, ParameterStore<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
