#pragma once
// Candidate sets and negatives, drawn once: the followed items of a question filled with random items that the user
// never interacted with, no two of one set under the same title, in an order shuffled by the seed. Every draw is a
// function of (seed, split, user, position) alone, so a question keeps its candidates whatever else is drawn.

#include <cstdint>
#include <optional>
#include <vector>

#include "src/data/questions.hpp"
#include "src/support/random.hpp"

namespace recpo::data {

struct DrawnCandidate {
  std::int32_t item = 0;
  std::int32_t index = -1;  // in the user's sequence; -1: a random item, without feedback
};

struct CandidateSet {
  std::vector<DrawnCandidate> candidates;
  std::int32_t preferred = 0;
  std::vector<std::int32_t> negatives;  // all the others in a drawn order: K negatives are the first K
};

// The random stream of one question; `use` separates the draws.
Random question_random(std::uint64_t seed, const char* use, const Question& question);

class CandidateDrawer {
 public:
  // Random items come from those that `sequences` mention. The arguments must outlive the drawer.
  CandidateDrawer(const Ratings& ratings, const Sequences& sequences, const DataOptions& options, std::uint64_t seed);

  // Nothing, with the reason counted, when there are too few items or liked items share a title (adherence).
  std::optional<CandidateSet> draw(const Question& question, Dropped& dropped);

 private:
  void mark_user(std::int32_t user);
  std::int32_t title_of(std::int32_t item) const { return ratings_.items[static_cast<std::size_t>(item)].title_id; }

  const Ratings& ratings_;
  const Sequences& sequences_;
  const DataOptions& options_;
  std::uint64_t seed_;
  std::vector<std::int32_t> pool_;     // items with interactions
  std::int64_t pool_titles_ = 0;       // different titles among them
  std::vector<std::int64_t> used_by_;  // [titles] who has used a title last: a user's or a question's stamp
  std::int64_t user_titles_ = 0, stamp_ = 0, user_stamp_ = 0;
  std::int32_t marked_user_ = -1;
};

}  // namespace recpo::data
