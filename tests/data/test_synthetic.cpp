#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "src/data/prepare.hpp"
#include "src/data/prompts.hpp"
#include "src/data/synthetic.hpp"
#include "tests/data/chance_bounds.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/data/prepared_rows.hpp"

namespace recpo::data {
namespace {
DataOptions small_world() {
  DataOptions options;
  options.dataset = "synthetic";
  options.path = "";
  options.k_core_users = options.k_core_items = 0;
  options.max_train_rows = 0;
  options.synthetic.users = 300;
  return options;
}

std::string hash_of(const DataOptions& options) { return rows_identity(options, {}, 1, "", {}); }

// [items] chance of each to be taken next, from the rule alone.
std::vector<double> next_chances(const SyntheticWorld& world, const SyntheticOptions& options, std::int64_t type,
                                 const std::set<std::int64_t>& taken) {
  std::vector<double> chances(static_cast<std::size_t>(world.items()));
  double sum = 0;
  for (std::int64_t item = 0; item < world.items(); ++item)
    if (!taken.contains(item))
      sum += chances[static_cast<std::size_t>(item)] =
          std::exp(options.eagerness * world.taste(type, item / options.titles));
  for (double& chance : chances) chance /= sum;
  return chances;
}
}  // namespace

TEST(SyntheticWorld, TypesLoveOneGenreAndLikeAnother) {
  SyntheticOptions options;
  options.types = 3000;
  const SyntheticWorld world(options);
  std::map<int, std::int64_t> tastes;
  std::map<std::int64_t, std::int64_t> loved;
  for (std::int64_t type = 0; type < options.types; ++type) {
    std::map<int, int> own;
    for (std::int64_t genre = 0; genre < options.genres; ++genre) {
      ++own[world.taste(type, genre)];
      if (world.taste(type, genre) == 5) ++loved[genre];
    }
    EXPECT_EQ(own[5], 1);
    EXPECT_EQ(own[4], 1);
    for (const auto& [taste, number] : own) tastes[taste] += number;
  }
  const std::int64_t others = options.types * (options.genres - 2);
  for (const int taste : {1, 2, 3})
    EXPECT_NEAR(static_cast<double>(tastes[taste]), static_cast<double>(others) / 3, stray(others)) << taste;
  EXPECT_EQ(tastes[1] + tastes[2] + tastes[3], others);
  for (std::int64_t genre = 0; genre < options.genres; ++genre)
    EXPECT_NEAR(static_cast<double>(loved[genre]), static_cast<double>(options.types) / 10, stray(options.types));
}

TEST(SyntheticWorld, TitlesNameTheirGenreAndAreDifferent) {
  SyntheticOptions options;
  options.genres = 12;
  options.titles = 90;
  const SyntheticWorld world(options);
  std::set<std::string> titles, names, genres;
  for (std::int64_t item = 0; item < world.items(); ++item) {
    const std::string title = world.title(item);
    const std::size_t space = title.find(' ');
    titles.insert(title);
    names.insert(title.substr(0, space));
    genres.insert(title.substr(space));
    EXPECT_EQ(title.substr(space), world.title(world.genre(item) * options.titles).substr(4));
  }
  EXPECT_EQ(names.size(), 1080u);  // a name belongs to one item
  EXPECT_EQ(titles.size(), 1080u);
  EXPECT_EQ(genres.size(), 12u);
}

// At every step the chance of each taste to be next is known from what came before: over all steps the excess of one
// taste is a sum of steps of mean 0.
TEST(SyntheticWorld, LikedItemsAreTakenSooner) {
  const SyntheticOptions options;
  const SyntheticWorld world(options);
  std::map<int, double> excess;
  std::int64_t steps = 0;
  for (std::int64_t user = 0; user < options.users; ++user) {
    const std::int64_t type = world.type_of(user);
    std::set<std::int64_t> taken;
    for (const SyntheticInteraction& interaction : world.interactions(user)) {
      const std::vector<double> chances = next_chances(world, options, type, taken);
      for (std::int64_t item = 0; item < world.items(); ++item)
        excess[world.taste(type, world.genre(item))] -= chances[static_cast<std::size_t>(item)];
      excess[world.taste(type, world.genre(interaction.item))] += 1;
      EXPECT_TRUE(taken.insert(interaction.item).second);
      ++steps;
    }
  }
  for (const auto& [taste, sum] : excess) EXPECT_LE(std::abs(sum), stray(steps)) << taste;
}

TEST(SyntheticWorld, UsersRatingsAndTimesFollowTheRules) {
  SyntheticOptions options;
  options.users = 30000;
  const SyntheticWorld world(options);
  std::map<std::int64_t, std::int64_t> types, lengths;
  std::map<int, std::int64_t> rated;                      // by taste
  std::map<std::pair<int, int>, std::int64_t> rating_of;  // by taste and rating
  double first_waits = 0;                                 // in units of their means
  for (std::int64_t user = 0; user < options.users; ++user) {
    const std::int64_t type = world.type_of(user);
    const auto interactions = world.interactions(user);
    ++types[type];
    ++lengths[static_cast<std::int64_t>(interactions.size())];
    double all_rates = 0, before = 0;
    for (std::int64_t item = 0; item < world.items(); ++item) all_rates += world.rate(type, item);
    first_waits += interactions[0].days * all_rates;
    for (const SyntheticInteraction& interaction : interactions) {
      EXPECT_GE(interaction.days, std::exchange(before, interaction.days));
      const int taste = world.taste(type, world.genre(interaction.item));
      ++rated[taste];
      ++rating_of[{taste, interaction.rating}];
    }
  }
  const auto expect_even = [&](const auto& numbers, std::int64_t kinds) {
    EXPECT_EQ(static_cast<std::int64_t>(numbers.size()), kinds);
    for (const auto& [kind, number] : numbers)
      EXPECT_NEAR(static_cast<double>(number), static_cast<double>(options.users) / static_cast<double>(kinds),
                  stray(options.users))
          << kind;
  };
  expect_even(types, options.types);
  expect_even(lengths, options.longest - options.shortest + 1);
  for (int taste = 1; taste <= 5; ++taste)
    for (int rating = 1; rating <= 5; ++rating) {
      const double chance = 0.2 / 5 + (rating == taste ? 0.8 : 0);
      EXPECT_NEAR(world.rating_chance(rating, taste), chance, 1e-15);
      EXPECT_NEAR(static_cast<double>(rating_of[{taste, rating}]), chance * static_cast<double>(rated[taste]),
                  stray(rated[taste]))
          << taste << " rated " << rating;
    }
  // A sum of N exponential numbers of mean 1 is outside N (1 +- e) with a chance below 2 exp(-N (e - log(1 + e))).
  constexpr double kStray = 0.04;
  const auto users = static_cast<double>(options.users);
  ASSERT_LT(2 * std::exp(-users * (kStray - std::log1p(kStray))), kFalseAlarm);
  EXPECT_NEAR(first_waits / users, 1, kStray);
}

TEST(SyntheticWorld, IsTheSameForTheSameSeed) {
  SyntheticOptions options;
  const SyntheticWorld world(options);
  options.users = 1;  // a user does not depend on how many there are
  const auto again = SyntheticWorld(options).interactions(7), first = world.interactions(7);
  options.seed = 2;
  const auto other = SyntheticWorld(options).interactions(7);
  const auto items = [](const auto& interactions) {
    std::vector<std::pair<std::int64_t, int>> items;
    for (const SyntheticInteraction& i : interactions) items.emplace_back(i.item, i.rating);
    return items;
  };
  EXPECT_EQ(items(first), items(again));
  EXPECT_EQ(first.back().days, again.back().days);
  EXPECT_NE(items(first), items(other));
}

TEST(SyntheticWorld, WrongParametersAreNamed) {
  const auto refused = [](const char* key, const std::function<void(SyntheticOptions&)>& change) {
    DataOptions options = small_world();
    change(options.synthetic);
    expect_failure(64, {std::string("synthetic.") + key + " ="}, [&] { draw_rows(options, {}, 1); });
    options.dataset = "ml-1m";  // another data set does not care
    EXPECT_EQ(failure_of([&] { draw_rows(options, {}, 1); }).find("synthetic"), std::string::npos);
  };
  refused("users", [](auto& world) { world.users = 0; });
  refused("types", [](auto& world) { world.types = 0; });
  refused("genres", [](auto& world) { world.genres = 1; });
  refused("genres", [](auto& world) { world.genres = 13; });
  refused("titles", [](auto& world) { world.titles = 0; });
  refused("titles", [](auto& world) { world.titles = 109; });
  refused("longest", [](auto& world) { world.longest = 61; });
  refused("shortest", [](auto& world) { world.shortest = 15; });
  refused("shortest", [](auto& world) { world.shortest = 0; });
  refused("eagerness", [](auto& world) { world.eagerness = -0.1; });
  refused("eagerness", [](auto& world) { world.eagerness = std::nan(""); });
  refused("rating_noise", [](auto& world) { world.rating_noise = 1.1; });
}

TEST(SyntheticRows, ArePreparedWithoutFiles) {
  const DataOptions options = small_world();
  const SyntheticWorld world(options.synthetic);
  std::map<Split, std::size_t> expected;
  for (std::int64_t user = 0; user < options.synthetic.users; ++user) {
    const auto interactions = world.interactions(user);
    const int last = interactions.back().rating, before = interactions[interactions.size() - 2].rating;
    expected[Split::kTest] += last >= 4;
    expected[Split::kValid] += before >= 4;
    expected[Split::kAdherence] += last >= 4 && before >= 4;
    expected[Split::kAvoidance] += last <= 2;
  }
  const Prepared prepared = draw_rows(options, {}, 1);
  for (const auto& [split, number] : expected)
    EXPECT_EQ(prepared.rows.of_split(split).size(), number) << name_of(split);
  EXPECT_GT(prepared.rows.of_split(Split::kTrain).size(), 300u);

  const Row& row = *prepared.rows.of_split(Split::kTest).front();
  const auto interactions = world.interactions(std::stoll(row.user));
  ASSERT_EQ(row.history.size() + 1, interactions.size());
  std::string history;
  for (std::size_t i = 0; i < row.history.size(); ++i) {
    history += history_line(row.history[i], true) + "\n";
    EXPECT_EQ(row.history[i].title, world.title(interactions[i].item));
    EXPECT_EQ(row.history[i].rating, interactions[i].rating);
  }
  EXPECT_TRUE(row.prompt.starts_with("Taken:\n" + history + "Choose from:\n")) << row.prompt;
  EXPECT_TRUE(row.prompt.ends_with("\nAnswer:"));
  EXPECT_EQ(row.candidates[static_cast<std::size_t>(row.preferred)].title, world.title(interactions.back().item));
}

TEST(SyntheticRows, AreTheSameForTheSameParameters) {
  const DataOptions options = small_world();
  const Prepared first = draw_rows(options, {}, 1), again = draw_rows(options, {}, 1);
  ASSERT_EQ(first.rows.rows.size(), again.rows.rows.size());
  for (std::size_t i = 0; i < first.rows.rows.size(); ++i) expect_equal(first.rows.rows[i], again.rows.rows[i]);
  EXPECT_EQ(first.rows.hash, again.rows.hash);
}

TEST(SyntheticRows, BelongToEveryParameter) {
  const std::vector<std::function<void(SyntheticOptions&)>> changes = {[](auto& world) { ++world.seed; },
                                                                       [](auto& world) { ++world.users; },
                                                                       [](auto& world) { ++world.types; },
                                                                       [](auto& world) { ++world.genres; },
                                                                       [](auto& world) { ++world.titles; },
                                                                       [](auto& world) { ++world.shortest; },
                                                                       [](auto& world) { ++world.longest; },
                                                                       [](auto& world) { world.eagerness += 0.1; },
                                                                       [](auto& world) { world.rating_noise += 0.1; }};
  std::set<std::string> hashes{hash_of(small_world())};
  for (const auto& change : changes) {
    DataOptions options = small_world();
    change(options.synthetic);
    hashes.insert(hash_of(options));
  }
  EXPECT_EQ(hashes.size(), changes.size() + 1);

  SmallData other;  // rows of another data set do not
  const std::string before = hash_of(other.options);
  for (const auto& change : changes) change(other.options.synthetic);
  EXPECT_EQ(hash_of(other.options), before);
}

}  // namespace recpo::data
