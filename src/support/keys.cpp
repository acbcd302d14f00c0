#include "src/support/keys.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "src/support/check.hpp"

namespace recpo {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

// Shortest text that reads back as the same double, and as a TOML float.
std::string real(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

struct Text {
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(double value) const { return real(value); }
  std::string operator()(const std::vector<std::string>& value) const {
    std::vector<std::string> elements;
    for (const std::string& element : value) elements.push_back(quoted(element));
    return fmt::format("[{}]", fmt::join(elements, ", "));
  }
  template <class Value>  // a whole number, true or false
  std::string operator()(const Value& value) const {
    return fmt::format("{}", value);
  }
};

void check_choice(const Key& key, const std::string& place, const std::string& text) {
  if (!key.choices.empty()) find_choice(key, place, text);
}

void check_range(const Key& key, const std::string& place, double value) {
  const bool low = key.low_open ? value > key.low : value >= key.low;
  const bool high = key.high_open ? value < key.high : value <= key.high;
  if (!std::isfinite(value)) throw_usage("{} = {} is not a finite number", place, value);
  if (low && high) return;
  const std::string least = fmt::format("{} {}", key.low_open ? "above" : "at least", key.low);
  const std::string most = fmt::format("{} {}", key.high_open ? "below" : "at most", key.high);
  const std::string right = std::isinf(key.high) ? least : std::isinf(key.low) ? most : least + " and " + most;
  throw_usage("{} = {} must be {}", place, value, right);
}

struct Check {
  const Key& key;
  const std::string& place;

  void operator()(const std::string& value) const { check_choice(key, place, value); }
  void operator()(bool) const {}
  template <class Number>
  void operator()(Number value) const {
    check_range(key, place, static_cast<double>(value));
  }
  void operator()(const std::vector<std::string>& value) const {
    for (const std::string& element : value) check_choice(key, place, element);
  }
};

// visitor(value); nothing for an optional member without one.
template <class Visitor>
void visit_value(const Key& key, const Visitor& visitor) {
  const auto visit = [&](const auto& field) {
    if constexpr (std::is_same_v<decltype(field), const ChoiceField&>) {
      visitor(key.choices.at(*field.value));
    } else if constexpr (requires { field->has_value(); }) {
      if (field->has_value()) visitor(**field);
    } else {
      visitor(*field);
    }
  };
  std::visit(visit, key.field);
}

// Shortest; 1e9 and 1e-9 for large and small ones.
std::string number(double value) {
  if (value == 0 || (std::abs(value) >= 1e-6 && std::abs(value) < 1e6)) return fmt::format("{:.15g}", value);
  const double exponent = std::floor(std::log10(std::abs(value)));
  return fmt::format("{:g}e{:.0f}", value / std::pow(10, exponent), exponent);
}

std::string bound(double value, const char* closed, const char* open, bool is_open) {
  return fmt::format("{} {}", is_open ? open : closed, number(value));
}

}  // namespace

std::string comment_of(const Key& key) {
  std::vector<std::string> numbers;
  if (!key.measured_in.empty()) numbers.push_back(key.measured_in);
  if (std::isfinite(key.low) && std::isfinite(key.high) && !key.low_open && !key.high_open) {
    numbers.push_back(fmt::format("{} to {}", number(key.low), number(key.high)));
  } else {
    if (std::isfinite(key.low)) numbers.push_back(bound(key.low, ">=", ">", key.low_open));
    if (std::isfinite(key.high)) numbers.push_back(bound(key.high, "<=", "<", key.high_open));
  }
  std::string text = key.help;
  if (!key.choices.empty()) text += fmt::format(": {}", fmt::join(key.choices, " | "));
  if (!numbers.empty()) text += fmt::format(" [{}]", fmt::join(numbers, ", "));
  return text;
}

std::optional<std::string> value_text(const Key& key) {
  std::optional<std::string> text;
  visit_value(key, [&](const auto& value) { text = Text()(value); });
  return text;
}

std::size_t find_choice(const Key& key, const std::string& place, const std::string& text) {
  const auto found = std::ranges::find(key.choices, text);
  if (found == key.choices.end())
    throw_usage("{} = \"{}\" is not one of {}", place, text, fmt::join(key.choices, " | "));
  return static_cast<std::size_t>(found - key.choices.begin());
}

void check_value(const Key& key, const std::string& place) { visit_value(key, Check{key, place}); }

void Keys::part(const PartKey& key, PartValues& values) {
  for (const Key& known : keys_)
    if (known.section == section_ && known.name == key.name) return;
  (*this)(key.name, values.try_emplace(key.name, key.fallback).first->second, key.help).between(key.low, key.high);
}

}  // namespace recpo
