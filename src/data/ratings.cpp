#include "src/data/ratings.hpp"

#include <algorithm>
#include <utility>

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
  const auto [place, added] = items_.try_emplace(std::string(id), 0);
  if (!added) throw BadLine(fmt::format("item '{}' appears twice", id));
  place->second = new_item(id, clean_title(raw_title, year, title_year_));
}

void RatingsBuilder::add_interaction(std::string_view user, std::string_view item, double rating, std::int64_t time) {
  const auto [user_place, new_user] =
      users_.try_emplace(std::string(user), static_cast<std::int32_t>(ratings_.users.size()));
  if (new_user) {
    RECPO_REQUIRE(ratings_.users.size() < kMaxNumbers);
    ratings_.users.emplace_back(user);
  }
  const auto [item_place, item_unknown] = items_.try_emplace(std::string(item), 0);
  if (item_unknown) item_place->second = new_item(item, "");
  ratings_.interactions.push_back({user_place->second, item_place->second, rating, rating, time});
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

}  // namespace recpo::data
