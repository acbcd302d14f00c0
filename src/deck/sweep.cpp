#include "src/deck/sweep.hpp"

#include <fmt/ranges.h>

#include <charconv>
#include <set>

#include "src/deck/nearest_name.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::deck {
namespace {
namespace fs = std::filesystem;
using Entries = std::vector<DeckEntry>;

constexpr std::size_t kDeepest = 8;  // sweeps in sweeps
constexpr std::size_t kMaxCells = 10000;
constexpr const char* kSharedStages[] = {"prepare", "evaluate-base", "sft", "evaluate-sft"};

// One value of an axis.
struct AxisValue {
  Entries entries;   // what it changes
  std::string name;  // its part of a cell's name: ",align.lambda=2" | "_ml-1m"
};
using Axis = std::vector<AxisValue>;

AxisValue combined(AxisValue first, const AxisValue& second) {
  first.entries.insert(first.entries.end(), second.entries.begin(), second.entries.end());
  first.name += second.name;
  return first;
}

// "align.lambda = 1 | 2" or "systems.toml = dpo | recpo".
Axis parse_axis(const std::string& text, const std::string& origin, const fs::path& folder) {
  const auto equals = text.find('=');
  const std::string left = trimmed(text.substr(0, equals));
  Axis axis;
  for (std::size_t begin = equals; begin != std::string::npos;) {
    const std::size_t end = text.find('|', begin + 1);
    const std::string value = trimmed(text.substr(begin + 1, end == std::string::npos ? end : end - begin - 1));
    if (value.empty()) throw_usage("{}: '{}' has an empty value; write \"section.key = value | value\"", origin, text);
    if (left.ends_with(".toml")) {
      const fs::path part = (folder / (left + "#" + value)).lexically_normal();
      axis.push_back({read_deck_file(part, origin), "_" + value});
    } else {
      DeckEntry entry = parse_override(left + "=" + value, origin);
      entry.folder = folder;
      axis.push_back({{entry}, fmt::format(",{}={}", entry.name(), entry.raw)});
    }
    begin = end;
  }
  if (axis.empty()) throw_usage("{}: '{}' has no values; write \"section.key = value | value\"", origin, text);
  return axis;
}

// Every combination of the axes' values, then `outer`, the last axis fastest.
std::vector<AxisValue> combinations(const std::vector<Axis>& axes, const AxisValue& outer) {
  std::vector<AxisValue> all = {{}};
  for (const Axis& axis : axes) {
    std::vector<AxisValue> longer;
    for (const AxisValue& begin : all)
      for (const AxisValue& value : axis) longer.push_back(combined(begin, value));
    if (longer.size() > kMaxCells)
      throw_usage("{}: more than {} cells", axis.front().entries.front().origin, kMaxCells);
    all = std::move(longer);
  }
  for (AxisValue& value : all) value = combined(std::move(value), outer);
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

  // `outer`: values of the sweeps that led here; they override those of this one.
  void expand(const fs::path& path, const AxisValue& outer, std::size_t depth) {
    const Deck sweep = read(path, outer.entries);
    const std::string origin = where(sweep, sweep.sweep.decks.empty() ? "sweep.axes" : "sweep.decks");
    if (depth > kDeepest) throw_usage("{}: sweeps in sweeps, more than {} deep", origin, kDeepest);
    if (!is_sweep(sweep)) throw_usage("{} is no sweep: name sweep.decks or sweep.axes in it", path.string());
    std::vector<Axis> axes;
    for (const std::string& axis : sweep.sweep.axes)
      axes.push_back(parse_axis(axis, where(sweep, "sweep.axes"), path.parent_path()));
    const std::vector<AxisValue> values = combinations(axes, outer);
    const std::string own_name = depth == 0 ? "" : deck_name(path, root_.parent_path());
    if (sweep.sweep.decks.empty())
      for (const AxisValue& value : values) add(path, sweep.sweep.name.empty() ? own_name : sweep.sweep.name, value);
    for (const std::string& deck : sweep.sweep.decks)
      for (const AxisValue& value : values) {
        const fs::path inner = fs::path(deck).lexically_normal();
        if (inner != path && is_sweep(read(inner, value.entries))) {
          expand(inner, value, depth + 1);
        } else {
          add(inner, deck_name(inner, root_.parent_path()), value);
        }
      }
  }

  void add(const fs::path& path, const std::string& begin, const AxisValue& value) {
    Cell cell;
    cell.deck = read(path, value.entries);
    cell.identity = sha256_hex(settings_text(cell.deck, changes::kEverything) +
                               fmt::format("stages {}\n", fmt::join(cell.deck.run.stages, ", ")));
    if (!known_.insert(cell.identity).second) return;
    cell.name = folder_name(begin.empty() ? value.name.substr(1) : begin + value.name);
    const int before = names_[cell.name]++;
    if (before > 0) cell.name += fmt::format("-{}", before + 1);
    cell.group = groups_.emplace(shared_text(cell.deck), groups_.size()).first->second;
    make_own_run(cell);
    cells_.push_back(std::move(cell));
    if (cells_.size() > kMaxCells) throw_usage("{}: more than {} cells", root_.string(), kMaxCells);
  }

  // The deck of an ordinary run, so that it can be printed and started as one.
  void make_own_run(Cell& cell) const {
    cell.deck.run.dir = (fs::path(sweep_dir_) / "cells" / cell.name).string();
    if (cell.deck.run.store.empty()) cell.deck.run.store = (fs::path(sweep_dir_) / "store").string();
    for (const char* key : {"run.dir", "run.store"}) cell.deck.origins[key] = "cell of " + root_.filename().string();
    cell.deck.sweep = {};
    std::erase_if(cell.deck.origins, [](const auto& origin) { return origin.first.starts_with("sweep."); });
  }

  // What rows and SFT depend on.
  static std::string shared_text(const Deck& deck) {
    return settings_text(deck, changes::kRows | changes::kModel | changes::kSft);
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

const Cell& find_cell(const std::vector<Cell>& cells, const std::string& number_or_name) {
  std::size_t number = 0;
  const char* end = number_or_name.data() + number_or_name.size();
  if (const auto read = std::from_chars(number_or_name.data(), end, number);
      read.ec == std::errc{} && read.ptr == end) {
    if (number < cells.size()) return cells[number];
    throw_usage("--cell {}: the sweep has {}, counted from 0 (see --list)", number, cells.size());
  }
  std::vector<std::string> names;
  for (const Cell& cell : cells) {
    if (cell.name == number_or_name) return cell;
    names.push_back(cell.name);
  }
  throw_usage("--cell {}: no cell of this name; did you mean {}? (see --list)", number_or_name,
              nearest_name(number_or_name, names));
}

std::vector<std::string> shared_stages(const std::vector<Cell>& cells, std::size_t group) {
  std::vector<std::string> stages;
  for (const char* stage : kSharedStages) {
    if (std::ranges::any_of(cells, [&](const Cell& c) { return c.group == group && c.deck.run.has_stage(stage); }))
      stages.emplace_back(stage);
  }
  return stages;
}

}  // namespace recpo::deck
