#include "src/data/ratings.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "src/data/lines.hpp"
#include "src/data/titles.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
constexpr std::size_t kMaxNumbers = (std::size_t{1} << 31) - 1;

struct Degrees {
  std::vector<std::int64_t> user, item;
};

Degrees degrees(const Ratings& ratings) {
  Degrees degrees{std::vector<std::int64_t>(ratings.users.size()), std::vector<std::int64_t>(ratings.items.size())};
  for (const Interaction& interaction : ratings.interactions) {
    ++degrees.user[static_cast<std::size_t>(interaction.user)];
    ++degrees.item[static_cast<std::size_t>(interaction.item)];
  }
  return degrees;
}

std::int64_t count_positive(const std::vector<std::int64_t>& values) {
  return std::ranges::count_if(values, [](std::int64_t value) { return value > 0; });
}
}  // namespace

std::int32_t RatingsBuilder::new_item(std::string_view id, std::string title) {
  RECPO_REQUIRE(ratings_.items.size() < kMaxNumbers);
  const auto number = static_cast<std::int32_t>(ratings_.items.size());
  const auto [place, added] = titles_.try_emplace(title, ratings_.num_titles);
  if (added) ++ratings_.num_titles;
  ratings_.items.push_back({std::string(id), std::move(title), place->second});
  return number;
}

void RatingsBuilder::add_item(std::string_view id, std::string_view raw_title, std::string_view year) {
  if (has_item(id)) throw BadLine(fmt::format("item '{}' appears twice", excerpt(id)));
  std::string title = clean_title(raw_title, year, title_year_);
  ratings_.titles_cut += cut_title(title, max_title_);
  const std::int32_t number = new_item(id, std::move(title));
  items_.emplace(id, number);
}

std::int32_t RatingsBuilder::user_number(std::string_view id) {
  if (const auto known = users_.find(id); known != users_.end()) return known->second;
  RECPO_REQUIRE(ratings_.users.size() < kMaxNumbers);
  const auto number = static_cast<std::int32_t>(ratings_.users.size());
  ratings_.users.emplace_back(id);
  users_.emplace(id, number);
  return number;
}

void RatingsBuilder::add_interaction(std::string_view user, std::string_view item, double rating, std::int64_t time,
                                     double level) {
  if (!has_item(item)) items_.emplace(item, new_item(item, ""));
  ratings_.interactions.push_back({user_number(user), items_.find(item)->second, rating, level, time});
}

Counts count(const Ratings& ratings) {
  const Degrees found = degrees(ratings);
  return {count_positive(found.user), count_positive(found.item),
          static_cast<std::int64_t>(ratings.interactions.size())};
}

std::int64_t drop_untitled(Ratings& ratings) {
  const Degrees found = degrees(ratings);
  std::int64_t untitled = 0;
  for (std::size_t i = 0; i < ratings.items.size(); ++i)
    untitled += found.item[i] > 0 && ratings.items[i].title.empty();
  std::erase_if(ratings.interactions, [&](const Interaction& interaction) {
    return ratings.items[static_cast<std::size_t>(interaction.item)].title.empty();
  });
  return untitled;
}

std::int64_t filter_k_core(Ratings& ratings, std::int64_t users, std::int64_t items) {
  for (std::int64_t passes = 0;; ++passes) {
    const Degrees found = degrees(ratings);
    const auto removed = std::erase_if(ratings.interactions, [&](const Interaction& interaction) {
      return found.user[static_cast<std::size_t>(interaction.user)] < users ||
             found.item[static_cast<std::size_t>(interaction.item)] < items;
    });
    if (removed == 0) return passes;
  }
}

namespace {
constexpr std::size_t kQuintiles = 5;

// The places of all interactions, ordered by `key` of them; equal keys keep the log's order.
template <class Key>
std::vector<std::uint32_t> places_by(const std::vector<Interaction>& log, const Key& key) {
  RECPO_REQUIRE(log.size() < UINT32_MAX);
  std::vector<std::uint32_t> places(log.size());
  std::iota(places.begin(), places.end(), 0u);
  std::ranges::sort(places, {},
                    [&](std::uint32_t place) { return std::tuple_cat(key(log[place]), std::tuple(place)); });
  return places;
}
}  // namespace

std::int64_t keep_last_of_pairs(std::vector<Interaction>& log) {
  const auto pair = [](const Interaction& interaction) { return std::tuple(interaction.user, interaction.item); };
  const std::vector<std::uint32_t> places = places_by(log, pair);
  std::vector<bool> repeated(log.size());
  for (std::size_t i = 0; i + 1 < places.size(); ++i)
    repeated[places[i]] = pair(log[places[i]]) == pair(log[places[i + 1]]);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < log.size(); ++i)
    if (!repeated[i]) log[kept++] = log[i];
  const auto gone = static_cast<std::int64_t>(log.size() - kept);
  log.resize(kept);
  return gone;
}

void rate_by_play_time(std::vector<Interaction>& log) {
  const auto hours = [](const Interaction& interaction) { return std::max(interaction.rating, -1.0); };
  const std::vector<std::uint32_t> places =
      places_by(log, [&](const Interaction& interaction) { return std::tuple(interaction.item, hours(interaction)); });
  for (std::size_t begin = 0, end; begin < places.size(); begin = end) {
    for (end = begin; end < places.size() && log[places[end]].item == log[places[begin]].item;) ++end;
    std::size_t fewer = 0;  // interactions of the item before those with the same hours
    double same_hours = 0;
    for (std::size_t i = begin; i < end; ++i) {
      Interaction& interaction = log[places[i]];
      if (i == begin || hours(interaction) != same_hours) fewer = i - begin;
      same_hours = hours(interaction);
      interaction.level = static_cast<double>(1 + kQuintiles * fewer / (end - begin));
    }
  }
  for (Interaction& interaction : log) interaction.rating = interaction.level;
}

}  // namespace recpo::data
