#pragma once
// The one registry of parameters: name -> shape, part held here, bucket, decay; weights and gradients are one
// allocation each, laid out bucket by bucket (embedding, one bucket a layer, head, all norms), so that optimizer slices
// and collectives are contiguous. Everything that visits parameters (init, load, save, clip, step) goes through it. The
// store owns the memory; weights are stored as T, gradients as Accumulate<T>; Views handed out stay valid as long as it
// lives. Not collective.

#include <memory>
#include <string>
#include <vector>

#include "src/model/config.hpp"
#include "src/model/tensor_parallel.hpp"
#include "src/support/planned_vector.hpp"

namespace recpo::model {

enum class Split : std::uint8_t { kNone, kRows, kColumns };  // how tensor parallelism cuts the matrix

struct Parameter {
  std::string name;                 // Hugging Face's, "model.layers.3.self_attn.q_proj.weight"
  std::vector<std::int64_t> shape;  // global, row-major: [rows, columns] or [columns]
  Split split = Split::kNone;
  bool decay = true;  // weight decay applies (matrices and embeddings, not norms)
  int bucket = 0;
  std::int64_t offset = 0;  // of its first element in weights()

  // The part held here: global rows [row_begin, row_begin + valid_rows), columns [column_begin, column_begin +
  // columns()). Rows beyond valid_rows pad the vocabulary.
  std::int64_t row_begin = 0, column_begin = 0, valid_rows = 1;
  std::int64_t held_rows = 1, held_columns = 0;

  std::int64_t global_rows() const { return shape.size() == 2 ? shape[0] : 1; }
  std::int64_t global_columns() const { return shape.back(); }
  std::int64_t global_size() const { return global_rows() * global_columns(); }
  std::int64_t rows() const { return held_rows; }
  std::int64_t columns() const { return held_columns; }
  std::int64_t size() const { return rows() * columns(); }
};

struct Bucket {
  std::string name;                 // "model.embed_tokens", "model.layers.3", "lm_head", "norms"
  std::int64_t begin = 0, end = 0;  // elements; buckets tile the allocation
  bool replicated = false;          // every tensor-parallel shard holds the same
  std::int64_t size() const { return end - begin; }
};

// The parameters of a shard of a Llama decoder in storage order. q, k, v are neighbours, and so are gate and up: their
// products are one matrix product each. No lm_head with tied embeddings. The norms come last, the final one at the end.
std::vector<Parameter> llama_parameters(const LlamaConfig& config, const Shard& shard = {});

// Memory for gradients: none; all at once; or two layers at a time, for gradients that leave as soon as a layer is done
// (ZeRO-2). In the last form layers l and l + 2 share memory; the other buckets have their own.
enum class GradientMemory : std::uint8_t { kNone, kWhole, kTwoLayers };

// Where everything lies, in elements. Buckets are padded so that each is cut into equal slices for `ranks`
// data-parallel ranks; the layout is the same for 1, 2, 4, .., 64 ranks.
struct StoreLayout {
  StoreLayout(std::vector<Parameter> parameters, GradientMemory gradients, int ranks);

  std::vector<Parameter> parameters;
  std::vector<Bucket> buckets;
  std::int64_t size = 0;
  GradientMemory gradient_memory;
  std::vector<std::int64_t> gradient_begin;  // of each bucket
  std::int64_t gradient_size = 0;
};

template <class T>
struct Adapters;  // lora.hpp

template <class T>
class ParameterStore {
 public:
  using Gradient = Accumulate<T>;
  // Allocates weights (zero) and gradients (zero), laid out for `ranks` data-parallel ranks.
  ParameterStore(std::vector<Parameter> parameters, GradientMemory gradients, int ranks = 1);
  ParameterStore(std::vector<Parameter> parameters, bool with_gradients)
      : ParameterStore(std::move(parameters), with_gradients ? GradientMemory::kWhole : GradientMemory::kNone) {}

  // Low-rank adapters beside this store's projections, which are then frozen; null where there are none.
  const std::shared_ptr<Adapters<T>>& adapters() const { return adapters_; }
  void carry(std::shared_ptr<Adapters<T>> adapters) { adapters_ = std::move(adapters); }

  const std::vector<Parameter>& parameters() const { return layout_.parameters; }
  const std::vector<Bucket>& buckets() const { return layout_.buckets; }
  std::int64_t size() const { return layout_.size; }  // elements, padding included
  bool has_gradients() const { return gradients_.size() > 0; }
  GradientMemory gradient_memory() const { return layout_.gradient_memory; }
  std::int64_t weight_bytes() const { return weights_.bytes(); }
  std::int64_t gradient_bytes() const { return gradients_.bytes(); }

  Vector<T> weights() const { return weights_.view(); }
  Vector<Gradient> gradients() const { return gradients_.view(); }  // laid out like the weights only with kWhole
  Vector<T> bucket_weights(std::size_t bucket) const;
  Vector<Gradient> bucket_gradients(std::size_t bucket) const;

  std::size_t index(const std::string& name) const;  // kInternal when unknown
  Matrix<T> weight(std::size_t parameter) const { return fused_weight(parameter, parameter); }
  Matrix<Gradient> gradient(std::size_t parameter) const { return fused_gradient(parameter, parameter); }
  // Neighbours first..last of equal width as one matrix (q|k|v, gate|up).
  Matrix<T> fused_weight(std::size_t first, std::size_t last) const;
  Matrix<Gradient> fused_gradient(std::size_t first, std::size_t last) const;

 private:
  template <class Element>
  Matrix<Element> matrix(Element* memory, std::size_t first, std::size_t last) const;

  const StoreLayout layout_;
  PlannedVector<T> weights_;
  PlannedVector<Gradient> gradients_;
  std::shared_ptr<Adapters<T>> adapters_;
};

// Random weights: normal with config.initializer_range for matrices and embeddings, 1 for norms. A pure function of
// (seed, parameter name, global row), so that shards together are the whole.
template <class T>
void initialize_weights(const LlamaConfig& config, std::uint64_t seed, ParameterStore<T>& store);

}  // namespace recpo::model
