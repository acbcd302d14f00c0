// GRU4Rec (Hidasi et al. 2016): a gated recurrent unit reads the history; its last state meets a table of items of its
// own. One layer; dropout on the items read. Sequences are padded at their beginning, time outermost: row t B + s of
// the inputs is step t of sequence s.

#include "kernels/dropout.hpp"
#include "kernels/gru.hpp"
#include "src/baselines/sequence_model.hpp"

namespace recpo::baselines {
namespace {

template <class T>
class Gru4Rec final : public SequenceEncoder<T> {
 public:
  Gru4Rec(const ModelShape& shape, const Parameters<T>& parameters)
      : hidden_(shape.hidden),
        items_(parameters.weight("items")),
        d_items_(parameters.gradient("items")),
        input_(parameters, "gru.input", Bias::kAdded),
        recurrent_(parameters, "gru.hidden", Bias::kNone),
        bias_(as_vector(parameters.weight("gru.hidden.bias"))),
        d_bias_(as_vector(parameters.gradient("gru.hidden.bias"))) {}

  Matrix<const T> forward(const ExecSpace& exec, const HistoryBatch& batch) override;
  void backward(const ExecSpace& exec, Matrix<const T> d_states) override;

 private:
  static constexpr std::uint64_t kSalt = 1;

  void set(const HistoryBatch& batch);
  // The rows of step t in a buffer that holds all steps.
  Matrix<T> step(const Matrix<T>& all, std::int64_t t) const { return rows(all, t * batch_, (t + 1) * batch_); }

  std::int64_t hidden_, batch_ = 0, length_ = 0;
  double dropout_ = 0;
  Matrix<T> items_, d_items_;
  Linear<T> input_, recurrent_;
  Vector<T> bias_, d_bias_;
  Lookup tokens_;
  Numbers keys_, first_;
  Buffer<T> inputs_, a_, c_, gates_, states_, d_a_, d_c_, d_inputs_, d_h_, d_h_next_, workspace_;
  Matrix<T> x_, a_all_, gates_all_, h_all_;
};

template <class T>
void Gru4Rec<T>::set(const HistoryBatch& batch) {
  batch_ = static_cast<std::int64_t>(batch.size());
  length_ = static_cast<std::int64_t>(batch.longest());
  dropout_ = batch.dropout;
  std::vector<int> tokens(static_cast<std::size_t>(batch_ * length_), kNoItem), keys(tokens.size(), 0), first;
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const std::size_t begin = static_cast<std::size_t>(length_) - batch.histories[s].size();
    for (std::size_t i = 0; i < batch.histories[s].size(); ++i) {
      tokens[(begin + i) * batch.size() + s] = batch.histories[s][i];
      keys[(begin + i) * batch.size() + s] = batch.key(s, i);
    }
    first.push_back(static_cast<int>(begin));
  }
  tokens_.set(tokens);
  keys_.assign(keys);
  first_.assign(first);
}

template <class T>
Matrix<const T> Gru4Rec<T>::forward(const ExecSpace& exec, const HistoryBatch& batch) {
  set(batch);
  const std::int64_t steps = batch_ * length_;
  x_ = inputs_.get(steps, hidden_);
  tokens_.forward<T>(exec, items_, x_);
  kernels::dropout_forward<T>(exec, {keys_.view(), kSalt, dropout_}, x_, x_);
  a_all_ = a_.get(steps, 3 * hidden_);
  input_.forward(exec, x_, a_all_);
  gates_all_ = gates_.get(steps, 4 * hidden_);
  h_all_ = states_.get(steps + batch_, hidden_);  // before the first step, and after each
  Kokkos::deep_copy(exec, step(h_all_, 0), T(0));
  const Matrix<T> c = c_.get(batch_, 3 * hidden_);
  for (std::int64_t t = 0; t < length_; ++t) {
    recurrent_.forward(exec, step(h_all_, t), c);
    kernels::gru_forward<T>(exec, first_.view(), static_cast<int>(t), step(a_all_, t), c, bias_, step(h_all_, t),
                            step(gates_all_, t), step(h_all_, t + 1));
  }
  return step(h_all_, length_);
}

template <class T>
void Gru4Rec<T>::backward(const ExecSpace& exec, Matrix<const T> d_states) {
  const std::int64_t steps = batch_ * length_;
  const Matrix<T> d_a = d_a_.get(steps, 3 * hidden_), d_c = d_c_.get(steps, 3 * hidden_);
  Matrix<T> d_h = d_h_.get(batch_, hidden_), d_h_next = d_h_next_.get(batch_, hidden_);
  Kokkos::deep_copy(exec, d_h_next, d_states);
  for (std::int64_t t = length_ - 1; t >= 0; --t) {
    kernels::gru_backward<T>(exec, first_.view(), static_cast<int>(t), step(gates_all_, t), step(h_all_, t), d_h_next,
                             step(d_a, t), step(d_c, t), d_h);
    recurrent_.add_input_gradient(exec, step(d_c, t), 1, d_h);
    std::swap(d_h, d_h_next);
  }
  recurrent_.add_weight_gradients(exec, rows(h_all_, 0, steps), d_c);
  kernels::bias_backward<T>(exec, d_c, d_bias_, workspace_.get(kernels::bias_workspace(steps, 3 * hidden_)));
  const Matrix<T> d_x = d_inputs_.get(steps, hidden_);
  input_.backward(exec, x_, a_all_, d_a, 0, d_x);
  kernels::dropout_forward<T>(exec, {keys_.view(), kSalt, dropout_}, d_x, d_x);
  tokens_.backward<T>(exec, d_x, d_items_);
}

std::vector<ParameterSpec> parameters(const ModelShape& shape) {
  std::vector<ParameterSpec> specs = {item_table(shape, "items")};
  append_linear(specs, "gru.input", 3 * shape.hidden, shape.hidden, true);
  append_linear(specs, "gru.hidden", 3 * shape.hidden, shape.hidden, true);
  return specs;
}

}  // namespace

template <class T>
EncoderKind<T> gru4rec_encoder() {
  return {false, parameters, make_encoder<Gru4Rec<T>>};
}
RECPO_INSTANTIATE_SUMS(gru4rec_encoder);

extern const Baseline gru4rec;
const Baseline gru4rec = {
    .name = "gru4rec", .label = "GRU4Rec", .colour = "#7a5c99", .order = 10, .encoder = gru4rec_encoder<float>};

}  // namespace recpo::baselines
