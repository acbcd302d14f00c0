#pragma once
// Gradients by central differences. D(h) = (f(x + h) - f(x - h)) / 2h = f' + h^2 f''' / 6 + O(h^4), so the difference
// between D(2h) and D(h) is three times the truncation of D(h) to leading order; Richardson's (4 D(h) - D(2h)) / 3 is
// closer still. Its error is bounded by that truncation plus what the noise of f becomes when divided by h.

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "tests/support/tolerance.hpp"

namespace recpo::test {

struct Derivative {
  double value = 0, bound = 0;
};

// df/dx[i]; `noise` bounds the rounding error of one value of f (double).
inline Derivative derivative(const std::function<double(const std::vector<double>&)>& f, std::vector<double> x,
                             std::size_t i, double noise) {
  const double center = x[i];
  const double h = 1e-4 * std::max(1.0, std::abs(center));  // truncation ~ h^4, noise ~ 1e-16 / h: near their balance
  const auto difference = [&](double step) {
    const double above = center + step, below = center - step;
    x[i] = above;
    const double f_above = f(x);
    x[i] = below;
    return (f_above - f(x)) / (above - below);
  };
  const double fine = difference(h), coarse = difference(2 * h);
  return {(4 * fine - coarse) / 3, std::abs(coarse - fine) / 3 + 2 * noise / h};
}

// gradient[i] = df/dx[i] for `count` elements spread over x (all of them when count >= size).
inline void expect_gradient(const std::function<double(const std::vector<double>&)>& f, const std::vector<double>& x,
                            const std::vector<double>& gradient, double noise, std::size_t count, const char* what) {
  const std::size_t stride = std::max<std::size_t>(1, x.size() / count);
  for (std::size_t i = 0; i < x.size(); i += stride) {
    const Derivative expected = derivative(f, x, i, noise);
    EXPECT_LE(std::abs(gradient[i] - expected.value), expected.bound + noise)
        << what << "[" << i << "] is " << gradient[i] << ", differences say " << expected.value;
  }
}

// sum_i weight_i value_i and the rounding noise of such a scalar when every value is good to `roundings` of double.
inline double weighted_sum(const std::vector<double>& values, const std::vector<double>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * weights[i];
  return sum;
}
inline double weighted_noise(const std::vector<double>& values, const std::vector<double>& weights, double roundings) {
  double magnitude = 0;
  for (std::size_t i = 0; i < values.size(); ++i) magnitude += std::abs(values[i] * weights[i]);
  return gamma<double>(roundings + static_cast<double>(values.size())) * magnitude;
}

}  // namespace recpo::test
