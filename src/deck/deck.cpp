#include "src/deck/deck.hpp"

#include "src/data/dataset.hpp"
#include "src/deck/deck_keys.hpp"
#include "src/support/check.hpp"

namespace recpo::deck {
namespace {
namespace fs = std::filesystem;

// The entry's value as TOML read it; `right` says what it must be.
template <class T>
T as(const DeckEntry& entry, const char* right) {
  if (const auto* value = std::get_if<T>(&entry.value)) return *value;
  throw_usage("{} must be {}", entry.place(), right);
}

std::string as_text(const DeckEntry& entry) {
  const bool is_typed = entry.is_override && !std::holds_alternative<std::string>(entry.value);
  return is_typed ? entry.raw : as<std::string>(entry, "text in quotes");
}

std::int64_t as_integer(const DeckEntry& entry) { return as<std::int64_t>(entry, "a whole number"); }

double as_real(const DeckEntry& entry) {
  const auto* whole = std::get_if<std::int64_t>(&entry.value);
  return whole != nullptr ? static_cast<double>(*whole) : as<double>(entry, "a number");
}

bool as_boolean(const DeckEntry& entry) { return as<bool>(entry, "true or false"); }

// As config.json's: 0 and 1 as well.
bool as_flag(const DeckEntry& entry) {
  const auto* number = std::get_if<std::int64_t>(&entry.value);
  return number != nullptr && (*number == 0 || *number == 1) ? *number == 1 : as_boolean(entry);
}

std::vector<std::string> as_list(const DeckEntry& entry) {
  using List = std::vector<std::string>;
  if (entry.is_override && !std::holds_alternative<List>(entry.value)) return {as_text(entry)};
  return as<List>(entry, "a list of texts, for example [\"main\"]");
}

// Writes one entry into the member of its key; every type knows what it accepts.
struct Assign {
  const Key& key;
  const DeckEntry& entry;

  void operator()(std::string* target) const { *target = as_text(entry); }
  void operator()(std::int64_t* target) const { *target = as_integer(entry); }
  void operator()(std::uint64_t* target) const {
    if (as_integer(entry) < 0) throw_usage("{} = {} must be at least 0", entry.place(), as_integer(entry));
    *target = static_cast<std::uint64_t>(as_integer(entry));
  }
  void operator()(double* target) const { *target = as_real(entry); }
  void operator()(bool* target) const { *target = as_boolean(entry); }
  void operator()(std::vector<std::string>* target) const { *target = as_list(entry); }
  void operator()(ChoiceField target) const {
    *target.value = static_cast<std::uint8_t>(find_choice(key, entry.place(), as_text(entry)));
  }
  void operator()(std::optional<std::int64_t>* target) const { *target = as_integer(entry); }
  void operator()(std::optional<double>* target) const { *target = as_real(entry); }
  void operator()(std::optional<bool>* target) const { *target = as_flag(entry); }
};

void assign(const Key& key, const DeckEntry& entry) {
  std::visit(Assign{key, entry}, key.field);
  check_value(key, entry.place());
}

void make_absolute(std::string& path, const fs::path& folder) {
  if (!path.empty()) path = (folder / path).lexically_normal().string();
}

// Relative paths begin at the folder of the deck that names them, the current one when typed on the command line, and
// defaults at `deck_folder`.
void resolve_paths(Deck& deck, const std::map<std::string, fs::path>& folders, const fs::path& deck_folder) {
  const auto folder = [&](const std::string& name) {
    const auto found = folders.find(name);
    return found == folders.end() ? deck_folder : found->second;
  };
  const Keys keys = keys_of(deck);
  for (const Key& key : keys.all()) {
    if (!key.is_path) continue;
    if (const auto* list = std::get_if<std::vector<std::string>*>(&key.field)) {
      for (std::string& path : **list) make_absolute(path, folder(key.full_name()));
    } else {
      make_absolute(*std::get<std::string*>(key.field), folder(key.full_name()));
    }
  }
  if (!find_value<Reference>(deck.reference)) make_absolute(deck.reference, folder("align.reference"));
}

void check_data(const Deck& deck) {
  const data::DataOptions& data = deck.data;
  const data::Dataset& dataset = data::find_dataset(data.dataset);
  if (dataset.has_ready_rows()) {
    if (data.train.empty() && data.valid.empty() && data.test.empty())
      throw_usage("{} = {} needs files of rows: set data.train, data.valid or data.test", where(deck, "data.dataset"),
                  data.dataset);
    return;  // negatives and candidates are the rows' own
  }
  if (data.negatives >= data.candidates)
    throw_usage("{} = {} must be smaller than data.candidates = {}: a row has one preferred item among its candidates",
                where(deck, "data.negatives"), data.negatives, data.candidates);
  if (data.path.empty() && dataset.has_files())
    throw_usage("{} is empty: name the folder with the raw files", where(deck, "data.path"));
}

// One token a title changes the vocabulary, which a trained model or a tokenizer of its own has already.
void check_tokenizer(const Deck& deck) {
  if (deck.tokenizer.titles == Titles::kSubword) return;
  const std::string titles = fmt::format("{} = {}", where(deck, "tokenizer.titles"), name_of(deck.tokenizer.titles));
  for (const auto& [key, value] : {std::pair("model.path", deck.model.path), {"tokenizer.path", deck.tokenizer.path}})
    if (!value.empty())
      throw_usage(
          "{} needs a tokenizer learned here for random weights, but {} = {} brings its own; leave one of them out",
          titles, where(deck, key), value);
  if (deck.tokenizer.train_vocab == 0)
    throw_usage(
        "{} needs a size for the tokens of all other text: set tokenizer.train_vocab, for example to 400; with "
        "tokenizer.titles = subword, tokenizer.path or model.path bring a tokenizer instead",
        titles);
}

void check_validation(const Deck& deck) {
  const train::ValidationOptions& validate = deck.validate;
  if (validate.exists()) return;
  for (const auto& [key, is_set] :
       {std::pair("validate.keep_best", validate.keep_best), {"validate.patience", validate.patience > 0}})
    if (is_set) throw_usage("{} needs validations: set validate.every_steps, for example to 10", where(deck, key));
}

// What must hold between the keys. Needs no files.
void check_deck(const Deck& deck) {
  if (deck.run.dir.empty()) throw_usage("{} is empty: name the folder for the outputs", where(deck, "run.dir"));
  check_data(deck);
  check_tokenizer(deck);
  check_validation(deck);
}

Deck assemble(std::vector<DeckEntry> entries, const fs::path& folder, const std::vector<DeckEntry>& overrides) {
  entries.insert(entries.end(), overrides.begin(), overrides.end());
  Deck deck;
  const Keys keys = keys_of(deck);
  std::map<std::string, fs::path> folders;
  for (const DeckEntry& entry : entries) {
    assign(find_key(keys, entry.section, entry.key, entry.origin), entry);
    deck.origins[entry.name()] = entry.origin;
    folders[entry.name()] = entry.folder;
  }
  resolve_paths(deck, folders, folder);
  deck.data.alpha = deck.objective.alpha;
  deck.evaluate.max_eval_rows = deck.data.max_eval_rows;
  check_deck(deck);
  return deck;
}

}  // namespace

std::vector<DeckEntry> parse_overrides(const std::vector<std::string>& overrides) {
  std::vector<DeckEntry> entries;
  for (const std::string& text : overrides) {
    entries.push_back(parse_override(text));
    entries.back().folder = fs::current_path();
  }
  return entries;
}

Deck read_deck_text(std::string_view text, const std::string& name, const fs::path& folder,
                    const std::vector<std::string>& overrides) {
  std::vector<DeckEntry> entries = parse_deck_text(text, name);
  for (DeckEntry& entry : entries) entry.folder = folder;
  return assemble(std::move(entries), folder, parse_overrides(overrides));
}

Deck read_deck_with(const fs::path& path, const std::vector<DeckEntry>& overrides) {
  if (path.empty()) return assemble({}, "", overrides);
  return assemble(read_deck_file(path), fs::absolute(path).parent_path(), overrides);
}

Deck read_deck(const fs::path& path, const std::vector<std::string>& overrides) {
  return read_deck_with(path, parse_overrides(overrides));
}

std::string where(const Deck& deck, const std::string& key) {
  const auto origin = deck.origins.find(key);
  return origin == deck.origins.end() ? key + " (default)" : origin->second + ": " + key;
}

}  // namespace recpo::deck
