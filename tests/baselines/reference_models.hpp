#pragma once
// The encoders of src/baselines by their definition, one history at a time, in fp64 and without any of the kernels:
// every position is computed, every window slides.

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "src/baselines/sequence_model.hpp"

namespace recpo::baselines {

using Row = std::vector<double>;

class ReferenceWeights {
 public:
  explicit ReferenceWeights(const Parameters<double>& parameters) {
    const std::vector<double> all = parameters.host_weights();
    auto at = all.begin();
    for (const ParameterSpec& spec : parameters.specs()) {
      std::vector<Row>& matrix = matrices_[spec.name];
      for (std::int64_t row = 0; row < spec.rows; ++row, at += spec.columns) matrix.emplace_back(at, at + spec.columns);
    }
  }
  const std::vector<Row>& operator[](const std::string& name) const { return matrices_.at(name); }
  bool has(const std::string& name) const { return matrices_.contains(name); }

  Row item(int number) const {
    const std::vector<Row>& items = matrices_.at("items");
    return number == kNoItem ? Row(items[0].size(), 0.0) : items[static_cast<std::size_t>(number)];
  }
  Row linear(const std::string& name, const Row& x) const {
    Row y;
    for (const Row& w : matrices_.at(name + ".weight")) y.push_back(dot(w, x));
    if (has(name + ".bias"))
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += matrices_.at(name + ".bias")[0][i];
    return y;
  }
  Row norm(const std::string& name, const Row& x) const {
    double mean = 0, variance = 0;
    for (const double value : x) mean += value / static_cast<double>(x.size());
    for (const double value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
    Row y;
    for (std::size_t i = 0; i < x.size(); ++i)
      y.push_back((x[i] - mean) / std::sqrt(variance + 1e-8) * matrices_.at(name + ".weight")[0][i] +
                  matrices_.at(name + ".bias")[0][i]);
    return y;
  }

  static double dot(const Row& a, const Row& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }
  static Row sum(Row a, const Row& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
  }
  static Row rectified(Row x) {
    for (double& value : x) value = std::max(value, 0.0);
    return x;
  }

 private:
  std::map<std::string, std::vector<Row>> matrices_;
};

inline Row reference_gru4rec(const ReferenceWeights& w, const ModelShape& shape, const std::vector<int>& history) {
  const auto hidden = static_cast<std::size_t>(shape.hidden);
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  Row h(hidden, 0.0);
  for (const int item : history) {
    const Row a = w.linear("gru.input", w.item(item)), c = w.linear("gru.hidden", h);
    for (std::size_t i = 0; i < hidden; ++i) {
      const double r = sigmoid(a[i] + c[i]), z = sigmoid(a[hidden + i] + c[hidden + i]);
      h[i] = (1 - z) * std::tanh(a[2 * hidden + i] + r * c[2 * hidden + i]) + z * h[i];
    }
  }
  return h;
}

inline Row reference_caser(const ReferenceWeights& w, const ModelShape& shape, const std::vector<int>& history) {
  constexpr int kFilters = 16;
  const int length = static_cast<int>(std::max<std::int64_t>(shape.length, 4));
  std::vector<Row> image(static_cast<std::size_t>(length) - history.size(), w.item(kNoItem));
  for (const int item : history) image.push_back(w.item(item));
  Row features;
  int first_row = 0;  // of the filters of a height: offset by offset, within it filter by filter
  for (const int height : {2, 3, 4}) {
    for (int f = 0; f < kFilters; ++f) {
      double best = 0;
      for (int t = 0; t + height <= length; ++t) {
        double sum = w["horizontal.bias"][0][static_cast<std::size_t>((height - 2) * kFilters + f)];
        for (int j = 0; j < height; ++j)
          sum += ReferenceWeights::dot(w["horizontal.weight"][static_cast<std::size_t>(first_row + j * kFilters + f)],
                                       image[static_cast<std::size_t>(t + j)]);
        best = std::max(best, sum);
      }
      features.push_back(best);
    }
    first_row += height * kFilters;
  }
  for (std::size_t h = 0; h < static_cast<std::size_t>(shape.hidden); ++h) {
    double sum = 0;
    for (std::size_t t = 0; t < image.size(); ++t) sum += w["vertical.weight"][0][t] * image[t][h];
    features.push_back(sum);
  }
  return ReferenceWeights::rectified(w.linear("dense", features));
}

inline std::vector<Row> reference_block(const ReferenceWeights& w, const std::string& name, std::vector<Row> x) {
  std::vector<Row> q, k, v;
  for (const Row& row : x) {
    const Row normed = w.norm(name + ".norm", row), kv = w.linear(name + ".key_value", normed);
    const auto middle = kv.begin() + static_cast<std::ptrdiff_t>(kv.size() / 2);
    q.push_back(w.linear(name + ".query", normed));
    k.emplace_back(kv.begin(), middle);
    v.emplace_back(middle, kv.end());
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    Row out(x[i].size(), 0.0);
    double total = 0;
    for (std::size_t j = 0; j <= i; ++j) {
      const double weight = std::exp(ReferenceWeights::dot(q[i], k[j]) / std::sqrt(static_cast<double>(q[i].size())));
      total += weight;
      for (std::size_t h = 0; h < out.size(); ++h) out[h] += weight * v[j][h];
    }
    for (std::size_t h = 0; h < out.size(); ++h) x[i][h] += out[h] / total;
  }
  for (Row& row : x) {
    const Row inner = ReferenceWeights::rectified(w.linear(name + ".inner", w.norm(name + ".norm2", row)));
    row = ReferenceWeights::sum(row, w.linear(name + ".outer", inner));
  }
  return x;
}

inline Row reference_sasrec(const ReferenceWeights& w, const ModelShape& shape, const std::vector<int>& history) {
  std::vector<Row> x;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const std::size_t position = static_cast<std::size_t>(shape.length) - history.size() + i;
    x.push_back(ReferenceWeights::sum(w.item(history[i]), w["positions"][position]));
  }
  for (std::int64_t b = 0; b < shape.blocks; ++b) x = reference_block(w, "block" + std::to_string(b), x);
  return w.norm("norm", x.back());
}

inline double reference_score(const ReferenceWeights& w, const Row& state, int item) {
  const auto row = static_cast<std::size_t>(item);
  if (!w.has("output.items")) return ReferenceWeights::dot(w["items"][row], state);
  return ReferenceWeights::dot(w["output.items"][row], state) + w["output.bias"][row][0];
}

}  // namespace recpo::baselines
