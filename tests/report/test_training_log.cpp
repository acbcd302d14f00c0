// Curves from metrics.jsonl.

#include <gtest/gtest.h>

#include "src/report/training_log.hpp"
#include "src/support/check.hpp"

namespace recpo::report {
namespace {
TEST(TrainingLog, LaterLinesReplaceEarlierOnes) {
  const TrainingLog log = parse_metrics(
      "{\"stage\":\"sft\",\"step\":1,\"loss\":3}\n"
      "{\"stage\":\"sft\",\"step\":2,\"loss\":2}\n"
      "{\"stage\":\"sft\",\"step\":2,\"loss\":1.5,\"eval_ranked_hr@1\":0.5,\"eval_mrr\":0.75,\"eval_loss\":4}\n"
      "{\"stage\":\"align\",\"step\":1,\"loss\":9.8,\"rewards/margins\":-0.5,\"rewards/accuracies\":0.25}\n"
      "{\"stage\":\"align\",\"step\":2,\"loss\":null,\"rewards/margins\":1}\n"
      "{\"stage\":\"sft\",\"step\":3,\"loss\":1}\n"
      "{\"stage\":\"sft\",\"step\":3,\"loss\":null}\n"  // was not finite the second time
      "{\"stage\":\"align\",\"step\":3,\"lo",           // being written
      "m");
  EXPECT_EQ(log.sft.loss, (Curve{{1, 3}, {2, 1.5}}));
  EXPECT_EQ(log.sft.hit_rate, (Curve{{2, 0.5}}));
  EXPECT_EQ(log.sft.mrr, (Curve{{2, 0.75}}));
  EXPECT_EQ(log.sft.eval_loss, (Curve{{2, 4}}));
  EXPECT_EQ(log.align.loss, (Curve{{1, 9.8}}));
  EXPECT_EQ(log.align.margin, (Curve{{1, -0.5}, {2, 1}}));
  EXPECT_EQ(log.align.accuracy, (Curve{{1, 0.25}}));
}

TEST(TrainingLog, BadLinesAreNamed) {
  for (const char* bad : {"x\n", "{\"step\":1}\n", "{\"stage\":\"other\",\"step\":1}\n",
                          "{\"stage\":\"sft\",\"step\":1,\"loss\":\"x\"}\n"}) {
    try {
      parse_metrics("{\"stage\":\"sft\",\"step\":1,\"loss\":3}\n" + std::string(bad), "metrics.jsonl");
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput);
      EXPECT_EQ(std::string(error.what()).rfind("metrics.jsonl:2", 0), 0u) << error.what();
    }
  }
}

TEST(Thinned, MeansOfNeighbours) {
  const Curve curve = {{1, 1}, {2, 3}, {3, 5}, {4, 7}, {5, 9}};
  using Points = std::vector<std::pair<double, double>>;
  EXPECT_EQ(thinned(curve, 5).size(), 5u);
  EXPECT_EQ(thinned(curve, 2), (Points{{2, 3}, {4.5, 8}}));
  EXPECT_EQ(thinned(curve, 1), (Points{{3, 5}}));
  EXPECT_TRUE(thinned({}, 3).empty());
}

}  // namespace
}  // namespace recpo::report
