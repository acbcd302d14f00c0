#include <gtest/gtest.h>

#include <vector>

#include "src/deck/nearest_name.hpp"

namespace recpo::deck {
namespace {

TEST(NearestName, FewestEdits) {
  const std::vector<std::string> known = {"align", "sft", "steps", "score"};
  EXPECT_EQ(nearest_name("step", known), "steps");    // insert
  EXPECT_EQ(nearest_name("aligns", known), "align");  // delete
  EXPECT_EQ(nearest_name("scope", known), "score");   // replace
  EXPECT_EQ(nearest_name("stf", known), "sft");       // swap two neighbours
}

TEST(NearestName, FirstOfEquals) {
  const std::vector<std::string> known = {"beta1", "beta2"};
  EXPECT_EQ(nearest_name("beta3", known), "beta1");
  EXPECT_EQ(nearest_name("", known), "beta1");
}

// A swap is one edit: were it two, "b" would win by order.
TEST(NearestName, SwapIsOneEdit) {
  const std::vector<std::string> known = {"xyab", "ba"};
  EXPECT_EQ(nearest_name("ab", known), "ba");
}

}  // namespace
}  // namespace recpo::deck
