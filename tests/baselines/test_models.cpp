// The sequential recommenders in double: scores against references by definition, gradients against differences.

#include <gtest/gtest.h>

#include "src/baselines/sequence_model.hpp"
#include "src/support/random.hpp"
#include "tests/baselines/double_encoders.hpp"
#include "tests/baselines/reference_models.hpp"
#include "tests/support/finite_difference.hpp"

namespace recpo::baselines {
namespace {

struct Case {
  const char* name;
  Row (*state)(const ReferenceWeights&, const ModelShape&, const std::vector<int>&);
  std::int64_t blocks = 1;
};
const Case kCases[] = {{"gru4rec", reference_gru4rec},
                       {"caser", reference_caser},
                       {"sasrec", reference_sasrec},
                       {"sasrec", reference_sasrec, 2}};

constexpr std::int64_t kItems = 9, kHidden = 5;
constexpr int kChoices = 3;

ModelShape shape_of(const Case& c, std::int64_t length) { return {kItems, kHidden, length, c.blocks}; }

// Weights of order one everywhere, norms and biases included, so that no path is silent.
void draw_weights(Parameters<double>& parameters) {
  Random random(3, "weights");
  std::vector<double> weights(static_cast<std::size_t>(parameters.size()));
  for (double& weight : weights) weight = 0.7 * random.normal();
  parameters.set_weights(weights);
}

// Histories of every length from 1 to the longest, one without any item; items that repeat.
struct Questions {
  std::vector<std::vector<int>> histories;
  SequenceBatch batch;

  explicit Questions(std::int64_t length, double dropout = 0) {
    Random random(4, "questions");
    for (std::int64_t n = 0; n <= length; ++n) {
      std::vector<int> history;
      for (std::int64_t i = 0; i < n; ++i) history.push_back(static_cast<int>(random.below(kItems)));
      if (history.empty()) history.push_back(kNoItem);
      histories.push_back(history);
      std::vector<int> keys;
      for (std::size_t i = 0; i < history.size(); ++i) keys.push_back(static_cast<int>(random.next() >> 33));
      batch.histories.keys.push_back(keys);
      for (int c = 0; c < kChoices; ++c) batch.items.push_back(static_cast<int>(random.below(kItems)));
    }
    for (const auto& history : histories) batch.histories.histories.emplace_back(history);
    batch.histories.dropout = dropout;
    batch.choices = kChoices;
  }
};

TEST(Models, ScoresEqualTheReference) {
  const ExecSpace exec;
  for (const Case& c : kCases) {
    for (const std::int64_t length : {2, 6}) {  // Caser's window is never shorter than its filters
      SCOPED_TRACE(testing::Message() << c.name << ", " << c.blocks << " blocks, histories up to " << length);
      const ModelShape shape = shape_of(c, length);
      SequenceModel<double> model(double_encoder(c.name), shape);
      draw_weights(model.parameters());
      const Questions questions(length);
      const std::vector<double> scores = model.forward(exec, questions.batch);
      const ReferenceWeights weights(model.parameters());
      for (std::size_t i = 0; i < scores.size(); ++i) {
        const Row state = c.state(weights, shape, questions.histories[i / kChoices]);
        const double expected = reference_score(weights, state, questions.batch.items[i]);
        // Chains of a few sums over at most 60 numbers of order one each, in every layer and step.
        const double chain = 60.0 * 8 * static_cast<double>(length);
        EXPECT_NEAR(scores[i], expected, chain * 0x1p-52 * std::max(1.0, std::abs(expected))) << "score " << i;
      }
    }
  }
}

// Dropout's masks are functions of keys, so that with them a model is still a function of its weights.
void check_gradients(const Case& c, double dropout) {
  SCOPED_TRACE(testing::Message() << c.name << ", " << c.blocks << " blocks, dropout " << dropout);
  const ExecSpace exec;
  const std::int64_t length = 5;
  SequenceModel<double> model(double_encoder(c.name), shape_of(c, length));
  draw_weights(model.parameters());
  const Questions questions(length, dropout);
  Random random(5, "d_scores");
  std::vector<double> d_scores(questions.batch.items.size());
  for (double& d : d_scores) d = random.normal();
  const std::vector<double> scores = model.forward(exec, questions.batch);
  model.backward(exec, d_scores);
  std::vector<double> gradients(static_cast<std::size_t>(model.parameters().size()));
  exec.fence();
  Kokkos::deep_copy(HostVector<double>(gradients.data(), gradients.size()), model.parameters().gradients());
  const auto loss = [&](const std::vector<double>& weights) {
    model.parameters().set_weights(weights);
    return test::weighted_sum(model.forward(exec, questions.batch), d_scores);
  };
  const double noise = test::weighted_noise(scores, d_scores, 60.0 * 8 * length);
  const std::vector<double> weights = model.parameters().host_weights();
  test::expect_gradient(loss, weights, gradients, noise, weights.size(), "weight");
}

TEST(Models, GradientsAreTheDerivativesOfTheScores) {
  for (const Case& c : kCases) check_gradients(c, 0);
}
TEST(Models, GradientsAreThoseOfTheScoresWithDropout) {
  for (const Case& c : kCases) check_gradients(c, 0.3);
}

// The same history scores alike whatever else is asked beside it: padding and packing leave no trace. To rounding,
// because products of other shapes add in another order.
TEST(Models, AHistoryIsScoredAlone) {
  const ExecSpace exec;
  const std::int64_t length = 6;
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    SequenceModel<double> model(double_encoder(c.name), shape_of(c, length));
    draw_weights(model.parameters());
    const Questions questions(length);
    const std::vector<double> together = model.forward(exec, questions.batch);
    for (std::size_t s = 0; s < questions.histories.size(); ++s) {
      SequenceBatch one;
      one.histories.histories.emplace_back(questions.histories[s]);
      one.choices = kChoices;
      one.items.assign(questions.batch.items.begin() + static_cast<std::ptrdiff_t>(s * kChoices),
                       questions.batch.items.begin() + static_cast<std::ptrdiff_t>((s + 1) * kChoices));
      const std::vector<double> alone = model.forward(exec, one);
      for (int k = 0; k < kChoices; ++k) {
        const double expected = together[s * kChoices + static_cast<std::size_t>(k)];
        EXPECT_NEAR(alone[static_cast<std::size_t>(k)], expected,
                    60.0 * 8 * length * 0x1p-52 * std::max(1.0, std::abs(expected)));
      }
    }
  }
}

}  // namespace
}  // namespace recpo::baselines
