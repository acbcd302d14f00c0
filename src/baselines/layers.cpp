#include "src/baselines/layers.hpp"

#include <algorithm>
#include <numeric>

#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::baselines {
namespace {
std::int64_t total_size(const std::vector<ParameterSpec>& specs) {
  std::int64_t size = 0;
  for (const ParameterSpec& spec : specs) size += spec.size();
  return size;
}

double draw(const ParameterSpec& spec, Random& random) {
  switch (spec.fill) {
    case Fill::kNormal:
      return spec.scale * random.normal();
    case Fill::kUniform:
      return spec.scale * (2 * random.uniform() - 1);
    default:
      return spec.scale;
  }
}
}  // namespace

template <class T>
Parameters<T>::Parameters(std::vector<ParameterSpec> specs)
    : specs_(std::move(specs)),
      weights_("recpo::layers::weights", total_size(specs_)),
      gradients_("recpo::layers::gradients", total_size(specs_)) {}

template <class T>
void Parameters<T>::initialize(std::uint64_t seed) {
  std::vector<T> weights;
  for (const ParameterSpec& spec : specs_) {
    Random random(seed, "baseline weights " + spec.name);
    for (std::int64_t i = 0; i < spec.size(); ++i) weights.push_back(static_cast<T>(draw(spec, random)));
  }
  set_weights(weights);
}

template <class T>
void Parameters<T>::set_weights(std::span<const T> weights) {
  RECPO_REQUIRE(static_cast<std::int64_t>(weights.size()) == size());
  to_device(weights, this->weights());
}

template <class T>
Matrix<T> Parameters<T>::matrix(const OwnedVector<T>& memory, const std::string& name) const {
  std::int64_t offset = 0;
  for (const ParameterSpec& spec : specs_) {
    if (spec.name == name) return Matrix<T>(memory.data() + offset, spec.rows, spec.columns);
    offset += spec.size();
  }
  throw_error(ExitCode::kInternal, "no parameter {}", name);
}

std::string layout_text(const std::vector<ParameterSpec>& specs) {
  std::string text;
  for (const ParameterSpec& spec : specs) {
    text += fmt::format("{}{} {} x {}", text.empty() ? "" : ", ", spec.name, spec.rows, spec.columns);
  }
  return text;
}

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

RECPO_INSTANTIATE_SUMS_CLASS(Parameters);

}  // namespace recpo::baselines
