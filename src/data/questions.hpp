#pragma once
// Which questions are asked: user sequences in time order, split by leaving the last two out, and for every question
// the number of interactions before it and the preferred following one (PROTOCOL sections 2 and 3). Candidates are
// drawn later; this is cheap for millions of interactions.
//
// Of a user's n interactions, 0 .. n-3 are for training, n-2 for validation, n-1 for test.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "src/data/options.hpp"
#include "src/data/ratings.hpp"
#include "src/data/rows.hpp"

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

}  // namespace recpo::data
