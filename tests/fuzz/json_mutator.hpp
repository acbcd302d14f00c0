#pragma once
// Mutations of JSON texts that are JSON again: bytes changed at random hardly ever are, and so test the parser of JSON
// more than the reader behind it. One value or key, drawn at random, is replaced, removed or copied to another place.
// Every second mutation stays libFuzzer's own.

#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace recpo::fuzz {

class JsonMutator {
 public:
  JsonMutator(nlohmann::json& root, unsigned seed) : random_(seed) { collect(root); }

  void run() {
    nlohmann::json& value = *values_[below(values_.size())];
    if (below(2) == 0 && !value.empty() && value.is_structured()) {
      if (value.is_object()) return change_key(value);
      value.erase(below(value.size()));
    } else {
      value = replacement(value);
    }
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  void collect(nlohmann::json& value) {
    values_.push_back(&value);
    if (value.is_structured()) {
      for (nlohmann::json& element : value) collect(element);
    }
  }

  void change_key(nlohmann::json& object) {
    const auto member = std::next(object.begin(), static_cast<std::ptrdiff_t>(below(object.size())));
    const nlohmann::json value = member.value();
    const std::string key = member.key();
    if (below(2) == 0) object.erase(key);
    object[below(2) == 0 ? key + "a" : key.substr(0, key.size() / 2)] = value;
  }

  nlohmann::json replacement(const nlohmann::json& old) {
    if (below(4) == 0) return nlohmann::json(*values_[below(values_.size())]);  // a copy from elsewhere
    if (old.is_number() && below(4) != 0) return number(old);
    static const std::array<nlohmann::json, 8> kOthers = {
        nullptr, true, false, "", "\n", nlohmann::json::array(), nlohmann::json::object(), 0.5};
    return below(2) == 0 ? number(old) : kOthers[below(kOthers.size())];
  }

  nlohmann::json number(const nlohmann::json& old) {
    const std::uint64_t power = std::uint64_t{1} << below(64), near = power + below(3) - 1;
    const std::uint64_t value = old.is_number_unsigned() ? old.get<std::uint64_t>() : 0;
    switch (below(6)) {
      case 0:
        return value + 1;
      case 1:
        return value - 1;  // beyond the largest for 0
      case 2:
        return value * 2;
      case 3:
        return -static_cast<std::int64_t>(power >> 1);
      case 4:
        return static_cast<double>(near) * 1e-10;
      default:
        return near;
    }
  }

  std::minstd_rand random_;
  std::vector<nlohmann::json*> values_;
};

// For LLVMFuzzerCustomMutator; the JSON text begins at byte `begin` of the input.
inline std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed,
                               std::size_t begin = 0) {
  if (seed % 2 == 0 || size <= begin) return LLVMFuzzerMutate(data, size, max_size);
  const std::string_view text(reinterpret_cast<const char*>(data) + begin, size - begin);
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return LLVMFuzzerMutate(data, size, max_size);
  JsonMutator(json, seed).run();
  const std::string mutated = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (begin + mutated.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::ranges::copy(mutated, data + begin);
  return begin + mutated.size();
}

}  // namespace recpo::fuzz
