#pragma once
// Parameters and where they lie, in elements: name -> shape, role, part held here, bucket. Parameters are stored bucket
// by bucket (embedding, one bucket a layer, head, all norms), so that shards and collectives are contiguous. Everything
// that visits parameters (init, load, save, clip, step) goes through this list. Offsets only; no memory, not
// collective.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "src/model/config.hpp"
#include "src/model/tensor_parallel.hpp"

namespace recpo::model {

// What a parameter is to the decoder. Tensor-parallel cut, weight decay and initial values follow from it.
enum class Role : std::uint8_t {
  kEmbedding,       // [V, H], cut by vocabulary rows
  kHead,            // [V, H], likewise
  kColumnParallel,  // projection [out, in] with its outputs cut: q, k, v, gate, up
  kRowParallel,     // projection [out, in] with its inputs cut: o, down
  kBias,            // [out] of a column-parallel projection, cut with its outputs
  kNorm,            // [H] or [D], on every shard
  kAdapter,         // a matrix of a low-rank adapter (lora.hpp), cut as its projection is or not at all
};
constexpr bool is_projection(Role role) { return role == Role::kColumnParallel || role == Role::kRowParallel; }

enum class Split : std::uint8_t { kNone, kRows, kColumns };  // how tensor parallelism cuts the matrix
constexpr Split split_of(Role matrix) { return matrix == Role::kRowParallel ? Split::kColumns : Split::kRows; }

// What a tensor-parallel shard computes of its gradient: all of it, or a part of the sum over shards.
enum class TensorGradient : std::uint8_t { kWhole, kPartOfSplitTokens /* with sequence parallelism only */, kPart };

struct Parameter {
  std::string name;                 // Hugging Face's, "model.layers.3.self_attn.q_proj.weight"
  std::vector<std::int64_t> shape;  // global, row-major: [rows, columns] or [columns]
  Role role = Role::kNorm;
  Split split = Split::kNone;
  TensorGradient gradient = TensorGradient::kWhole;
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
  bool decays() const { return role != Role::kNorm && role != Role::kBias; }  // weight decay applies
};

struct Bucket {
  Role role = Role::kNorm;          // of its first parameter: a projection's for a layer
  std::int64_t begin = 0, end = 0;  // elements; buckets tile the allocation
  bool replicated = false;          // every tensor-parallel shard holds the same
  std::int64_t size() const { return end - begin; }
};

// The parameters of a shard of the decoder in storage order: embedding, layers, head (none with tied embeddings),
// norms; those of a layer are its architecture's (architecture.hpp).
std::vector<Parameter> llama_parameters(const LlamaConfig& config, const Shard& shard = {});

// Memory for gradients: none; all at once; or two layers at a time, for gradients that leave as soon as a layer is done
// (ZeRO-2). In the last form layers l and l + 2 share memory; the other buckets have their own.
enum class GradientMemory : std::uint8_t { kNone, kWhole, kTwoLayers };

// Where everything lies, in elements. Buckets are padded so that each is cut into equal shards for `ranks`
// data-parallel ranks; the layout is the same for 1, 2, 4, .., 64 ranks.
struct StoreLayout {
  StoreLayout(std::vector<Parameter> parameters, GradientMemory gradients, int ranks);

  // The elements [begin, end) of a bucket whose gradients are parts of a sum over tensor-parallel shards.
  struct Range {
    std::int64_t begin = 0, end = 0;
    std::int64_t size() const { return end - begin; }
  };
  std::vector<Range> partial_gradients(std::size_t bucket, bool sequence_parallel) const;

  std::vector<Parameter> parameters;
  std::vector<Bucket> buckets;
  std::int64_t size = 0;
  GradientMemory gradient_memory;
  std::vector<std::int64_t> gradient_begin;  // of each bucket
  std::int64_t gradient_size = 0;
};

// Collects the parameters that one tensor-parallel shard holds, bucket by bucket, in storage order.
class ParameterLayout {
 public:
  explicit ParameterLayout(const Shard& shard) : shard_(shard) {}

  void open_bucket() { ++bucket_; }
  void matrix(std::string name, std::int64_t rows, std::int64_t columns, Role role) {
    add(std::move(name), {rows, columns}, role, split_of(role), TensorGradient::kWhole);
  }
  void norm(std::string name, std::int64_t size, TensorGradient gradient) {
    add(std::move(name), {size}, Role::kNorm, Split::kNone, gradient);
  }
  // Of a column-parallel projection: cut as its outputs are.
  void bias(std::string name, std::int64_t size) {
    add(std::move(name), {size}, Role::kBias, Split::kColumns, TensorGradient::kWhole);
  }
  // One matrix of an adapter, cut as its projection is: where it is not cut, each shard has a part of its gradient.
  void adapter(std::string name, std::int64_t rows, std::int64_t columns, Split split) {
    add(std::move(name), {rows, columns}, Role::kAdapter, split,
        split == Split::kNone ? TensorGradient::kPart : TensorGradient::kWhole);
  }
  std::vector<Parameter> take() { return std::move(parameters_); }

 private:
  void add(std::string name, std::vector<std::int64_t> shape, Role role, Split split, TensorGradient gradient);

  const Shard shard_;
  std::vector<Parameter> parameters_;
  int bucket_ = -1;
};

// The shard of a store that one data-parallel rank owns under ZeRO (Rajbhandari et al. 2020): the r-th of R equal parts
// of every bucket (picture in train/data_parallel.hpp). Optimizer states live in shard storage, these parts one after
// the other in bucket order. A part is a number of chunks, equal parts of a bucket whose number depends on R as little
// as possible, so that norms, summed by chunk, have the same bits for 1, 2, 4, .., 64 ranks.
inline constexpr std::int64_t kChunkAlignment = 16;  // elements, 64 bytes of float
constexpr std::int64_t chunks_of_bucket(int ranks) { return 64 % ranks == 0 ? 64 : (64 / ranks + 1) * ranks; }

// Elements of one parameter inside a shard.
struct ShardPart {
  std::size_t parameter = 0;
  std::int64_t begin = 0, end = 0;  // elements of the held matrix, row-major
  std::int64_t store_offset = 0;    // of the first one in weights()
  std::int64_t shard_offset = 0;    // and in shard storage
  std::int64_t size() const { return end - begin; }
};

// The owned part of a bucket.
struct BucketShard {
  std::int64_t begin = 0, end = 0;  // within the bucket
  std::int64_t shard_offset = 0;
  std::int64_t size() const { return end - begin; }
};

class ParameterShard {
 public:
  // Throws kInternal where the layout is not for so many ranks.
  ParameterShard(const StoreLayout& layout, int rank, int ranks);

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }
  std::int64_t size() const { return size_; }  // elements of shard storage
  const std::vector<ShardPart>& parts() const { return parts_; }

  const BucketShard& of_bucket(std::size_t bucket) const { return buckets_[bucket]; }
  std::int64_t chunks() const { return chunks_of_bucket(ranks_); }  // of a whole bucket

 private:
  int rank_, ranks_;
  std::int64_t size_ = 0;
  std::vector<BucketShard> buckets_;
  std::vector<ShardPart> parts_;
};

// Places in the buckets of the store that is trained: the model's own, or its adapters', which have two for each layer
// and nothing else. With tied embeddings the head's bucket is the embedding's.
struct LlamaBuckets {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t embedding = kNone, head = kNone, norms = kNone, first_layer = 0, of_layer = 0;

  LlamaBuckets(const std::vector<Bucket>& buckets, std::int64_t layers) {
    std::size_t in_layers = 0;
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      const Role role = buckets[b].role;
      if (role == Role::kEmbedding) embedding = b;
      if (role == Role::kHead) head = b;
      if (role == Role::kNorm) norms = b;
      if ((is_projection(role) || role == Role::kAdapter) && in_layers++ == 0) first_layer = b;
    }
    if (head == kNone) head = embedding;
    of_layer = in_layers / static_cast<std::size_t>(layers);
  }
  bool adapters() const { return embedding == kNone; }
  // visit(bucket) for those of a layer.
  template <class Visit>
  void for_layer(std::size_t index, const Visit& visit) const {
    for (std::size_t b = 0; b < of_layer; ++b) visit(first_layer + index * of_layer + b);
  }
};

// Hooks around each parameter bucket in forward and backward, to overlap communication with compute.
class BucketListener {
 public:
  virtual ~BucketListener() = default;
  virtual void before_forward(std::size_t bucket) = 0;   // its weights are about to be read
  virtual void before_backward(std::size_t bucket) = 0;  // its gradients are about to be added to
  virtual void after_backward(std::size_t bucket) = 0;   // its gradients are complete
};

}  // namespace recpo::model
