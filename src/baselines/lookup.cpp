#include "src/baselines/lookup.hpp"

#include <algorithm>
#include <numeric>

namespace recpo::baselines {

void Lookup::set(const std::vector<int>& numbers) {
  std::vector<int> order(numbers.size()), group_number, group_begin;
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int i) { return numbers[static_cast<std::size_t>(i)]; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const int number = numbers[static_cast<std::size_t>(order[i])];
    if (!group_number.empty() && group_number.back() == number) continue;
    group_number.push_back(number);
    group_begin.push_back(static_cast<int>(i));
  }
  group_begin.push_back(static_cast<int>(order.size()));
  numbers_.assign(numbers);
  order_.assign(order);
  group_number_.assign(group_number);
  group_begin_.assign(group_begin);
}

}  // namespace recpo::baselines
