#pragma once
// Names of an enum's values. The enum's header gives them once, in the order of the values, which start at 0:
//
//   enum class Match : std::uint8_t { kExact, kContains };
//   constexpr auto names_of(Match) { return std::array{"exact", "contains"}; }
//
// They are what a deck says and what is printed; inside the program there are only the values.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace recpo {

template <class E>
constexpr const char* name_of(E value) {
  return names_of(value)[static_cast<std::size_t>(value)];
}

template <class E>
constexpr std::optional<E> find_value(std::string_view name) {
  std::size_t value = 0;
  for (const std::string_view known : names_of(E{})) {
    if (name == known) return static_cast<E>(value);
    ++value;
  }
  return std::nullopt;
}

}  // namespace recpo
