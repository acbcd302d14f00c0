// Caser (Tang, Wang 2018) without its user vectors, which the prompt of a language model does not hold either: the
// history as an image of L items x H numbers, padded at its beginning; horizontal filters of heights 2, 3, 4 (largest
// place kept) and a vertical filter beside them, dropout, a rectified layer to the state; a table of items of its own.

#include <algorithm>
#include <array>

#include "kernels/convolution.hpp"
#include "kernels/dropout.hpp"
#include "src/baselines/sequence_model.hpp"

namespace recpo::baselines {
namespace {

constexpr std::array<int, 3> kHeights = {2, 3, 4};
constexpr int kFilters = 16;  // of each height
constexpr int kVerticalFilters = 1;
constexpr int kHorizontalOutputs = kFilters * static_cast<int>(kHeights.size());
constexpr int kFilterRows = kFilters * (2 + 3 + 4);

std::int64_t window_length(const ModelShape& shape) { return std::max<std::int64_t>(shape.length, kHeights.back()); }
std::int64_t num_features(const ModelShape& shape) { return kHorizontalOutputs + kVerticalFilters * shape.hidden; }

template <class T>
class Caser final : public SequenceEncoder<T> {
 public:
  Caser(const ModelShape& shape, const Parameters<T>& parameters)
      : hidden_(shape.hidden),
        length_(static_cast<int>(window_length(shape))),
        items_(parameters.weight("items")),
        d_items_(parameters.gradient("items")),
        horizontal_(parameters, "horizontal", Bias::kNone),
        bias_(as_vector(parameters.weight("horizontal.bias"))),
        d_bias_(as_vector(parameters.gradient("horizontal.bias"))),
        vertical_(parameters.weight("vertical.weight")),
        d_vertical_(as_vector(parameters.gradient("vertical.weight"))),
        dense_(parameters, "dense", Bias::kRectified) {}

  Matrix<const T> forward(const ExecSpace& exec, const HistoryBatch& batch) override;
  void backward(const ExecSpace& exec, Matrix<const T> d_states) override;

 private:
  static constexpr std::uint64_t kSalt = 2;

  void set(const HistoryBatch& batch);
  // visit(height, columns [begin, ..) of the products, and of the features)
  template <class Visit>
  static void for_each_height(const Visit& visit) {
    int product = 0, feature = 0;
    for (const int height : kHeights) {
      visit(height, product, feature);
      product += height * kFilters;
      feature += kFilters;
    }
  }
  void convolutions_backward(const ExecSpace& exec, const Matrix<T>& d_features, const Matrix<T>& d_x);
  Vector<T> workspace(std::int64_t rows, std::int64_t width) {
    return workspace_.get(kernels::bias_workspace(rows, width));
  }

  std::int64_t hidden_, batch_ = 0;
  int length_;
  double dropout_ = 0;
  Matrix<T> items_, d_items_;
  Linear<T> horizontal_;
  Vector<T> bias_, d_bias_;
  Matrix<T> vertical_;
  Vector<T> d_vertical_;
  Linear<T> dense_;
  Lookup tokens_;
  Numbers keys_;
  Buffer<int> place_;
  Buffer<T> inputs_, products_, features_, dropped_, states_, d_states_, d_features_, d_products_, d_inputs_, terms_,
      workspace_;
  Matrix<int> place_all_;
  Matrix<T> x_, z_, z_dropped_, state_;
};

template <class T>
void Caser<T>::set(const HistoryBatch& batch) {
  batch_ = static_cast<std::int64_t>(batch.size());
  dropout_ = batch.dropout;
  std::vector<int> tokens, keys;
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const auto& history = batch.histories[s];
    tokens.insert(tokens.end(), static_cast<std::size_t>(length_) - history.size(), kNoItem);
    tokens.insert(tokens.end(), history.begin(), history.end());
    keys.push_back(batch.key(s, history.size() - 1));
  }
  tokens_.set(tokens);
  keys_.assign(keys);
}

template <class T>
Matrix<const T> Caser<T>::forward(const ExecSpace& exec, const HistoryBatch& batch) {
  set(batch);
  x_ = inputs_.get(batch_ * length_, hidden_);
  tokens_.forward<T>(exec, items_, x_);
  const Matrix<T> products = products_.get(batch_ * length_, kFilterRows);
  horizontal_.forward(exec, x_, products);
  z_ = features_.get(batch_, dense_.inputs());
  place_all_ = place_.get(batch_, kHorizontalOutputs);
  for_each_height([&](int height, int product, int feature) {
    kernels::horizontal_forward<T>(exec, length_, height, columns(products, product, product + height * kFilters),
                                   Vector<const T>(bias_.data() + feature, kFilters),
                                   columns(z_, feature, feature + kFilters),
                                   columns(place_all_, feature, feature + kFilters));
  });
  kernels::vertical_forward<T>(exec, length_, x_, vertical_, columns(z_, kHorizontalOutputs, dense_.inputs()));
  z_dropped_ = dropped_.get(batch_, dense_.inputs());
  kernels::dropout_forward<T>(exec, {keys_.view(), kSalt, dropout_}, z_, z_dropped_);
  state_ = states_.get(batch_, hidden_);
  dense_.forward(exec, z_dropped_, state_);
  return state_;
}

template <class T>
void Caser<T>::backward(const ExecSpace& exec, Matrix<const T> d_states) {
  const Matrix<T> d_state = d_states_.get(batch_, hidden_), d_z = d_features_.get(batch_, dense_.inputs()),
                  d_x = d_inputs_.get(batch_ * length_, hidden_);
  Kokkos::deep_copy(exec, d_state, d_states);
  dense_.backward(exec, z_dropped_, state_, d_state, 0, d_z);
  kernels::dropout_forward<T>(exec, {keys_.view(), kSalt, dropout_}, d_z, d_z);
  convolutions_backward(exec, d_z, d_x);
  tokens_.backward<T>(exec, d_x, d_items_);
}

template <class T>
void Caser<T>::convolutions_backward(const ExecSpace& exec, const Matrix<T>& d_features, const Matrix<T>& d_x) {
  const Matrix<T> d_horizontal = columns(d_features, 0, kHorizontalOutputs);
  kernels::relu_backward<T>(exec, columns(z_, 0, kHorizontalOutputs), d_horizontal);
  kernels::bias_backward<T>(exec, d_horizontal, d_bias_, workspace(batch_, kHorizontalOutputs));
  const Matrix<T> d_products = d_products_.get(batch_ * length_, kFilterRows);
  for_each_height([&](int height, int product, int feature) {
    kernels::horizontal_backward<T>(exec, length_, height, columns(place_all_, feature, feature + kFilters),
                                    columns(d_features, feature, feature + kFilters),
                                    columns(d_products, product, product + height * kFilters));
  });
  horizontal_.backward(exec, x_, d_products, d_products, 0, d_x);
  const std::int64_t weights = kVerticalFilters * length_;
  const Matrix<T> terms = terms_.get(batch_, weights);
  kernels::vertical_backward<T>(exec, length_, x_, vertical_, columns(d_features, kHorizontalOutputs, dense_.inputs()),
                                d_x, terms);
  kernels::bias_backward<T>(exec, terms, d_vertical_, workspace(batch_, weights));
}

std::vector<ParameterSpec> parameters(const ModelShape& shape) {
  std::vector<ParameterSpec> specs = {item_table(shape, "items")};
  // A filter sees height x H numbers: PyTorch's bound for the longest, for all.
  const double bound = 1 / std::sqrt(static_cast<double>(kHeights.back() * shape.hidden));
  specs.push_back({"horizontal.weight", kFilterRows, shape.hidden, Fill::kUniform, bound});
  specs.push_back({"horizontal.bias", 1, kHorizontalOutputs, Fill::kUniform, bound});
  const std::int64_t length = window_length(shape);
  specs.push_back({"vertical.weight", kVerticalFilters, length, Fill::kUniform, 1 / std::sqrt(double(length))});
  append_linear(specs, "dense", shape.hidden, num_features(shape), true);
  return specs;
}

}  // namespace

template <class T>
EncoderKind<T> caser_encoder() {
  return {false, parameters, make_encoder<Caser<T>>};
}
RECPO_INSTANTIATE_SUMS(caser_encoder);

extern const Baseline caser;
const Baseline caser = {
    .name = "caser", .label = "Caser", .colour = "#cc79a7", .order = 20, .encoder = caser_encoder<float>};

}  // namespace recpo::baselines
