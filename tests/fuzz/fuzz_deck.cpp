// A deck as text, and a key of the command line (an input that begins with '+'): entries know where they stand.
#include "src/deck/deck_entries.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace recpo {
namespace {

// A key may be empty here, or the same as another (TOML's quoted keys): no such key is known.
void check_entry(const deck::DeckEntry& entry) {
  fuzz::expect(entry.origin.starts_with(fuzz::kSource), "the entry's place", entry.origin.c_str());
  fuzz::expect(entry.place().ends_with(entry.name()), "the entry's name", entry.place().c_str());
}

void read_deck(std::string_view input) {
  if (input.starts_with('+')) return check_entry(deck::parse_override(std::string(input.substr(1)), fuzz::kSource));
  const deck::DeckText read = deck::parse_deck(input, fuzz::kSource);
  for (const deck::DeckEntry& entry : read.entries) check_entry(entry);
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_deck, recpo::ExitCode::kUsage);
}
