// The trainer on whatever device this is built for against figures of another machine: the losses of five RecPO steps
// of a tiny model in double, made on a CPU and written down here; and the same steps in float and bfloat16 against
// those in double.
//
// The bounds, as tests/model/test_bfloat16_model.cpp derives them for one pass: a product answers a rounding of its
// inputs by u as it answers weights that are each moved by u, up or down at random. So in every step the weights are
// moved anew while the step looks at them, and put back before the next; losses and weights of the moved runs scatter
// around those of the unmoved one as if each product rounded once. In bfloat16 a pass rounds what it stores five times
// a product and sums in float. In float and double sums round, too: one of n terms, added in any order, by at most
// sqrt(n) as much as its n terms when errors are independent. Independent errors grow like a random walk.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/tolerance.hpp"
#include "tests/train/training_problem.hpp"

namespace recpo::test {
namespace {

constexpr int kSteps = 5, kDraws = 4;
constexpr double kRoundingsOfProduct = 5;
constexpr double kLongestSum = 100;  // the stage's tokens of a micro-batch, of which gradients of weights are sums
constexpr double kDeviations = 4;    // a normal error is beyond once in 15,000

constexpr double kLosses[kSteps] = {9.7116834875523192, 9.5862386135926485, 18.203015992799646, 11.749178129805681,
                                    6.9485058540271769};

struct Course {
  std::vector<double> losses, weights;  // of every step; after the last
};

// `move`: of each weight while a step looks at it, relative; `draw` seeds its signs.
Course course_in_double(double move, int draw) {
  const parallel::ProcessGrid alone = one_rank();
  TrainingProblem<double> problem(small_stage("recpo"), alone);
  const Vector<double> stored = problem.store().weights();
  Random random(41, "moved weights", static_cast<std::uint64_t>(draw));
  Course course;
  for (int step = 0; step < kSteps; ++step) {
    std::vector<double> moves = host_values(stored), moved = moves;
    for (double& m : moves) m *= random.below(2) == 0 ? move : -move;
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += moves[i];
    set_values(stored, moved);
    course.losses.push_back(problem.run(1, step).front().loss);
    moved = host_values(stored);
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] -= moves[i];
    set_values(stored, moved);
  }
  course.weights = host_values(stored);
  return course;
}

// The weights that are updated: the master's where there is one.
template <class T>
Course course() {
  const parallel::ProcessGrid alone = one_rank();
  TrainingProblem<T> problem(small_stage("recpo"), alone);
  Course course;
  for (const train::StepMetrics& metrics : problem.run(kSteps)) course.losses.push_back(metrics.loss);
  if constexpr (optim::AdamW<T>::kHasMaster) {
    std::vector<Accumulate<T>> master(static_cast<std::size_t>(problem.optimizer().shard().size()));
    problem.optimizer().read_state(optim::State::kMaster, 0, master);
    course.weights.assign(master.begin(), master.end());
  } else {
    const std::vector<T> weights = problem.weights();
    course.weights.assign(weights.begin(), weights.end());
  }
  return course;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(a[i] - b[i], 2);
  return std::sqrt(sum);
}

// Standard deviations of the losses, and the largest distance of the weights, over courses whose weights are moved.
struct Scatter {
  std::vector<double> losses = std::vector<double>(kSteps, 0.0);
  double weights = 0;
};

const Course& exact_course() {
  static const Course exact = course<double>();
  return exact;
}

Scatter scatter(double move) {
  const Course& unmoved = exact_course();
  Scatter scatter;
  for (int draw = 0; draw < kDraws; ++draw) {
    const Course moved = course_in_double(move, draw);
    for (std::size_t s = 0; s < kSteps; ++s) {
      scatter.losses[s] += std::pow(moved.losses[s] - unmoved.losses[s], 2) / kDraws;
    }
    scatter.weights = std::max(scatter.weights, distance(moved.weights, unmoved.weights));
  }
  for (double& loss : scatter.losses) loss = std::sqrt(loss);
  return scatter;
}

// `growth` of errors beyond one rounding a product.
void expect_within(const Course& found, const Scatter& rounding, double growth) {
  for (std::size_t s = 0; s < kSteps; ++s) {
    const double bound = kDeviations * growth * rounding.losses[s];
    EXPECT_NEAR(found.losses[s], kLosses[s], bound) << "step " << s;
    EXPECT_LT(bound, 0.01 * kLosses[s]) << "step " << s << ": the bound sees nothing";
  }
  const parallel::ProcessGrid alone = one_rank();
  const std::vector<double> start = TrainingProblem<double>(small_stage("recpo"), alone).start();
  EXPECT_LE(distance(found.weights, exact_course().weights), growth * rounding.weights);
  EXPECT_LT(growth * rounding.weights, 0.25 * distance(exact_course().weights, start)) << "the bound sees nothing";
}

constexpr double kFloatRoundoff = 0x1p-24;
const double kGrowthOfSums = std::sqrt(kRoundingsOfProduct * kLongestSum);

const Scatter& float_scatter() {
  static const Scatter rounding = scatter(kFloatRoundoff);
  return rounding;
}

// Nothing could be told from a response to double's own roundoff: that to float's, scaled down.
TEST(DeviceParity, DoubleGivesTheLossesOfAnotherMachine) {
  const double scale = kDeviations * kGrowthOfSums * unit_roundoff<double>() / kFloatRoundoff;
  for (std::size_t s = 0; s < kSteps; ++s) {
    EXPECT_NEAR(exact_course().losses[s], kLosses[s], scale * float_scatter().losses[s]) << "step " << s;
  }
}

TEST(DeviceParity, FloatFollowsDouble) { expect_within(course<float>(), float_scatter(), kGrowthOfSums); }

TEST(DeviceParity, Bfloat16FollowsDouble) {
  expect_within(course<Bfloat16>(), scatter(storage_roundoff<Bfloat16>()), std::sqrt(kRoundingsOfProduct));
}

}  // namespace
}  // namespace recpo::test
