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
dataset = "ml-1m"
path = "runs/tiny/data"
k_core_users = 0
k_core_items = 0
min_history = 3
max_history = 4
candidates = 8
window = 3
title_year = false
[tokenizer]
train_vocab = 320
[model]
size = "tiny"
max_tokens = 160
[optimizer]
lr = 3e-3
[sft]
steps = 300
global_batch = 32
[align]
steps = 20
global_batch = 32
beta = 0.5
[checkpoint]
every_steps = 100
)";

constexpr const char* kTemplates =
    "History:\n{history}\nCandidates:\n{candidates}\nAnswer:\n"
    "---\n"
    "Seen:\n{history}\nChoose from:\n{candidates}\nAnswer:\n";

constexpr std::array kGenres = {"Comedy", "Western", "Space", "Crime", "Ocean", "Music"};
constexpr std::array kAdjectives = {"Silent", "Golden", "Broken", "Hidden", "Last", "Wild", "Little", "Frozen"};
constexpr int kUsers = 120;
constexpr int kOthers = 6;  // items of other genres a user rates

int item_id(std::size_t genre, std::size_t adjective) {
  return static_cast<int>(genre * kAdjectives.size() + adjective) + 1;
}

std::string movies_file() {
  std::string text;
  for (std::size_t g = 0; g < kGenres.size(); ++g) {
    for (std::size_t a = 0; a < kAdjectives.size(); ++a) {
      text += fmt::format("{}::{} {} (2000)::{}\n", item_id(g, a), kAdjectives[a], kGenres[g], kGenres[g]);
    }
  }
  return text;
}

struct Rating {
  int item, value;
};

// All items of the liked genre and some others in any order, the last two liked: validation and test need that.
std::vector<Rating> ratings_of(int user) {
  Random random(1, "built-in ratings", static_cast<std::uint64_t>(user));
  const std::size_t liked = random.below(kGenres.size());
  std::vector<Rating> ratings, others;
  for (std::size_t a = 0; a < kAdjectives.size(); ++a) {
    ratings.push_back({item_id(liked, a), 4 + static_cast<int>(random.below(2))});
  }
  for (std::size_t g = 0; g < kGenres.size(); ++g) {
    if (g == liked) continue;
    for (std::size_t a = 0; a < kAdjectives.size(); ++a) {
      others.push_back({item_id(g, a), 1 + static_cast<int>(random.below(2))});
    }
  }
  random.shuffle(ratings);
  random.shuffle(others);
  std::vector<Rating> sequence(ratings.begin(), ratings.end() - 2);
  sequence.insert(sequence.end(), others.begin(), others.begin() + kOthers);
  random.shuffle(sequence);
  sequence.insert(sequence.end(), ratings.end() - 2, ratings.end());
  return sequence;
}

std::string ratings_file() {
  std::string text;
  for (int user = 1; user <= kUsers; ++user) {
    int time = 0;
    for (const Rating& rating : ratings_of(user)) {
      text += fmt::format("{}::{}::{}::{}\n", user, rating.item, rating.value, ++time);
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
  write_file(folder / "movies.dat", movies_file());
  write_file(folder / "ratings.dat", ratings_file());
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
