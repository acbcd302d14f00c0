#include <gtest/gtest.h>

#include "kernels/gemm.hpp"
#include "src/support/check.hpp"
#include "tests/kernels/reference/gemm.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

template <class T, class C = T>
struct Product {
  Op op_a, op_b;
  std::int64_t m, n, k;
  Accumulate<T> alpha = 1, beta = 0;
  Values a = test::random_values<T>(m * k, "a"), b = test::random_values<T>(k * n, "b");
  Values c = beta == 0 ? Values(m * n, std::numeric_limits<double>::quiet_NaN()) : test::random_values<C>(m * n, "c");

  Guarded<T> guarded_a() const { return op_a == Op::kTranspose ? Guarded<T>(k, m, a) : Guarded<T>(m, k, a); }
  Guarded<T> guarded_b() const { return op_b == Op::kTranspose ? Guarded<T>(n, k, b) : Guarded<T>(k, n, b); }

  Guarded<C> compute(const ExecSpace& exec = ExecSpace()) const {
    const Guarded<T> a_in = guarded_a(), b_in = guarded_b();
    const Guarded<C> c_out(m, n, c);
    gemm<T, C>(exec, op_a, op_b, alpha, a_in.matrix(), b_in.matrix(), beta, c_out.matrix());
    exec.fence();
    return c_out;
  }
  // The same with c in another matrix than the result's; beta is 1.
  Guarded<C> compute_apart() const {
    const ExecSpace exec;
    const Guarded<T> a_in = guarded_a(), b_in = guarded_b();
    const Guarded<C> addend(m, n, c), c_out(m, n, Values(m * n, std::numeric_limits<double>::quiet_NaN()));
    gemm_add<T, C>(exec, op_a, op_b, alpha, a_in.matrix(), b_in.matrix(), addend.matrix(), c_out.matrix());
    exec.fence();
    EXPECT_EQ(addend.values(), Guarded<C>(m, n, c).values());
    return c_out;
  }
};

// k products, k additions of them, the factors alpha and beta and the last addition: any order of summation. The sum is
// stored once.
template <class T, class C>
void check(const Product<T, C>& product) {
  SCOPED_TRACE(testing::Message() << (product.op_a == Op::kTranspose ? "a^T" : "a")
                                  << (product.op_b == Op::kTranspose ? " b^T " : " b ") << product.m << " x "
                                  << product.n << " x " << product.k << " beta " << product.beta);
  const reference::GemmResult expected = reference::gemm(product.op_a, product.op_b, product.m, product.n, product.k,
                                                         product.alpha, product.a, product.b, product.beta, product.c);
  const double bound = test::gamma<T>(product.k + 3.0, product.k + 3.0);
  const auto tolerance = [&](auto i) { return test::stored<C>(bound * expected.magnitude[i], expected.c[i]); };
  test::expect_within<T>(product.compute().values(), expected.c, tolerance, "c");
  if (product.beta == 1) test::expect_within<T>(product.compute_apart().values(), expected.c, tolerance, "c apart");
}

constexpr Op kOps[] = {Op::kNone, Op::kTranspose};

struct Shape {
  std::int64_t m, n, k;
};

template <class T, class C = T>
void check_operations(const Shape& shape) {
  using Sum = Accumulate<T>;
  for (const Op op_a : kOps) {
    for (const Op op_b : kOps) {
      for (const Sum beta : {Sum(0), Sum(1), Sum(-0.5)}) {
        check<T, C>(
            {.op_a = op_a, .op_b = op_b, .m = shape.m, .n = shape.n, .k = shape.k, .alpha = Sum(0.75), .beta = beta});
      }
    }
  }
}

template <class T, class C = T>
void check_shapes() {
  // Single rows and columns, ragged edges of the register block, several tiles with a short last one.
  const Shape shapes[] = {{1, 1, 1},    {1, 37, 64},    {37, 1, 5},   {16, 16, 16},
                          {17, 33, 65}, {129, 257, 31}, {391, 140, 3}};
  for (const Shape& shape : shapes) check_operations<T, C>(shape);
}

TEST(Gemm, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(Gemm, EqualsTheReferenceInDouble) { check_shapes<double>(); }
TEST(Gemm, EqualsTheReferenceInBfloat16) { check_shapes<Bfloat16>(); }
TEST(Gemm, EqualsTheReferenceFromBfloat16ToFloat) { check_shapes<Bfloat16, float>(); }

// Inner dimensions that the CPU version widens in several parts, in one tile and in several.
template <class C>
void check_long_sums() {
  for (const Shape& shape : {Shape{1, 5, 513}, {17, 33, 1024}, {7, 19, 1100}, {129, 131, 520}}) {
    check_operations<Bfloat16, C>(shape);
  }
}

TEST(Gemm, LongSumsOfBfloat16AreRoundedOnce) {
  check_long_sums<Bfloat16>();
  check_long_sums<float>();
}

template <class T, class C = T>
void check_empty() {
  Product<T, C> product{.op_a = Op::kNone, .op_b = Op::kNone, .m = 3, .n = 5, .k = 0, .beta = 2.0};
  Values expected = product.c;
  for (double& value : expected) value *= 2;
  EXPECT_EQ(product.compute().values(), expected);
  product = {.op_a = Op::kNone, .op_b = Op::kTranspose, .m = 3, .n = 5, .k = 0};
  EXPECT_EQ(product.compute().values(), Values(15, 0.0));
  product = {.op_a = Op::kNone, .op_b = Op::kNone, .m = 0, .n = 5, .k = 3};  // no rows: no work
  EXPECT_EQ(product.compute().values(), Values());
}

TEST(Gemm, AnEmptySumLeavesBetaTimesC) {
  check_empty<float>();
  check_empty<double>();
  check_empty<Bfloat16>();
  check_empty<Bfloat16, float>();
}

TEST(Gemm, OperandsThatDoNotFitAreRefused) {
  const Guarded<float> a(2, 3, Values(6)), b(4, 5, Values(20)), c(2, 5);
  EXPECT_THROW(gemm<float>(ExecSpace(), Op::kNone, Op::kNone, 1, a.matrix(), b.matrix(), 0, c.matrix()), Error);
}

// More tiles than threads, and sums long enough that another order would show.
TEST(Gemm, SameBitsForAnyNumberOfThreads) {
  const Product<float> forward{.op_a = Op::kNone, .op_b = Op::kTranspose, .m = 290, .n = 960, .k = 576};
  test::expect_same_bits<float>([&](const ExecSpace& exec) { return forward.compute(exec).storage(); });
  const Product<float> gradient{.op_a = Op::kTranspose, .op_b = Op::kNone, .m = 576, .n = 400, .k = 1160, .beta = 1};
  test::expect_same_bits<float>([&](const ExecSpace& exec) { return gradient.compute(exec).storage(); });
  const Product<double> wide{.op_a = Op::kNone, .op_b = Op::kNone, .m = 40, .n = 3000, .k = 200};
  test::expect_same_bits<double>([&](const ExecSpace& exec) { return wide.compute(exec).storage(); });
  const Product<Bfloat16, float> widened{
      .op_a = Op::kTranspose, .op_b = Op::kNone, .m = 290, .n = 400, .k = 1160, .beta = 1};
  test::expect_same_bits<float>([&](const ExecSpace& exec) { return widened.compute(exec).storage(); });
}

template <class T, class C>
GemmCall<T, C> call_of(const Product<T, C>& product, const Guarded<T>& a, const Guarded<T>& b, const Guarded<C>& c) {
  const auto ld = [](const auto& x) { return static_cast<std::int64_t>(x.matrix().stride(0)); };
  return {.op_a = product.op_a,
          .op_b = product.op_b,
          .m = product.m,
          .n = product.n,
          .k = product.k,
          .alpha = product.alpha,
          .a = a.matrix().data(),
          .lda = ld(a),
          .b = b.matrix().data(),
          .ldb = ld(b),
          .beta = product.beta,
          .c = c.matrix().data(),
          .ldc = ld(c)};
}

template <class T, class C = T>
void check_batch() {
  std::vector<Product<T, C>> products;
  for (const Shape& shape : {Shape{128, 290, 64}, {34, 290, 64}, {1, 7, 9}, {0, 4, 4}, {500, 130, 20}}) {
    products.push_back({.op_a = Op::kNone, .op_b = Op::kTranspose, .m = shape.m, .n = shape.n, .k = shape.k});
    products.push_back(
        {.op_a = Op::kTranspose, .op_b = Op::kNone, .m = shape.m, .n = shape.n, .k = shape.k, .beta = 1});
  }
  std::vector<Guarded<T>> a, b;
  std::vector<Guarded<C>> c;
  std::vector<GemmCall<T, C>> calls;
  for (const Product<T, C>& product : products) {
    a.push_back(product.guarded_a());
    b.push_back(product.guarded_b());
    c.emplace_back(product.m, product.n, product.c);
    calls.push_back(call_of(product, a.back(), b.back(), c.back()));
  }
  gemm_batched<T, C>(ExecSpace(), calls);
  Kokkos::fence();
  for (std::size_t i = 0; i < products.size(); ++i) EXPECT_EQ(c[i].values(), products[i].compute().values()) << i;
}

TEST(Gemm, ABatchGivesTheBitsOfItsCallsAlone) {
  check_batch<float>();
  check_batch<Bfloat16>();
  check_batch<Bfloat16, float>();
}

TEST(Gemm, TheMachineHasARateAndTheLibraryAName) {
  EXPECT_GT(measured_gemm_rate<float>(), 0);
  EXPECT_GT(measured_gemm_rate<Bfloat16>(), 0);
  EXPECT_EQ(measured_gemm_rate<double>(), measured_gemm_rate<double>());  // measured once
  EXPECT_NE(std::string(gemm_description()), "");
}

}  // namespace
}  // namespace recpo::kernels
