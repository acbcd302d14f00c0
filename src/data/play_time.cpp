#include "src/data/play_time.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "src/support/check.hpp"

namespace recpo::data {
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
