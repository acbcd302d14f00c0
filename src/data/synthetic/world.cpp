#include "src/data/synthetic/world.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::data {
namespace {
constexpr std::array kGenres = {"Comedy", "Western", "Space",  "Crime",   "Ocean",  "Music",
                                "Horror", "Romance", "Sports", "History", "Nature", "Fantasy"};
constexpr std::string_view kConsonants = "bdklmnrstvz", kVowels = "aou";
constexpr std::int64_t kSyllables = static_cast<std::int64_t>(kConsonants.size() * kVowels.size());
constexpr std::int64_t kNames = kSyllables * kSyllables;
constexpr std::int64_t kNameStep = 415;  // has no divisor in common with kNames: neighbours get unlike names
constexpr int kLoved = 5, kLiked = 4, kOthers = 3, kMiddle = 3;

std::string syllable(std::int64_t number) {
  const auto i = static_cast<std::size_t>(number);
  return {kConsonants[i / kVowels.size()], kVowels[i % kVowels.size()]};
}

std::string name_of(std::int64_t item) {
  const std::int64_t number = item * kNameStep % kNames;
  std::string name = syllable(number / kSyllables) + syllable(number % kSyllables);
  name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

template <class T>
void check_range(const char* key, T value, T low, T high) {
  if (!(value >= low && value <= high)) throw_usage("synthetic.{} = {} must lie in [{}, {}]", key, value, low, high);
}

Random user_random(const SyntheticOptions& options, std::int64_t user) {
  return Random(options.seed, "synthetic/user", static_cast<std::uint64_t>(user));
}

std::int64_t draw_type(const SyntheticOptions& options, Random& random) {
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(options.types)));
}
}  // namespace

void check_synthetic(const SyntheticOptions& options) {
  check_range<std::int64_t>("users", options.users, 1, 10000000);
  check_range<std::int64_t>("types", options.types, 1, 10000);
  check_range<std::int64_t>("genres", options.genres, 2, static_cast<std::int64_t>(kGenres.size()));
  check_range<std::int64_t>("titles", options.titles, 1, kNames / options.genres);
  check_range<std::int64_t>("longest", options.longest, 1, options.genres * options.titles);
  check_range<std::int64_t>("shortest", options.shortest, 1, options.longest);
  check_range("eagerness", options.eagerness, 0.0, 5.0);
  check_range("rating_noise", options.rating_noise, 0.0, 1.0);
}

SyntheticWorld::SyntheticWorld(const SyntheticOptions& options) : options_(options) {
  check_synthetic(options);
  for (std::int64_t type = 0; type < options.types; ++type) {
    Random random(options.seed, "synthetic/taste", static_cast<std::uint64_t>(type));
    std::vector<int> tastes(static_cast<std::size_t>(options.genres));
    for (int& taste : tastes) taste = kLowestRating + static_cast<int>(random.below(kOthers));
    tastes[0] = kLoved;
    tastes[1] = kLiked;
    random.shuffle(tastes);
    taste_.insert(taste_.end(), tastes.begin(), tastes.end());
  }
}

std::string SyntheticWorld::title(std::int64_t item) const {
  return name_of(item) + " " + kGenres[static_cast<std::size_t>(genre(item))];
}

double SyntheticWorld::rate(std::int64_t type, std::int64_t item) const {
  return std::exp(options_.eagerness * (taste(type, genre(item)) - kMiddle)) / kMeanWaitDays;
}

double SyntheticWorld::rating_chance(int rating, int taste) const {
  return (rating == taste ? 1 - options_.rating_noise : 0) + options_.rating_noise / kHighestRating;
}

std::int64_t SyntheticWorld::type_of(std::int64_t user) const {
  Random random = user_random(options_, user);
  return draw_type(options_, random);
}

std::vector<SyntheticInteraction> SyntheticWorld::interactions(std::int64_t user) const {
  Random random = user_random(options_, user);
  const std::int64_t type = draw_type(options_, random);
  const auto length =
      options_.shortest +
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(options_.longest - options_.shortest + 1)));
  std::vector<SyntheticInteraction> waiting;
  for (std::int64_t item = 0; item < items(); ++item)
    waiting.push_back({item, 0, -std::log1p(-random.uniform()) / rate(type, item)});
  std::ranges::sort(waiting, {}, [](const auto& i) { return std::pair(i.days, i.item); });
  waiting.resize(static_cast<std::size_t>(length));
  for (SyntheticInteraction& taken : waiting) {
    const bool honest = random.uniform() >= options_.rating_noise;
    taken.rating =
        honest ? taste(type, genre(taken.item)) : kLowestRating + static_cast<int>(random.below(kHighestRating));
  }
  return waiting;
}

}  // namespace recpo::data
