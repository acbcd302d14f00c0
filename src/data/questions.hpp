#pragma once
// Questions: user sequences in time order with leave-last-two-out splits; each question has its history length and the
// preferred following interaction. Candidates are drawn later; this is cheap for millions of
// interactions.
//
// Of a user's n interactions, 0 .. n-3 are for training, n-2 for validation, n-1 for test.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/data/options.hpp"
#include "src/data/ratings.hpp"
#include "src/data/rows.hpp"
#include "src/support/random.hpp"

namespace recpo::data {

inline constexpr double kDislikedRating = 2;  // avoidance rows: a last interaction rated 1 or 2

// Interactions grouped by user, in time order; equal times keep file order.
struct Sequences {
  std::vector<std::int64_t> begin;  // [users + 1]
  std::vector<Interaction> interactions;

  std::span<const Interaction> of_user(std::int32_t user) const {
    const auto first = static_cast<std::size_t>(begin[static_cast<std::size_t>(user)]);
    const auto last = static_cast<std::size_t>(begin[static_cast<std::size_t>(user) + 1]);
    return {interactions.data() + first, last - first};
  }
};
Sequences build_sequences(const Ratings& ratings);

struct Question {
  Split split = Split::kTrain;
  std::int32_t user = 0;
  std::int32_t position = 0;   // interactions before the question
  std::int32_t preferred = 0;  // index in the user's sequence
};

// By reason: how many possible questions are not asked.
using Dropped = std::map<std::string, std::int64_t>;

// All questions, ordered by split, then user, then position; training questions before max_train_rows is applied.
std::vector<Question> find_questions(const Sequences& sequences, const DataOptions& options, Dropped& dropped);

// Keeps `max_train_rows` training questions (0 = all), drawn without replacement; the order stays.
void draw_training(std::vector<Question>& questions, std::int64_t max_train_rows, std::uint64_t seed, Dropped& dropped);

// Indices in the user's sequence that are candidates with feedback, the preferred one first, then by time.
std::vector<std::int32_t> followed(std::span<const Interaction> sequence, const Question& question,
                                   const DataOptions& options);

// Delta of interaction `index` seen from `position`: steps counted from 1, or days, at least 1.
double latency(std::span<const Interaction> sequence, std::int32_t position, std::int32_t index,
               const DataOptions& options);

// Candidate sets and negatives, drawn once: the followed items of a question filled with random items that the user
// never interacted with, no two of one set under the same title, in an order shuffled by the seed. Every draw is a
// function of (seed, split, user, position) alone, so a question's candidates do not depend on other draws.

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
  std::vector<std::int64_t> used_by_;  // [titles] last use of a title: a user's or a question's stamp
  std::int64_t user_titles_ = 0, stamp_ = 0, user_stamp_ = 0;
  std::int32_t marked_user_ = -1;
};

}  // namespace recpo::data
