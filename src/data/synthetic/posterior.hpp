#pragma once
// The best possible answer to a question about the made-up world (world.hpp): for every candidate c of C the exact
// probability that it is the row's answer, given what the prompt shows (history i_1 .. i_m with ratings r_t, and C).
// With U_t the items not taken before interaction t, U those not taken by the whole history, W_z(U) = sum_{U} w_z:
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
// The other candidates are drawn evenly from the items the user never takes, which are as many whatever c is: that
// draw cancels. So does the length of the history, which does not depend on the type.

#include <vector>

#include "src/data/rows.hpp"
#include "src/data/synthetic/world.hpp"

namespace recpo::data {

class SyntheticPosterior {
 public:
  // Throws kUsage naming the key where these formulas do not hold: another data set, a tier that hides interactions, a
  // filter of users or items, adherence rows of another kind.
  explicit SyntheticPosterior(const DataOptions& options);

  // [candidates], adding up to 1. `asked` says of which kind the question is taken to be, whatever row.split is: a
  // prompt does not show it. Throws kUsage when the prompt does not show the whole history, kBadInput when the row is
  // of another world.
  std::vector<double> answer(const Row& row, Split asked) const;

  // What the best recommender makes of a row, and how likely its answer, the largest score, is a hit. An avoidance row
  // is answered as a test row would be: nobody tells it that the last item was disliked.
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
