#include "src/app/builtin.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"
#include "src/support/random.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

constexpr const char* kDeck = R"(
[run]
dir = "runs/tiny"
[data]
dataset = "recbole"
path = "runs/tiny/data"
k_core_users = 0
k_core_items = 0
min_history = 2
max_history = 2
tier = "filtered+rating"
candidates = 8
window = 2
max_eval_rows = 100
[tokenizer]
train_vocab = 512
[model]
size = "tiny"
initializer_range = 0.1
rope_theta = 100
max_tokens = 160
[optimizer]
lr = 2.5e-3
[sft]
steps = 400
global_batch = 48
[align]
steps = 3
global_batch = 48
[checkpoint]
every_steps = 100
)";

constexpr const char* kTemplates = "Liked:\n{history}\nChoose from:\n{candidates}\nAnswer:\n";

constexpr std::array kGenres = {"Comedy", "Western", "Space", "Crime", "Ocean", "Music"};
constexpr std::size_t kTitles = 4;  // of a genre
constexpr const char* kNames[kGenres.size()][kTitles] = {
    {"Banana", "Clown", "Parrot", "Pajama"},  {"Saddle", "Canyon", "Cactus", "Sheriff"},
    {"Comet", "Galaxy", "Rocket", "Orbit"},   {"Alibi", "Motive", "Ransom", "Verdict"},
    {"Anchor", "Harbor", "Lagoon", "Pirate"}, {"Ballad", "Fiddle", "Rhythm", "Chorus"},
};
constexpr int kUsers = 2000;

int item_id(std::size_t genre, std::size_t name) { return static_cast<int>(genre * kTitles + name) + 1; }

std::string items_file() {
  std::string text = "item_id:token\tmovie_title:token_seq\n";
  for (std::size_t genre = 0; genre < kGenres.size(); ++genre) {
    for (std::size_t name = 0; name < kTitles; ++name) {
      text += fmt::format("{}\t{} {}\n", item_id(genre, name), kNames[genre][name], kGenres[genre]);
    }
  }
  return text;
}

struct Rating {
  int item, value;
};

// All items of the liked genre in any order, each after one of another genre: of two neighbours exactly one is liked.
std::vector<Rating> ratings_of(int user) {
  Random random(1, "built-in ratings", static_cast<std::uint64_t>(user));
  const std::size_t liked = random.below(kGenres.size());
  std::vector<int> liked_items, others;
  for (std::size_t genre = 0; genre < kGenres.size(); ++genre) {
    for (std::size_t name = 0; name < kTitles; ++name) {
      (genre == liked ? liked_items : others).push_back(item_id(genre, name));
    }
  }
  random.shuffle(liked_items);
  random.shuffle(others);
  std::vector<Rating> ratings;
  for (std::size_t i = 0; i < liked_items.size(); ++i) {
    ratings.push_back({others[i], 1 + static_cast<int>(random.below(2))});
    ratings.push_back({liked_items[i], 4 + static_cast<int>(random.below(2))});
  }
  return ratings;
}

std::string ratings_file() {
  std::string text = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n";
  for (int user = 1; user <= kUsers; ++user) {
    int time = 0;
    for (const Rating& rating : ratings_of(user)) {
      text += fmt::format("{}\t{}\t{}\t{}\n", user, rating.item, rating.value, ++time);
    }
  }
  return text;
}

bool is_writable(const fs::path& folder) { return ::access(folder.c_str(), W_OK | X_OK) == 0; }

fs::path folder_for_outputs() {
  const fs::path current = fs::current_path();
  const bool usable = fs::exists(current / "runs") ? is_writable(current / "runs") : is_writable(current);
  return usable ? current : fs::temp_directory_path() / "recpo";
}

}  // namespace

Deck builtin_deck(const std::vector<std::string>& overrides) {
  Deck deck = read_deck_text(kDeck, "built-in deck", folder_for_outputs(), overrides);
  place_builtin_data(deck, fs::path(deck.run.dir) / "data");
  return deck;
}

void place_builtin_data(Deck& deck, const fs::path& folder) {
  if (deck.origins["data.path"] != kCommandLineOrigin) deck.data.path = folder.string();
  if (deck.origins["prompt.templates"] != kCommandLineOrigin)
    deck.prompt.templates = (folder / "templates.txt").string();
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "recpo-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_write("cannot create a temporary folder {}", name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_builtin_data(const fs::path& folder) {
  write_file(folder / "tiny.item", items_file());
  write_file(folder / "tiny.inter", ratings_file());
  write_file(folder / "templates.txt", kTemplates);
}

void write_builtin_data(const Context& context) {
  run_on_first_rank(context, "generating ratings", [&] {
    const fs::path folder = context.deck.data.path;
    log::info("built-in pipeline: {} made-up users, each likes one of {} genres; the log is in {}", kUsers,
              kGenres.size(), folder.string());
    write_builtin_data(folder);
  });
}

}  // namespace recpo::app
