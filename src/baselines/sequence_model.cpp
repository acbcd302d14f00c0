#include "src/baselines/sequence_model.hpp"

#include "kernels/item_scores.hpp"
#include "kernels/reductions.hpp"
#include "src/support/check.hpp"

namespace recpo::baselines {
namespace {
template <class T>
std::unique_ptr<SequenceEncoder<T>> make_encoder(const EncoderKind& kind, const ModelShape& shape,
                                                 const Parameters<T>& parameters) {
  if constexpr (std::is_same_v<T, float>) {
    return kind.make_float(shape, parameters);
  } else {
    return kind.make_double(shape, parameters);
  }
}
}  // namespace

std::vector<ParameterSpec> model_parameters(const EncoderKind& kind, const ModelShape& shape) {
  std::vector<ParameterSpec> specs = kind.parameters(shape);
  if (kind.shares_items) return specs;
  specs.push_back(item_table(shape, "output.items"));
  specs.push_back({"output.bias", shape.items, 1, Fill::kConstant, 0});
  return specs;
}

template <class T>
SequenceModel<T>::SequenceModel(const EncoderKind& kind, const ModelShape& shape)
    : parameters_(model_parameters(kind, shape)), encoder_(make_encoder<T>(kind, shape, parameters_)) {
  const char* table = kind.shares_items ? "items" : "output.items";
  table_ = parameters_.weight(table);
  d_table_ = parameters_.gradient(table);
  if (kind.shares_items) return;
  bias_ = parameters_.weight("output.bias");
  d_bias_ = parameters_.gradient("output.bias");
}

template <class T>
std::vector<double> SequenceModel<T>::forward(const ExecSpace& exec, const SequenceBatch& batch) {
  const auto sequences = static_cast<std::int64_t>(batch.histories.size());
  choices_ = batch.choices;
  RECPO_REQUIRE(static_cast<std::int64_t>(batch.items.size()) == sequences * choices_);
  items_.set(batch.items);
  states_ = encoder_->forward(exec, batch.histories);
  const Matrix<T> scores = scores_.get(sequences, choices_);
  kernels::item_scores_forward<T>(exec, items_.numbers(), table_, states_, scores);
  if (has_bias()) {
    const Matrix<T> bias = item_bias_.get(items_.size(), 1);
    items_.forward<T>(exec, bias_, bias);
    kernels::add<T>(exec, Vector<const T>(bias.data(), bias.size()), Vector<T>(scores.data(), scores.size()));
  }
  std::vector<T> host(scores.size());
  exec.fence("recpo::baselines::scores");
  Kokkos::deep_copy(HostVector<T>(host.data(), host.size()), Vector<T>(scores.data(), scores.size()));
  return {host.begin(), host.end()};
}

template <class T>
void SequenceModel<T>::backward(const ExecSpace& exec, std::span<const double> d_scores) {
  const std::int64_t sequences = states_.extent(0), hidden = states_.extent(1);
  RECPO_REQUIRE(static_cast<std::int64_t>(d_scores.size()) == sequences * choices_);
  const std::vector<T> host(d_scores.begin(), d_scores.end());
  const Matrix<T> d_score = d_scores_.get(sequences, choices_), d_states = d_states_.get(sequences, hidden),
                  d_rows = d_rows_.get(items_.size(), hidden);
  Kokkos::deep_copy(Vector<T>(d_score.data(), d_score.size()), HostVector<const T>(host.data(), host.size()));
  kernels::item_scores_backward<T>(exec, items_.numbers(), table_, states_, d_score, d_states, d_rows);
  items_.backward<T>(exec, d_rows, d_table_);
  if (has_bias()) items_.backward<T>(exec, Matrix<const T>(d_score.data(), d_score.size(), 1), d_bias_);
  encoder_->backward(exec, d_states);
}

#define RECPO_INSTANTIATE(T) template class SequenceModel<T>;
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::baselines
