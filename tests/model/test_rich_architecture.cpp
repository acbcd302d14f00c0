// Biases and norms of heads against a decoder written down by definition, one sequence at a time, in double. Their
// gradients are tested with those of the other parameters (test_llama.cpp, test_tensor_parallel.cpp).

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kernels/rope_scaling.hpp"
#include "tests/model/rich_architecture.hpp"
#include "tests/model/tiny_model.hpp"

namespace recpo::test {
namespace {
using Row = std::vector<double>;

class Definition {
 public:
  explicit Definition(TinyModel<double>& model)
      : model_(model),
        config_(model.config),
        frequencies_(kernels::rope_inverse_frequencies(static_cast<int>(config_.head_dim), config_.rope_theta,
                                                       config_.rope_scaling)) {}

  double logp(const Tokens& prompt, const Tokens& answer) const {
    Tokens tokens = prompt;
    tokens.insert(tokens.end(), answer.begin(), answer.end());
    std::vector<Row> x;
    for (const std::int32_t token : tokens) x.push_back(slice(values("model.embed_tokens.weight"), token, hidden()));
    for (std::int64_t l = 0; l < config_.num_hidden_layers; ++l) add_block(fmt::format("model.layers.{}.", l), x);
    double sum = 0;
    for (std::size_t t = prompt.size(); t < tokens.size(); ++t) {
      const Row logits = product("lm_head.weight", norm("model.norm.weight", x[t - 1]));
      double exponentials = 0;
      for (const double logit : logits) exponentials += std::exp(logit);
      sum += logits[static_cast<std::size_t>(tokens[t])] - std::log(exponentials);
    }
    return sum;
  }

 private:
  std::size_t hidden() const { return static_cast<std::size_t>(config_.hidden_size); }
  Row values(const std::string& name) const {
    const Matrix<double> weight = model_.store.weight(model_.store.index(name));
    return host_values(Vector<double>(weight.data(), weight.size()));
  }
  static Row slice(const Row& x, std::int64_t index, std::size_t width) {
    const auto begin = x.begin() + index * static_cast<std::ptrdiff_t>(width);
    return Row(begin, begin + static_cast<std::ptrdiff_t>(width));
  }
  Row norm(const std::string& name, const Row& x) const {
    const double squares = std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
    const double r = 1 / std::sqrt(squares / static_cast<double>(x.size()) + config_.rms_norm_eps);
    Row y = values(name);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] *= x[i] * r;
    return y;
  }
  Row product(const std::string& name, const Row& x) const {
    const Row w = values(name);
    Row y(w.size() / x.size());
    for (std::size_t o = 0; o < y.size(); ++o)
      y[o] = std::inner_product(x.begin(), x.end(), w.begin() + static_cast<std::ptrdiff_t>(o * x.size()), 0.0);
    return y;
  }
  // Heads of a projection with bias; `norm_name` where they are normalized and rotated.
  std::vector<Row> heads(const std::string& projection, const std::string& norm_name, const Row& x,
                         int position) const {
    Row y = product(projection + ".weight", x);
    const Row bias = values(projection + ".bias");
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += bias[i];
    std::vector<Row> all;
    const auto d = static_cast<std::size_t>(config_.head_dim);
    for (std::size_t h = 0; h < y.size() / d; ++h) {
      Row head = slice(y, static_cast<std::int64_t>(h), d);
      if (!norm_name.empty()) head = rotated(norm(norm_name, head), position);
      all.push_back(head);
    }
    return all;
  }
  Row rotated(const Row& x, int position) const {
    Row y = x;
    const std::size_t half = x.size() / 2;
    for (std::size_t d = 0; d < half; ++d) {
      const double cosine = std::cos(position * frequencies_[d]), sine = std::sin(position * frequencies_[d]);
      y[d] = x[d] * cosine - x[d + half] * sine;
      y[d + half] = x[d + half] * cosine + x[d] * sine;
    }
    return y;
  }
  void add_block(const std::string& prefix, std::vector<Row>& x) const {
    std::vector<std::vector<Row>> keys, values;  // [position][head]
    for (std::size_t t = 0; t < x.size(); ++t) {
      const Row normed = norm(prefix + "input_layernorm.weight", x[t]);
      const std::string attention = prefix + "self_attn.";
      const int position = static_cast<int>(t);
      const auto queries = heads(attention + "q_proj", attention + "q_norm.weight", normed, position);
      keys.push_back(heads(attention + "k_proj", attention + "k_norm.weight", normed, position));
      values.push_back(heads(attention + "v_proj", "", normed, position));
      Row attended;
      for (std::size_t h = 0; h < queries.size(); ++h) {
        const std::size_t group = h * keys[0].size() / queries.size();
        Row sum(queries[h].size(), 0.0);
        double total = 0;
        for (std::size_t j = 0; j <= t; ++j) {
          const Row& key = keys[j][group];
          const double weight = std::exp(std::inner_product(key.begin(), key.end(), queries[h].begin(), 0.0) /
                                         std::sqrt(static_cast<double>(key.size())));
          total += weight;
          for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += weight * values[j][group][d];
        }
        for (const double s : sum) attended.push_back(s / total);
      }
      add(product(attention + "o_proj.weight", attended), x[t]);
      const Row mid = norm(prefix + "post_attention_layernorm.weight", x[t]);
      Row gate = product(prefix + "mlp.gate_proj.weight", mid);
      const Row up = product(prefix + "mlp.up_proj.weight", mid);
      for (std::size_t i = 0; i < gate.size(); ++i) gate[i] *= up[i] / (1 + std::exp(-gate[i]));
      add(product(prefix + "mlp.down_proj.weight", gate), x[t]);
    }
  }
  static void add(const Row& more, Row& x) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += more[i];
  }

  TinyModel<double>& model_;
  const model::LlamaConfig& config_;
  const std::vector<double> frequencies_;
};

TEST(RichArchitecture, LogProbsAreThoseOfTheDefinition) {
  TinyModel<double> model(rich(tiny_config(false)));
  const std::vector<TreeTokens> trees = random_trees(2, 3, 61);
  const std::vector<double> logp = model.llama.forward(packed(trees));
  const double bound = decoder_bound<double>(model.config);
  std::size_t completion = 0;
  for (const TreeTokens& tree : trees) {
    for (const Tokens& answer : tree.answers) {
      const double expected = Definition(model).logp(tree.prompt, answer);
      EXPECT_NEAR(logp[completion], expected, bound * std::abs(expected)) << completion;
      ++completion;
    }
  }
}

}  // namespace
}  // namespace recpo::test
