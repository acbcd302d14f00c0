#include "src/app/input/deck_file.hpp"

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t kDeckLimitBytes = 1 << 20;

std::string read_text(const fs::path& path, const std::string& named_by) {
  try {
    return read_file(path, kDeckLimitBytes);
  } catch (const Error& error) {  // a missing deck is a mistake on the command line, or of the deck that includes it
    throw_usage("{}: {}", named_by, error.what());
  }
}

// `open`: the decks that led here.
void append(const fs::path& path, const std::string& named_by, std::vector<fs::path>& open,
            std::vector<DeckEntry>& entries) {
  const fs::path folder = fs::absolute(path).parent_path();
  const fs::path identity = fs::absolute(path).lexically_normal();
  if (std::ranges::find(open, identity) != open.end()) throw_usage("{}: {} includes itself", named_by, path.string());
  DeckText deck = parse_deck(read_text(path, named_by), path.string());
  open.push_back(identity);
  for (const std::string& include : deck.includes) {
    const fs::path included = (path.parent_path() / include).lexically_normal();
    append(included, deck.include_origin + ": include", open, entries);
  }
  open.pop_back();
  for (DeckEntry& entry : deck.entries) {
    entry.folder = folder;
    entries.push_back(std::move(entry));
  }
}
}  // namespace

std::vector<DeckEntry> read_deck_file(const fs::path& path) {
  std::vector<fs::path> open;
  std::vector<DeckEntry> entries;
  append(path, "deck", open, entries);
  return entries;
}

}  // namespace recpo::app
