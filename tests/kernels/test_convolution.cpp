#include <gtest/gtest.h>

#include "kernels/convolution.hpp"
#include "tests/kernels/reference/convolution.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

struct Shape {
  int windows, length, hidden, height, filters;
  int rows() const { return windows * length; }
};

// x W^T as the kernel wants it, with filters [F, n, H]: column j F + f is x . filter f's row j.
Values products(const Shape& s, const Values& x, const Values& filters) {
  Values out(s.rows() * s.height * s.filters, 0.0);
  for (int i = 0; i < s.rows(); ++i)
    for (int j = 0; j < s.height; ++j)
      for (int f = 0; f < s.filters; ++f)
        for (int h = 0; h < s.hidden; ++h)
          out[(i * s.height + j) * s.filters + f] += x[i * s.hidden + h] * filters[(f * s.height + j) * s.hidden + h];
  return out;
}

struct Horizontal {
  Values out, d_products;
};

// d_out holds the gradient before the rectifier.
template <class T>
Horizontal horizontal(const Shape& s, const Values& product_values, const Values& bias_values, const Values& d_values) {
  const Guarded<T> p(s.rows(), s.height * s.filters, product_values), bias(bias_values), out(s.windows, s.filters),
      d_out(s.windows, s.filters, d_values), d_products(s.rows(), s.height * s.filters);
  const OwnedMatrix<int> place("place", s.windows, s.filters);
  horizontal_forward<T>(ExecSpace(), s.length, s.height, p.matrix(), bias.vector(), out.matrix(), place);
  horizontal_backward<T>(ExecSpace(), s.length, s.height, place, d_out.matrix(), d_products.matrix());
  return {out.values(), d_products.values()};
}

template <class T>
void check_horizontal(const Shape& s) {
  SCOPED_TRACE(testing::Message() << s.windows << " windows of " << s.length << " x " << s.hidden << ", height "
                                  << s.height << ", " << s.filters << " filters");
  const Values x = test::random_values<T>(s.rows() * s.hidden, "x"),
               filters = test::random_values<T>(s.filters * s.height * s.hidden, "filters"),
               bias = test::random_values<T>(s.filters, "bias"), d(s.windows * s.filters, 1.0);
  const Values p = products(s, x, filters);
  const Values expected = reference::horizontal(s.windows, s.length, s.hidden, s.height, s.filters, x, filters, bias);
  // Of every place the products rounded to T, their own sums in double, and `height` additions; the largest of all
  // places is off by no more than the worst of them.
  Values bound(expected.size(), 0.0);
  for (int w = 0; w < s.windows; ++w)
    for (int f = 0; f < s.filters; ++f)
      for (int t = 0; t + s.height <= s.length; ++t) {
        double magnitude = std::abs(bias[f]), inner = 0;
        for (int j = 0; j < s.height; ++j) {
          magnitude += std::abs(p[((w * s.length + t + j) * s.height + j) * s.filters + f]);
          for (int h = 0; h < s.hidden; ++h)
            inner += std::abs(x[(w * s.length + t + j) * s.hidden + h] * filters[(f * s.height + j) * s.hidden + h]);
        }
        const double error = test::gamma<T>(s.height + 1) * magnitude +
                             test::gamma<double>(2.0 * s.hidden + s.height + 2) * (inner + std::abs(bias[f]));
        bound[w * s.filters + f] = std::max(bound[w * s.filters + f], error);
      }
  test::expect_within<T>(
      horizontal<T>(s, p, bias, d).out, expected, [&](auto i) { return bound[i]; }, "out");
}

template <class T>
void check_vertical(const Shape& s) {
  const Values x_values = test::random_values<T>(s.rows() * s.hidden, "x"),
               w_values = test::random_values<T>(s.filters * s.length, "w");
  const Guarded<T> x(s.rows(), s.hidden, x_values), w(s.filters, s.length, w_values),
      out(s.windows, s.filters * s.hidden);
  vertical_forward<T>(ExecSpace(), s.length, x.matrix(), w.matrix(), out.matrix());
  const Values expected = reference::vertical(s.windows, s.length, s.hidden, s.filters, x_values, w_values);
  Values absolute_x = x_values, absolute_w = w_values;
  for (double& value : absolute_x) value = std::abs(value);
  for (double& value : absolute_w) value = std::abs(value);
  const Values magnitude = reference::vertical(s.windows, s.length, s.hidden, s.filters, absolute_x, absolute_w);
  test::expect_within<T>(
      out.values(), expected, [&](auto i) { return test::gamma<T>(s.length + 1, s.length + 1) * magnitude[i]; }, "out");
}

template <class T>
void check_shapes() {
  for (const int height : {1, 2, 4}) {
    check_horizontal<T>({1, height, 3, height, 1});
    check_horizontal<T>({5, 9, 8, height, 16});
  }
  for (const int filters : {1, 3}) check_vertical<T>({4, 6, 15, 0, filters});
}

TEST(Convolution, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(Convolution, EqualsTheReferenceInDouble) { check_shapes<double>(); }

TEST(Convolution, HorizontalGradientIsTheDerivativeOfTheForward) {
  const Shape s{3, 6, 1, 2, 4};
  const Values p = test::random_values<double>(s.rows() * s.height * s.filters, "p"),
               bias = test::random_values<double>(s.filters, "bias"),
               d = test::random_values<double>(s.windows * s.filters, "d");
  const Values out = horizontal<double>(s, p, bias, d).out;
  Values rectified = d;
  for (std::size_t i = 0; i < d.size(); ++i) rectified[i] = out[i] > 0 ? d[i] : 0;
  const Values d_products = horizontal<double>(s, p, bias, rectified).d_products;
  const auto loss = [&](const Values& at) { return test::weighted_sum(horizontal<double>(s, at, bias, d).out, d); };
  const double noise = test::weighted_noise(out, d, s.height + 1);
  test::expect_gradient(loss, p, d_products, noise, p.size(), "d_products");
}

TEST(Convolution, OfEqualPlacesTheFirstIsKept) {
  const Shape s{1, 4, 1, 1, 1};
  EXPECT_EQ(horizontal<float>(s, {1, 3, 3, 2}, {0}, {5}).d_products, (Values{0, 5, 0, 0}));
}

// x and weight at once: dx holds zeros, so that it is the gradient alone.
std::pair<Values, Values> vertical_gradients(const Shape& s, const Values& x_values, const Values& w_values,
                                             const Values& d_values) {
  const Guarded<double> x(s.rows(), s.hidden, x_values), w(s.filters, s.length, w_values),
      d(s.windows, s.filters * s.hidden, d_values), dx(s.rows(), s.hidden, Values(s.rows() * s.hidden, 0.0)),
      terms(s.windows, s.filters * s.length);
  vertical_backward<double>(ExecSpace(), s.length, x.matrix(), w.matrix(), d.matrix(), dx.matrix(), terms.matrix());
  Values d_weight(s.filters * s.length, 0.0);
  const Values rows = terms.values();
  for (std::size_t i = 0; i < rows.size(); ++i) d_weight[i % d_weight.size()] += rows[i];
  return {dx.values(), d_weight};
}

TEST(Convolution, VerticalGradientsAreTheDerivativesOfTheForward) {
  const Shape s{3, 5, 4, 0, 2};
  const Values x = test::random_values<double>(s.rows() * s.hidden, "x"),
               w = test::random_values<double>(s.filters * s.length, "w"),
               d = test::random_values<double>(s.windows * s.filters * s.hidden, "d");
  const auto forward = [&](const Values& x_at, const Values& w_at) {
    return reference::vertical(s.windows, s.length, s.hidden, s.filters, x_at, w_at);
  };
  const auto [dx, d_weight] = vertical_gradients(s, x, w, d);
  const double noise = test::weighted_noise(forward(x, w), d, 4.0 * s.length);
  test::expect_gradient([&](const Values& at) { return test::weighted_sum(forward(at, w), d); }, x, dx, noise, 60,
                        "dx");
  test::expect_gradient([&](const Values& at) { return test::weighted_sum(forward(x, at), d); }, w, d_weight, noise, 10,
                        "d_weight");
}

}  // namespace
}  // namespace recpo::kernels
