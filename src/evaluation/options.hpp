#pragma once
// Keys of a deck's section [evaluate].

#include <cstdint>
#include <string>
#include <vector>

#include "src/support/keys.hpp"

namespace recpo::evaluation {

std::vector<std::string> evaluation_test_names();

enum class MainSplit : std::uint8_t { kValid, kTest };
constexpr auto names_of(MainSplit) { return std::array{"valid", "test"}; }

enum class Match : std::uint8_t { kExact, kContains };
constexpr auto names_of(Match) { return std::array{"exact", "contains"}; }

enum class Method : std::uint8_t { kAuto, kDecode };
constexpr auto names_of(Method) { return std::array{"auto", "decode"}; }

enum class Decode : std::uint8_t { kFree, kCandidates };
constexpr auto names_of(Decode) { return std::array{"free", "candidates"}; }

struct EvaluationOptions {
  std::vector<std::string> tests = {"main"};
  MainSplit split = MainSplit::kTest;
  Match match = Match::kExact;
  std::int64_t batch_tokens = 8192;
  Decode decode = Decode::kFree;
  Method method = Method::kAuto;
  bool rank_candidates = true;
  std::int64_t max_eval_rows = 0;  // data.max_eval_rows

  void declare(Keys& key) {
    key("tests", tests, "tests of evaluation.json").one_of(evaluation_test_names());
    key("split", split, "rows of the main test");
    key("match", match, "an answer is valid when it equals a candidate's title, or contains exactly one");
    key("batch_tokens", batch_tokens, "tokens a rank processes at a time")
        .unit("tokens")
        .at_least(1)
        .affects(changes::kNothing);
    key("decode", decode, "greedy answers from all tokens, or from those that go on to a candidate: always valid");
    key("method", method,
        "answers and ranks from one pass over prompt and candidates, or by decoding; the same answers")
        .affects(changes::kNothing);
    key("rank_candidates", rank_candidates, "also score all candidates: ranked HR@k, NDCG@k, MRR, AUC");
  }
};

}  // namespace recpo::evaluation
