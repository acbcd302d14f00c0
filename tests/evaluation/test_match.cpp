// Which answers are valid, under both rules.

#include <gtest/gtest.h>

#include "src/evaluation/match.hpp"

namespace recpo::evaluation {
namespace {
const std::vector<data::Candidate> kCandidates = {
    {"1", "Alien (1979)", {}, {}}, {"2", "Aliens (1986)", {}, {}}, {"3", "Heat", {}, {}}, {"4", "Heat Wave", {}, {}}};

TEST(Match, TrimsWhiteSpaceOnly) {
  EXPECT_EQ(trim(" \t Heat \r\n"), "Heat");
  EXPECT_EQ(trim("Heat"), "Heat");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Match, ExactNamesOneTitle) {
  EXPECT_EQ(named_candidate(" Alien (1979)", kCandidates, "exact"), 0u);
  EXPECT_EQ(named_candidate("Heat\r", kCandidates, "exact"), 2u);
  EXPECT_EQ(named_candidate("Heat Wave", kCandidates, "exact"), 3u);
}

TEST(Match, ExactRefusesEverythingElse) {
  for (const char* answer : {"", " ", "heat", "Heat.", "I like Heat", "Alien", "Alien (1979) Heat"})
    EXPECT_EQ(named_candidate(answer, kCandidates, "exact"), std::nullopt) << answer;
}

TEST(Match, ContainsNeedsExactlyOneTitle) {
  EXPECT_EQ(named_candidate("I like Aliens (1986) best", kCandidates, "contains"), 1u);
  EXPECT_EQ(named_candidate("I like Heat.", kCandidates, "contains"), 2u);
  EXPECT_EQ(named_candidate("nothing", kCandidates, "contains"), std::nullopt);
  EXPECT_EQ(named_candidate("Alien (1979) or Aliens (1986)", kCandidates, "contains"), std::nullopt);
  EXPECT_EQ(named_candidate("Heat Wave", kCandidates, "contains"), std::nullopt);  // holds Heat, too
}

TEST(Match, EmptyAndEqualTitlesNameNobody) {
  const std::vector<data::Candidate> odd = {{"1", "", {}, {}}, {"2", "Twin", {}, {}}, {"3", "Twin", {}, {}}};
  EXPECT_EQ(named_candidate("", odd, "exact"), std::nullopt);
  EXPECT_EQ(named_candidate("anything", odd, "contains"), std::nullopt);
  EXPECT_EQ(named_candidate("Twin", odd, "exact"), std::nullopt);
}

}  // namespace
}  // namespace recpo::evaluation
