#pragma once
// Synthetic rating logs with known rules, so that the Bayes-optimal recommender is known.
//
//   Items     genres x titles; the title says the genre: "Bako Comedy".
//   Taste     A user is of a type z, each as likely. The taste a_z(g) of a type for a genre is 5 for one genre, 4 for
//             another, and 1, 2 or 3, each as likely, for every other one: drawn once for the world.
//   Timing    Every item i has an arrival time of its own, exponential with the rate
//                 w_z(i) = e^{eagerness (a_z(g_i) - 3)} / kMeanWaitDays,
//             and a user takes items in the order of these times: better liked items come sooner. (So among the
//             items not yet taken, U, the next is i with chance w_z(i) / sum_{j in U} w_z(j), independent of the past.)
//             The log holds the first n of them, n uniform in shortest .. longest.
//   Rating    rho(r | a) = (1 - rating_noise) [r = a] + rating_noise / 5 for r = 1 .. 5, a the taste for the genre.
//
// Every draw is a function of (seed, type or user). The titles of a genre are alike: the best answer is a best guess.

#include <cstdint>
#include <string>
#include <vector>

#include "src/data/options.hpp"
#include "src/data/rows.hpp"

namespace recpo::data {

struct SyntheticInteraction {
  std::int64_t item = 0;
  int rating = 0;
  double days = 0;  // since the user came
};

class SyntheticWorld {
 public:
  static constexpr int kLowestRating = 1, kHighestRating = 5;  // of tastes too
  static constexpr double kMeanWaitDays = 100;                 // of an item of taste 3

  explicit SyntheticWorld(const SyntheticOptions& options);  // checks them

  std::int64_t types() const { return options_.types; }
  std::int64_t items() const { return options_.genres * options_.titles; }  // counted genre by genre
  std::int64_t genre(std::int64_t item) const { return item / options_.titles; }
  std::string title(std::int64_t item) const;

  int taste(std::int64_t type, std::int64_t genre) const {
    return taste_[static_cast<std::size_t>(type * options_.genres + genre)];
  }
  double rate(std::int64_t type, std::int64_t item) const;  // 1/day
  double rating_chance(int rating, int taste) const;

  std::int64_t type_of(std::int64_t user) const;
  std::vector<SyntheticInteraction> interactions(std::int64_t user) const;  // in the order of time

 private:
  SyntheticOptions options_;
  std::vector<int> taste_;  // [types, genres]
};

// The Bayes-optimal answer to a question of these data: for each candidate c of C the exact probability that it is the
// row's answer, given what the prompt shows (history i_1 .. i_m with ratings r_t, and C). With U_t the items not taken
// before interaction t, U those not taken by the entire history, W_z(U) = sum_{U} w_z:
//
//   type        L_z = prod_t w_z(i_t) / W_z(U_t) rho(r_t | a_z(i_t))   without rho where the tier shows no ratings
//   next        N_z(c) = w_z(c) / W_z(U)         then d after c: N_z(d | c) = w_z(d) / (W_z(U) - w_z(c))
//   liked       l_z(c) = sum of rho(r | a_z(c)) over r >= liked_rating; disliked k_z(c) likewise over r <= 2
//
//   test        p(c) ~ sum_z L_z N_z(c) l_z(c)
//   valid       p(c) ~ sum_z L_z N_z(c) l_z(c) (1 - sum_{d in C - c} N_z(d | c))   what follows is no candidate
//   adherence   p(c) ~ sum_z L_z N_z(c) l_z(c) sum_{d in C - c} N_z(d | c) l_z(d)  one of them follows and is liked
//   avoidance   p(c) ~ sum_z L_z N_z(c) k_z(c)                                     c is the item to avoid
//
// The other candidates are drawn evenly from the items the user never takes, of which there are as many for any c: that
// draw cancels. So does the length of the history, which does not depend on the type.

class SyntheticPosterior {
 public:
  // Throws kUsage naming the key where these formulas do not hold: another data set, a tier that hides interactions, a
  // filter of users or items, adherence rows of another kind.
  explicit SyntheticPosterior(const DataOptions& options);

  // [candidates], adding up to 1. `asked`: the kind of question that is assumed, not row.split, which a prompt does not
  // show. Throws kUsage when the prompt does not show the complete history, kBadInput when the row is of another world.
  std::vector<double> answer(const Row& row, Split asked) const;

  // What the best recommender makes of a row, and how likely its answer, the largest score, is a hit. An avoidance row
  // is answered as a test row would be: the prompt does not say that the last item was disliked.
  std::vector<double> scores(const Row& row) const;
  double hit_chance(const Row& row) const;

 private:
  struct Question;
  Question read(const Row& row) const;
  std::vector<double> type_weights(const Row& row, const Question& question) const;
  double chance(std::int64_t type, std::size_t candidate, Split asked, const Question& question) const;
  double share(std::int64_t type, std::int64_t item, double lowest, double highest) const;

  SyntheticWorld world_;
  bool ratings_shown_;
  double liked_rating_;
};

}  // namespace recpo::data
