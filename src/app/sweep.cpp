#include "src/app/sweep.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "src/app/deck_keys.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;
using Entries = std::vector<DeckEntry>;

constexpr std::size_t kDeepest = 8;  // sweeps in sweeps
constexpr std::size_t kMostCells = 10000;
constexpr const char* kSharedStages[] = {"prepare", "evaluate-base", "sft", "evaluate-sft"};

// Sections that say where and how, not what. (run.seed and run.stages count by themselves.)
const std::vector<std::string> kNoResults = {"run", "parallel", "checkpoint", "log", "plan", "sweep"};

std::vector<std::string> sections_but(const std::vector<std::string>& left_out) {
  std::vector<std::string> sections;
  for (const Key& key : deck_keys())
    if (std::ranges::find(left_out, key.section) == left_out.end()) sections.push_back(key.section);
  return sections;
}

// "align.lambda = 1 | 2": an override for each value.
Entries parse_axis(const std::string& axis, const std::string& origin, const fs::path& folder) {
  const auto equals = axis.find('=');
  const std::string key = axis.substr(0, equals);
  Entries entries;
  for (std::size_t begin = equals; begin != std::string::npos;) {
    const std::size_t end = axis.find('|', begin + 1);
    const std::string value = axis.substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
    entries.push_back(parse_override(key + "=" + value, origin));
    entries.back().folder = folder;
    if (entries.back().raw.empty())
      throw_usage("{}: '{}' has an empty value; write \"section.key = value | value\"", origin, axis);
    begin = end;
  }
  if (entries.empty()) throw_usage("{}: '{}' has no values; write \"section.key = value | value\"", origin, axis);
  return entries;
}

// All combinations, the last axis fastest.
std::vector<Entries> combinations(const std::vector<Entries>& axes) {
  std::vector<Entries> all = {{}};
  for (const Entries& axis : axes) {
    std::vector<Entries> longer;
    for (const Entries& begin : all)
      for (const DeckEntry& value : axis) {
        longer.push_back(begin);
        longer.back().push_back(value);
      }
    if (longer.size() > kMostCells) throw_usage("{}: more than {} cells", axis.front().origin, kMostCells);
    all = std::move(longer);
  }
  return all;
}

// A name for a folder: what separates folders, or hides one, becomes another character.
std::string folder_name(std::string text) {
  for (char& c : text)
    if (c == '/' || c == ' ' || static_cast<unsigned char>(c) < 0x20) c = '_';
  if (text.starts_with('.')) text.front() = '_';
  return text;
}

std::string deck_name(const fs::path& deck, const fs::path& folder) {
  fs::path relative = deck.lexically_relative(folder).replace_extension();
  std::vector<std::string> parts;
  for (const fs::path& part : relative)
    if (part != "..") parts.push_back(part.string());
  return fmt::format("{}", fmt::join(parts, "_"));
}

class Expansion {
 public:
  Expansion(const fs::path& root, const std::vector<std::string>& overrides)
      : root_(fs::absolute(root).lexically_normal()), overrides_(parse_overrides(overrides)) {
    std::erase_if(overrides_, [](const DeckEntry& entry) { return entry.name() == "run.dir"; });
    sweep_dir_ = read_deck(root, overrides).run.dir;
  }

  std::vector<Cell> cells() {
    expand(root_, {}, 0);
    return std::move(cells_);
  }

 private:
  Deck read(const fs::path& path, const Entries& values) const {
    Entries all = values;
    all.insert(all.end(), overrides_.begin(), overrides_.end());
    return read_deck_with(path, all);
  }

  // `outer`: values of the sweeps that led here; they go before those of this one.
  void expand(const fs::path& path, const Entries& outer, std::size_t depth) {
    const Deck sweep = read(path, outer);
    const std::string origin = where(sweep, sweep.sweep.decks.empty() ? "sweep.axes" : "sweep.decks");
    if (depth > kDeepest) throw_usage("{}: sweeps in sweeps, more than {} deep", origin, kDeepest);
    if (!is_sweep(sweep)) throw_usage("{} is no sweep: name sweep.decks or sweep.axes in it", path.string());
    std::vector<Entries> axes;
    for (const std::string& axis : sweep.sweep.axes)
      axes.push_back(parse_axis(axis, where(sweep, "sweep.axes"), path.parent_path()));
    const std::vector<std::string>& named = sweep.sweep.decks;
    for (const std::string& deck : named.empty() ? std::vector<std::string>{path.string()} : named) {
      const bool is_own = fs::path(deck).lexically_normal() == path;
      for (Entries values : combinations(axes)) {
        values.insert(values.end(), outer.begin(), outer.end());
        if (!is_own && is_sweep(read(deck, values))) {
          expand(fs::path(deck).lexically_normal(), values, depth + 1);
        } else {
          add(deck, is_own && depth == 0, values);
        }
      }
    }
  }

  void add(const fs::path& path, bool named_by_axes, const Entries& values) {
    Cell cell;
    cell.deck = read(path, values);
    cell.identity =
        sha256_hex(settings_text(cell.deck, sections_but(kNoResults)) +
                   fmt::format("seed {}\nstages {}\n", cell.deck.run.seed, fmt::join(cell.deck.run.stages, ", ")));
    if (!known_.insert(cell.identity).second) return;
    std::string name = named_by_axes ? "" : deck_name(path, root_.parent_path());
    for (const DeckEntry& value : values)
      name += fmt::format("{}{}={}", name.empty() ? "" : ",", value.name(), value.raw);
    cell.name = folder_name(name);
    const int before = names_[cell.name]++;
    if (before > 0) cell.name += fmt::format("-{}", before + 1);
    cell.deck.run.dir = (fs::path(sweep_dir_) / "cells" / cell.name).string();
    if (cell.deck.run.store.empty()) cell.deck.run.store = (fs::path(sweep_dir_) / "store").string();
    cell.group = groups_.emplace(shared_text(cell.deck), groups_.size()).first->second;
    cells_.push_back(std::move(cell));
    if (cells_.size() > kMostCells) throw_usage("{}: more than {} cells", root_.string(), kMostCells);
  }

  // What rows and SFT depend on.
  static std::string shared_text(Deck deck) {
    deck.data.negatives = data::DataOptions{}.negatives;
    std::vector<std::string> others = kNoResults;
    others.insert(others.end(), {"align", "evaluate", "baseline"});
    return settings_text(deck, sections_but(others)) +
           fmt::format("alpha {} seed {}\n", deck.objective.alpha, deck.run.seed);
  }

  fs::path root_;
  Entries overrides_;
  std::string sweep_dir_;
  std::vector<Cell> cells_;
  std::set<std::string> known_;
  std::map<std::string, int> names_;
  std::map<std::string, std::size_t> groups_;
};

}  // namespace

bool is_sweep(const Deck& deck) { return !deck.sweep.decks.empty() || !deck.sweep.axes.empty(); }

std::vector<Cell> sweep_cells(const fs::path& deck, const std::vector<std::string>& overrides) {
  if (deck.empty()) throw_usage("sweep: name its deck: recpo sweep -i DECK.toml");
  std::vector<Cell> cells = Expansion(deck, overrides).cells();
  for (const Cell& cell : cells) {
    const auto& first = cells.front().deck.parallel;
    if (cell.deck.parallel.tp == first.tp && cell.deck.parallel.backend == first.backend) continue;
    throw_usage(
        "{}: cell {} has another parallel.tp or parallel.backend than cell {}: a sweep runs on one grid of ranks",
        where(cell.deck, "parallel.tp"), cell.name, cells.front().name);
  }
  return cells;
}

std::vector<std::string> shared_stages(const std::vector<Cell>& cells, std::size_t group) {
  std::vector<std::string> stages;
  for (const char* stage : kSharedStages) {
    const bool asked = std::ranges::any_of(cells, [&](const Cell& cell) {
      return cell.group == group && std::ranges::find(cell.deck.run.stages, stage) != cell.deck.run.stages.end();
    });
    if (asked) stages.emplace_back(stage);
  }
  return stages;
}

}  // namespace recpo::app
