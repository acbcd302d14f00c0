#pragma once
// A made-up world whose rules are known, so that the best possible answer to every question is (posterior.hpp).
//
//   Items     genres x titles; the title says the genre: "Bako Comedy".
//   Taste     A user is of a type z, each as likely. The taste a_z(g) of a type for a genre is 5 for one genre, 4 for
//             another, and 1, 2 or 3, each as likely, for every other one: drawn once for the world.
//   Timing    Every item i waits for a time of its own, exponential with the rate
//                 w_z(i) = e^{eagerness (a_z(g_i) - 3)} / kMeanWaitDays,
//             and a user takes the items in the order of these times: what is liked more comes sooner. (So of the
//             items not yet taken, U, the next is i with chance w_z(i) / sum_{j in U} w_z(j), whatever came before.)
//             He is seen for the first n of them, n uniform in shortest .. longest.
//   Rating    rho(r | a) = (1 - rating_noise) [r = a] + rating_noise / 5 for r = 1 .. 5, a the taste for the genre.
//
// Every draw is a function of (seed, type or user). The titles of a genre are alike: the best answer is a best guess.

#include <cstdint>
#include <string>
#include <vector>

#include "src/data/options.hpp"

namespace recpo::data {

struct SyntheticInteraction {
  std::int64_t item = 0;
  int rating = 0;
  double days = 0;  // since the user came
};

// Throws kUsage naming the key that is out of range or contradicts another.
void check_synthetic(const SyntheticOptions& options);

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

}  // namespace recpo::data
