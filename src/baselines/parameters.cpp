#include "src/baselines/parameters.hpp"

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
      weights_("recpo::baselines::weights", total_size(specs_)),
      gradients_("recpo::baselines::gradients", total_size(specs_)) {}

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
std::vector<T> Parameters<T>::host_weights() const {
  std::vector<T> host(static_cast<std::size_t>(size()));
  Kokkos::deep_copy(HostVector<T>(host.data(), host.size()), weights_);
  return host;
}

template <class T>
void Parameters<T>::set_weights(std::span<const T> weights) {
  RECPO_REQUIRE(static_cast<std::int64_t>(weights.size()) == size());
  Kokkos::deep_copy(weights_, HostVector<const T>(weights.data(), weights.size()));
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

#define RECPO_INSTANTIATE(T) template class Parameters<T>;
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::baselines
