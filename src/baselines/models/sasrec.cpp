// SASRec (Kang, McAuley 2018): item and position vectors, blocks of causal self-attention, a last norm; scores come
// from the table of the histories' items. Positions count from the end: the most recent item is always at the last one.
// Histories are packed, none is padded, and the last block computes the last item of each alone, whose state is the
// answer.

#include <vector>

#include "kernels/dropout.hpp"
#include "kernels/reductions.hpp"
#include "src/baselines/attention_block.hpp"

namespace recpo::baselines {
namespace {

template <class T>
class SasRec final : public SequenceEncoder<T> {
 public:
  SasRec(const ModelShape& shape, const Parameters<T>& parameters)
      : shape_(shape),
        items_(parameters.weight("items")),
        d_items_(parameters.gradient("items")),
        positions_(parameters.weight("positions")),
        d_positions_(parameters.gradient("positions")),
        norm_(parameters, "norm"),
        gradients_(static_cast<std::size_t>(shape.blocks + 1)) {
    for (std::int64_t b = 0; b < shape.blocks; ++b) blocks_.emplace_back(parameters, b);
  }

  Matrix<const T> forward(const ExecSpace& exec, const HistoryBatch& batch) override;
  void backward(const ExecSpace& exec, Matrix<const T> d_states) override;

 private:
  static constexpr std::uint64_t kSalt = 3;

  void set(const HistoryBatch& batch);
  bool is_last(std::size_t block) const { return block + 1 == blocks_.size(); }
  kernels::DropoutMask mask() const { return {all_.keys.view(), kSalt, dropout_}; }

  ModelShape shape_;
  double dropout_ = 0;
  Matrix<T> items_, d_items_, positions_, d_positions_;
  std::vector<AttentionBlock<T>> blocks_;
  Norm<T> norm_;
  Places all_, last_;
  Lookup tokens_, places_in_window_;
  Buffer<T> inputs_, position_rows_;
  std::vector<Buffer<T>> gradients_;  // of each block's input, and of the last one's result
};

template <class T>
void SasRec<T>::set(const HistoryBatch& batch) {
  dropout_ = batch.dropout;
  std::vector<int> tokens, positions;
  for (const auto& history : batch.histories) {
    for (std::size_t i = 0; i < history.size(); ++i) {
      tokens.push_back(history[i]);
      positions.push_back(static_cast<int>(shape_.length - static_cast<std::int64_t>(history.size() - i)));
    }
  }
  tokens_.set(tokens);
  places_in_window_.set(positions);
  all_.set(batch, false);
  last_.set(batch, true);
}

template <class T>
Matrix<const T> SasRec<T>::forward(const ExecSpace& exec, const HistoryBatch& batch) {
  set(batch);
  const Matrix<T> embedded = inputs_.get(tokens_.size(), shape_.hidden),
                  positions = position_rows_.get(tokens_.size(), shape_.hidden);
  tokens_.forward<T>(exec, items_, embedded);
  places_in_window_.forward<T>(exec, positions_, positions);
  kernels::add<T>(exec, as_vector(positions), as_vector(embedded));
  kernels::dropout_forward<T>(exec, mask(), embedded, embedded);
  Matrix<T> x = embedded;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    x = blocks_[b].forward(exec, is_last(b) ? last_ : all_, dropout_, x);
  }
  return norm_.forward(exec, x);
}

template <class T>
void SasRec<T>::backward(const ExecSpace& exec, Matrix<const T> d_states) {
  Matrix<T> d = gradients_.back().get(d_states.extent(0), shape_.hidden);
  Kokkos::deep_copy(exec, d, T(0));
  norm_.backward(exec, d_states, d);
  for (std::size_t b = blocks_.size(); b-- > 0;) {
    const Matrix<T> dx = gradients_[b].get(tokens_.size(), shape_.hidden);
    blocks_[b].backward(exec, d, dx);
    d = dx;
  }
  kernels::dropout_forward<T>(exec, mask(), d, d);
  tokens_.backward<T>(exec, d, d_items_);
  places_in_window_.backward<T>(exec, d, d_positions_);
}

std::vector<ParameterSpec> parameters(const ModelShape& shape) {
  std::vector<ParameterSpec> specs = {item_table(shape, "items")};
  specs.push_back(item_table(shape, "positions"));
  specs.back().rows = shape.length;
  for (std::int64_t b = 0; b < shape.blocks; ++b) append_attention_block(specs, b, shape.hidden);
  append_norm(specs, "norm", shape.hidden);
  return specs;
}

}  // namespace

template <class T>
EncoderKind<T> sasrec_encoder() {
  return {true, parameters, make_encoder<SasRec<T>>};
}
RECPO_INSTANTIATE_SUMS(sasrec_encoder);

extern const Baseline sasrec;
const Baseline sasrec = {
    .name = "sasrec", .label = "SASRec", .colour = "#a05195", .order = 30, .encoder = sasrec_encoder<float>};

}  // namespace recpo::baselines
