#include "src/plan/node.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "src/deck/deck_entries.hpp"
#include "src/deck/nearest_name.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/units.hpp"

namespace recpo::plan {

Link Node::link(int size, int reach) const {
  if (all_to_all || (reach <= bridge_ranks && bridge_ranks % reach == 0)) return bridge;
  // Two neighbours have their links to themselves; wider groups share those of the host.
  if (size == 2 && reach == 2) return pair;
  return {shared_bandwidth, pair.latency};
}

Node Node::without_bridges() const {
  Node node = *this;
  node.bridge_ranks = 1;
  node.all_to_all = false;
  return node;
}

namespace {

constexpr std::uint64_t kFileLimitBytes = 1 << 20;
constexpr double kMax = std::numeric_limits<double>::max();

struct Range {
  double low, high;
  const char* text;
};
constexpr Range kPositive{std::numeric_limits<double>::min(), kMax, "above 0"};
constexpr Range kNotNegative{0, kMax, "at least 0"};
constexpr Range kShare{0, 1, "between 0 and 1"};
constexpr Range kCount{1, 1 << 20, "a whole number of at least 1"};

double number(const deck::DeckEntry& entry, const Range& range) {
  double value = std::nan("");
  if (const auto* real = std::get_if<double>(&entry.value)) value = *real;
  if (const auto* whole = std::get_if<std::int64_t>(&entry.value)) value = static_cast<double>(*whole);
  if (!(value >= range.low && value <= range.high)) throw_usage("{} must be a number {}", entry.place(), range.text);
  return value;
}

int count(const deck::DeckEntry& entry) {
  if (!std::holds_alternative<std::int64_t>(entry.value)) throw_usage("{} must be {}", entry.place(), kCount.text);
  return static_cast<int>(number(entry, kCount));
}

std::string word(const deck::DeckEntry& entry) {
  const auto* text = std::get_if<std::string>(&entry.value);
  if (text == nullptr || text->empty()) throw_usage("{} must be text in quotes", entry.place());
  return *text;
}

bool flag(const deck::DeckEntry& entry) {
  if (const auto* value = std::get_if<bool>(&entry.value)) return *value;
  throw_usage("{} must be true or false", entry.place());
}

model::Precision precision(const deck::DeckEntry& entry) {
  const std::string text = word(entry);
  const auto value = find_value<model::Precision>(text);
  if (!value || value == model::Precision::kAuto)
    throw_usage("{} = \"{}\" is not one of fp32 | bf16", entry.place(), text);
  return *value;
}

using Reader = std::function<void(Node&, const deck::DeckEntry&)>;

Reader real(double Node::*member, const Range& range, double unit = 1) {
  return [=](Node& node, const deck::DeckEntry& entry) { node.*member = unit * number(entry, range); };
}
Reader link(plan::Link Node::*member, double plan::Link::*part, const Range& range, double unit) {
  return [=](Node& node, const deck::DeckEntry& entry) { node.*member.*part = unit * number(entry, range); };
}

const std::vector<std::pair<std::string, Reader>>& readers() {
  static const std::vector<std::pair<std::string, Reader>> all = {
      {"node.name", [](Node& node, const deck::DeckEntry& entry) { node.name = word(entry); }},
      {"node.ranks", [](Node& node, const deck::DeckEntry& entry) { node.ranks = count(entry); }},
      {"node.precision", [](Node& node, const deck::DeckEntry& entry) { node.precision = precision(entry); }},
      {"node.memory_gib", real(&Node::memory, kPositive, kGibi)},
      {"node.reserve_gib", real(&Node::reserve, kNotNegative, kGibi)},
      {"node.peak_tflops", real(&Node::peak_flops, kPositive, kTera)},
      {"node.gemm_efficiency",
       real(&Node::gemm_efficiency, {std::numeric_limits<double>::min(), 1, "above 0 and at most 1"})},
      {"node.gemm_half_tokens", real(&Node::gemm_half_tokens, kNotNegative)},
      {"node.memory_gb_s", real(&Node::memory_bandwidth, kPositive, kGiga)},
      {"links.bridge_ranks", [](Node& node, const deck::DeckEntry& entry) { node.bridge_ranks = count(entry); }},
      {"links.bridge_gb_s", link(&Node::bridge, &Link::bandwidth, kPositive, kGiga)},
      {"links.bridge_latency_us", link(&Node::bridge, &Link::latency, kNotNegative, kMicro)},
      {"links.pair_gb_s", link(&Node::pair, &Link::bandwidth, kPositive, kGiga)},
      {"links.pair_latency_us", link(&Node::pair, &Link::latency, kNotNegative, kMicro)},
      {"links.shared_gb_s", real(&Node::shared_bandwidth, kPositive, kGiga)},
      {"links.all_to_all", [](Node& node, const deck::DeckEntry& entry) { node.all_to_all = flag(entry); }},
      {"links.overlap", real(&Node::overlap, kShare)},
  };
  return all;
}

const Reader& find_reader(const deck::DeckEntry& entry) {
  std::vector<std::string> known;
  for (const auto& [name, reader] : readers()) {
    if (name == entry.name()) return reader;
    known.push_back(name);
  }
  throw_usage("{}: unknown key {}; did you mean {}?", entry.origin, entry.name(),
              deck::nearest_name(entry.name(), known));
}

}  // namespace

Node read_node_text(std::string_view text, const std::string& name) {
  Node node;
  std::map<std::string, std::string> origins;
  for (const deck::DeckEntry& entry : deck::parse_deck_text(text, name)) {
    find_reader(entry)(node, entry);
    origins[entry.name()] = entry.origin;
  }
  for (const auto& [key, reader] : readers()) {
    if (!origins.contains(key))
      throw_usage("{}: {} is missing; inputs/nodes/a6000x8.toml shows every key with its meaning", name, key);
  }
  if (node.reserve >= node.memory)
    throw_usage("{}: node.reserve_gib must be below node.memory_gib: nothing is left for training",
                origins["node.reserve_gib"]);
  return node;
}

Node read_node_file(const std::filesystem::path& path) {
  std::string text;
  try {
    text = read_file(path, kFileLimitBytes);
  } catch (const Error& error) {  // a missing file is a mistake on the command line
    throw_usage("--node: {}", error.what());
  }
  return read_node_text(text, path.string());
}

}  // namespace recpo::plan
