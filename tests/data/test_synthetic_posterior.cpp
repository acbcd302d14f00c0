// The posterior against a world small enough to write down whole, and against rows as they are prepared.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "src/data/prepare.hpp"
#include "src/data/synthetic.hpp"
#include "tests/data/chance_bounds.hpp"
#include "tests/data/expect_error.hpp"

namespace recpo::data {
namespace {
constexpr std::int64_t kItems = 6;

// 3 genres of 2 titles, every user seen for 3 interactions, 3 candidates.
DataOptions smallest_world() {
  DataOptions options;
  options.dataset = "synthetic";
  options.k_core_users = options.k_core_items = 0;
  options.synthetic.types = 3;
  options.synthetic.genres = 3;
  options.synthetic.titles = 2;
  options.synthetic.shortest = options.synthetic.longest = 3;
  options.synthetic.eagerness = 0.7;
  options.synthetic.rating_noise = 0.3;
  return options;
}

struct Life {  // of a user
  std::array<std::int64_t, 3> items;
  std::array<int, 3> ratings;
  double probability;
};

// All that can happen to a user of a type, in the words of the rules.
template <class Visit>
void for_all_lives(const SyntheticWorld& world, const SyntheticOptions& options, std::int64_t type,
                   const Visit& visit) {
  std::array<double, kItems> weights;
  for (std::int64_t i = 0; i < kItems; ++i)
    weights[static_cast<std::size_t>(i)] = std::exp(options.eagerness * world.taste(type, i / options.titles));
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
  const auto w = [&](std::int64_t i) { return weights[static_cast<std::size_t>(i)]; };
  const auto rated = [&](std::int64_t i, int rating) {
    const bool honest = world.taste(type, i / options.titles) == rating;
    return options.rating_noise / 5 + (honest ? 1 - options.rating_noise : 0);
  };
  for (std::int64_t a = 0; a < kItems; ++a)
    for (std::int64_t b = 0; b < kItems; ++b)
      for (std::int64_t c = 0; c < kItems; ++c) {
        if (a == b || a == c || b == c) continue;
        const double order = w(a) / all * w(b) / (all - w(a)) * w(c) / (all - w(a) - w(b));
        for (int r = 1; r <= 5; ++r)
          for (int s = 1; s <= 5; ++s)
            for (int t = 1; t <= 5; ++t)
              visit(Life{{a, b, c}, {r, s, t}, order * rated(a, r) * rated(b, s) * rated(c, t)});
      }
}

using Items = std::vector<std::int64_t>;
struct Seen {  // what a prompt shows
  Items history;
  std::vector<int> ratings;
  Items candidates;  // by number
  auto operator<=>(const Seen&) const = default;
};
using Table = std::map<Seen, std::map<std::int64_t, double>>;  // probability of a prompt together with its answer

// The question of a kind that such a life leads to: how long its history is, what is answered, what is a candidate by
// right; none when the row is not asked.
struct Asked {
  std::size_t history;
  std::int64_t answer;
  Items followed;
};
std::optional<Asked> ask(Split split, const Life& life) {
  const auto [second, last] = std::pair(life.ratings[1], life.ratings[2]);
  if (split == Split::kTest && last >= 4) return Asked{2, life.items[2], {life.items[2]}};
  if (split == Split::kAvoidance && last <= 2) return Asked{2, life.items[2], {life.items[2]}};
  if (split == Split::kValid && second >= 4) return Asked{1, life.items[1], {life.items[1]}};
  if (split == Split::kAdherence && second >= 4 && last >= 4)
    return Asked{1, life.items[1], {life.items[1], life.items[2]}};
  return std::nullopt;
}

// All sets of 3 candidates: those by right, filled with items that are never taken.
std::vector<Items> candidate_sets(const Life& life, const Asked& asked) {
  Items free;
  for (std::int64_t i = 0; i < kItems; ++i)
    if (std::ranges::find(life.items, i) == life.items.end()) free.push_back(i);
  std::vector<Items> sets;
  for (std::size_t left_out = 0; left_out < free.size(); ++left_out) {
    Items set;
    set.reserve(3);
    set.insert(set.end(), asked.followed.begin(), asked.followed.end());
    if (set.size() == 2) {
      set.push_back(free[left_out]);  // one of the free ones is in
    } else {
      for (std::size_t i = 0; i < free.size(); ++i)
        if (i != left_out) set.push_back(free[i]);
    }
    std::ranges::sort(set);
    sets.push_back(set);
  }
  return sets;
}

Table enumerate(Split split, bool ratings_shown, const DataOptions& options) {
  const SyntheticWorld world(options.synthetic);
  Table table;
  for (std::int64_t type = 0; type < options.synthetic.types; ++type)
    for_all_lives(world, options.synthetic, type, [&](const Life& life) {
      const auto asked = ask(split, life);
      if (!asked) return;
      Seen seen{{life.items.begin(), life.items.begin() + static_cast<std::ptrdiff_t>(asked->history)}, {}, {}};
      if (ratings_shown)
        seen.ratings.assign(life.ratings.begin(), life.ratings.begin() + static_cast<std::ptrdiff_t>(asked->history));
      for (Items& set : candidate_sets(life, *asked)) {
        seen.candidates = std::move(set);
        table[seen][asked->answer] += life.probability;
      }
    });
  return table;
}

Row row_of(const Seen& seen, const SyntheticWorld& world) {
  Row row;
  for (std::size_t i = 0; i < seen.history.size(); ++i) {
    const double rating = seen.ratings.empty() ? 1 : seen.ratings[i];
    row.history.push_back({std::to_string(seen.history[i]), world.title(seen.history[i]), rating, 0});
  }
  row.history_length = static_cast<std::int32_t>(seen.history.size());
  for (const std::int64_t item : seen.candidates) {
    Candidate candidate;
    candidate.item = std::to_string(item);
    candidate.title = world.title(item);
    row.candidates.push_back(candidate);
  }
  return row;
}

void expect_equal_to_enumeration(Split split, bool ratings_shown) {
  DataOptions options = smallest_world();
  options.tier = ratings_shown ? Tier::kFullRating : Tier::kFull;
  const SyntheticPosterior posterior(options);
  const SyntheticWorld world(options.synthetic);
  const Table table = enumerate(split, ratings_shown, options);
  EXPECT_GE(table.size(), split == Split::kTest ? 120u : 60u);
  for (const auto& [seen, answers] : table) {
    double all = 0;
    for (const auto& [item, probability] : answers) all += probability;
    const std::vector<double> found = posterior.answer(row_of(seen, world), split);
    for (std::size_t c = 0; c < found.size(); ++c) {
      const auto wanted = answers.find(seen.candidates[c]);
      // Each cell is a sum of at most 3 x 6 x 125 products of about 10 factors.
      constexpr double kTolerance = 3 * 6 * 125 * 10 * std::numeric_limits<double>::epsilon();
      EXPECT_NEAR(found[c], wanted == answers.end() ? 0 : wanted->second / all, kTolerance);
    }
  }
}

DataOptions default_world() {
  DataOptions options;
  options.dataset = "synthetic";
  options.k_core_users = options.k_core_items = 0;
  options.max_train_rows = 1;
  return options;
}

const RowFile& prepared_rows() {
  static const Prepared prepared = draw_rows(default_world(), {}, 1);
  return prepared.rows;
}
}  // namespace

TEST(SyntheticPosterior, IsThatOfAWorldWrittenDownWhole) {
  for (const Split split : {Split::kValid, Split::kTest, Split::kAdherence, Split::kAvoidance})
    for (const bool ratings_shown : {true, false}) {
      SCOPED_TRACE(std::string(name_of(split)) + (ratings_shown ? " with ratings" : ""));
      expect_equal_to_enumeration(split, ratings_shown);
    }
}

// Given the prompts, whether the best guess is a hit is a coin of known probability, one for each user.
TEST(SyntheticPosterior, IsRightAsOftenAsItSays) {
  const SyntheticPosterior posterior(default_world());
  for (const Split split : {Split::kValid, Split::kTest, Split::kAdherence, Split::kAvoidance}) {
    double expected = 0, hits = 0;
    const auto rows = prepared_rows().of_split(split);
    ASSERT_GT(rows.size(), 500u);
    for (const Row* row : rows) {
      const std::vector<double> scores = posterior.scores(*row);
      const auto answer = std::ranges::max_element(scores) - scores.begin();
      expected += posterior.hit_chance(*row);
      hits += (answer == row->preferred) != (split == Split::kAvoidance);
    }
    EXPECT_NEAR(hits, expected, stray(static_cast<std::int64_t>(rows.size()))) << name_of(split);
  }
}

// Among candidates that are given a chance near p, the share p is right.
TEST(SyntheticPosterior, IsCalibrated) {
  constexpr int kBins = 10;
  const SyntheticPosterior posterior(default_world());
  for (const Split split : {Split::kValid, Split::kTest, Split::kAdherence, Split::kAvoidance}) {
    std::array<double, kBins> excess{};  // right ones above what is expected
    std::array<std::int64_t, kBins> rows{};
    for (const Row* row : prepared_rows().of_split(split)) {
      const std::vector<double> answer = posterior.answer(*row, split);
      std::array<double, kBins> in_bin{};
      for (std::size_t c = 0; c < answer.size(); ++c) {
        const auto bin = static_cast<std::size_t>(std::min<int>(kBins - 1, static_cast<int>(answer[c] * kBins)));
        excess[bin] += (c == static_cast<std::size_t>(row->preferred)) - answer[c];
        in_bin[bin] += answer[c];
      }
      for (std::size_t bin = 0; bin < kBins; ++bin) rows[bin] += in_bin[bin] > 0;
    }
    // One user adds to a bin 1 - s or -s, s the chances that are in it.
    for (std::size_t bin = 0; bin < kBins; ++bin)
      EXPECT_LE(std::abs(excess[bin]), stray(rows[bin])) << name_of(split) << " bin " << bin;
  }
}

TEST(SyntheticPosterior, IsRefusedWhereItWouldNotBeExact) {
  const auto refused = [](const std::string& key, const auto& change) {
    DataOptions options = default_world();
    change(options);
    expect_failure(64, {key}, [&] { SyntheticPosterior{options}; });
  };
  refused("data.dataset", [](DataOptions& options) { options.dataset = "ml-1m"; });
  refused("data.tier", [](DataOptions& options) { options.tier = Tier::kFiltered; });
  refused("data.k_core_users", [](DataOptions& options) { options.k_core_users = 5; });
  refused("data.k_core_items", [](DataOptions& options) { options.k_core_items = 5; });
  refused("data.adherence_following", [](DataOptions& options) { options.adherence_following = 3; });
  refused("data.adherence_positive",
          [](DataOptions& options) { options.adherence_positive = AdherencePositive::kBestUtility; });

  const SyntheticPosterior posterior(default_world());
  Row row = *prepared_rows().of_split(Split::kTest).front();
  const Row whole = row;
  row.history.erase(row.history.begin());
  expect_failure(64, {fmt::format("row {}", row.id), "data.max_history"}, [&] { posterior.answer(row, Split::kTest); });
  for (const std::string& item : {std::string("60"), std::string("-1"), std::string("x"), row.candidates[1].item}) {
    row = whole;
    row.candidates[0].item = item;
    expect_failure(65, {fmt::format("row {}", row.id), item}, [&] { posterior.answer(row, Split::kTest); });
  }
}

}  // namespace recpo::data
