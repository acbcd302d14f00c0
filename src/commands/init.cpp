// recpo init: a first deck for a folder of data. What the folder holds is recognized by the data sets themselves
// (src/data/dataset.hpp); here the deck's other keys follow from a first look at the lines.

#include <fmt/ranges.h>

#include <algorithm>

#include "src/commands/commands.hpp"
#include "src/data/dataset.hpp"
#include "src/data/prepare.hpp"
#include "src/data/sample.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;
constexpr const char* kDefaultDeck = "deck.toml";
constexpr std::int64_t kLinesLookedAt = 10000;
constexpr std::int64_t kMaxTitleTokens = 64 << 20;  // bytes of files: of larger ones, titles would be most of the model
constexpr std::int64_t kMinRowTokens = 256, kMaxRowTokens = 8192;

data::Finding find_data(const fs::path& folder) {
  if (!is_folder(folder)) throw_input("{} is not a folder", folder.string());
  std::vector<data::Finding> findings = data::findings_in(folder);
  if (findings.empty()) {
    std::vector<std::string> wanted;
    for (const data::Dataset* dataset : data::datasets())
      if (*dataset->files != '\0') wanted.push_back(fmt::format("{} ({})", dataset->title, dataset->files));
    throw_input("{} holds no data set that is known: {}; .gz or not", folder.string(), fmt::join(wanted, "; "));
  }
  data::Finding finding = std::move(findings.front());
  if (!finding.obstacle.empty()) throw_input("{}", finding.obstacle);
  const std::vector<fs::path> files = data::find_inputs(finding.options, {}).raw;
  for (std::size_t i = 1; i < findings.size(); ++i) {
    const data::Finding& other = findings[i];
    if (!other.obstacle.empty() || data::find_inputs(other.options, {}).raw == files) continue;
    finding.open.push_back(fmt::format("whether other files there are meant, which data.dataset = \"{}\" would read",
                                       other.options.dataset));
  }
  return finding;
}

struct RowCounts {
  std::size_t train = 0, test = 0;
};
RowCounts count_rows(const data::DataOptions& options) {
  try {
    const data::Prepared prepared = data::draw_rows(options, {}, 1);
    return {prepared.rows.of_split(data::Split::kTrain).size(), prepared.rows.of_split(data::Split::kTest).size()};
  } catch (const Error& error) {
    if (error.code() != ExitCode::kBadInput) throw;
    return {};  // no rows at all
  }
}

// A log that was seen completely gets filters and candidates that leave rows of it.
void fit_to_small_log(const data::Sample& sample, data::DataOptions& options) {
  if (!sample.is_complete) return;
  const auto enough = [](const RowCounts& rows) { return rows.train > 0 && rows.test > 0; };
  if (enough(count_rows(options))) return;
  options.k_core_users = options.k_core_items = 0;
  options.min_history = 1;
  for (const std::int64_t candidates : {20, 10, 5, 3}) {
    options.candidates = candidates;
    options.negatives = std::min<std::int64_t>(options.negatives, candidates - 1);
    if (enough(count_rows(options))) return;
  }
  throw_input(
      "{}: {} users, {} items and {} interactions are too few: a training row needs a user with 4 interactions, one of "
      "them liked, and 2 items that the user did not take",
      options.path, sample.counts.users, sample.counts.items, sample.counts.interactions);
}

void set_scale(const data::RatingScale& scale, data::DataOptions& options) {
  options.liked_rating = scale.liked;
  if (scale.high > 5 || scale.high < 4) options.default_rating = scale.middle();
}

std::int64_t round_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step * step; }

void set_for_log(const data::Sample& sample, deck::Deck& deck) {
  const bool title_tokens = sample.bytes <= kMaxTitleTokens;
  deck.tokenizer.titles = title_tokens ? deck::Titles::kToken : deck::Titles::kSubword;
  deck.tokenizer.train_vocab = title_tokens ? 400 : 4000;
  if (!title_tokens) deck.model.max_tokens = 2048;
  deck.data.max_history = 10;
  deck.data.tier = data::Tier::kFull;
  deck.data.max_eval_rows = 200;
}

void set_for_rows(const data::Sample& sample, deck::Deck& deck) {
  deck.data.path = data::DataOptions{}.path;
  deck.data.max_eval_rows = 200;
  deck.tokenizer.train_vocab = 4000;
  deck.model.max_tokens = std::clamp(round_up(sample.longest_row + 8, kMinRowTokens), kMinRowTokens, kMaxRowTokens);
}

// A small model from random weights, that of inputs/quickstart.toml with wider weights: minutes on a laptop. Epochs of
// few rows, steps where their number is not known.
void set_training(const data::Sample& sample, deck::Deck& deck) {
  deck.model.shape.hidden_size = 128;
  deck.model.shape.intermediate_size = 512;
  deck.model.shape.num_hidden_layers = 3;
  deck.model.shape.num_attention_heads = deck.model.shape.num_key_value_heads = 4;
  deck.model.shape.initializer_range = 0.1;
  deck.sft.epochs = 3;
  deck.align.epochs = 1;
  if (!sample.is_complete) {
    deck.sft.steps = 600;
    deck.align.steps = 100;
  }
  deck.sft.lr = 1e-3;
  deck.align.lr = 2e-4;
  deck.sft.global_batch = deck.align.global_batch = 16;
  deck.evaluate.decode = evaluation::Decode::kCandidates;
}

const std::map<std::string, std::string>& comments() {
  static const std::map<std::string, std::string> all = {
      {"run.dir", "all outputs; start the same line again to continue"},
      {"data.dataset", "kind of the files"},
      {"data.path", "folder of the files"},
      {"data.interactions", "table of interactions"},
      {"data.items", "table of titles"},
      {"data.columns.user", "column of the user"},
      {"data.columns.item", "column of the item"},
      {"data.columns.rating", "column of the rating"},
      {"data.columns.time", "column of the time"},
      {"data.columns.title", "column of the item's title"},
      {"data.tier", "the prompt shows all interactions, without ratings; full+rating: with them"},
      {"data.default_rating", "rating of an item without feedback, in the margin: the middle of the scale"},
      {"data.max_eval_rows", "rows evaluated of each split: more narrow the intervals"},
      {"data.max_history", "most recent interactions shown in a prompt: short prompts are fast"},
      {"data.k_core_users", "no filter: the data are few"},
      {"data.k_core_items", "likewise"},
      {"data.min_history", "shortest history of a training row: the data are few"},
      {"data.candidates", "items to choose from in a row"},
      {"tokenizer.train_vocab", "a tokenizer is learnt from the rows: its size"},
      {"tokenizer.titles", "titles: one token each on top (token), for models from nothing, or several (subword)"},
      {"model.size", "small, from random weights"},
      {"model.max_tokens", "longest prompt with its answer"},
      {"model.hidden_size", "width"},
      {"model.intermediate_size", "four times the width"},
      {"model.num_hidden_layers", "decoder layers"},
      {"model.num_attention_heads", "query heads"},
      {"model.num_key_value_heads", "one for each query head"},
      {"model.initializer_range", "standard deviation of the random weights: wide, as the model is narrow"},
      {"sft.epochs", "passes over the training rows"},
      {"sft.steps", "steps of fine-tuning; 0: as many as sft.epochs are"},
      {"sft.lr", "random weights bear a high rate"},
      {"sft.global_batch", "rows a step"},
      {"align.objective", "adaptive margins from ratings and latencies; or dpo, simpo, s-dpo, ipo"},
      {"align.epochs", "passes over the preference sets"},
      {"align.steps", "steps of alignment; 0: as many as align.epochs are"},
      {"align.lr", "lower than SFT's: the reference shall be near"},
      {"align.global_batch", "preference sets a step"},
      {"evaluate.decode", "answers are candidates, as so small a model names other titles too; free: any text"},
  };
  return all;
}

// Paths as the deck's folder sees them, where the user did not give them from the root.
std::string seen_from(const fs::path& folder, const std::string& path) {
  if (path.empty() || fs::path(path).is_absolute()) return path;
  return fs::absolute(path).lexically_proximate(folder).string();
}

std::string first_deck(const data::Finding& finding, const data::Sample& sample, const fs::path& folder,
                       const fs::path& output) {
  deck::Deck deck;
  deck.data = finding.options;
  const bool ready_rows = data::find_dataset(deck.data.dataset).has_ready_rows();
  const fs::path deck_folder = fs::absolute(output).parent_path();
  for (std::string* path : {&deck.data.path, &deck.data.train, &deck.data.valid, &deck.data.test})
    *path = seen_from(deck_folder, *path);
  const std::string name = fs::absolute(folder / ".").lexically_normal().parent_path().filename().string();
  deck.run.dir = "runs/" + (name.empty() ? "mine" : name);
  set_training(sample, deck);
  (ready_rows ? set_for_rows : set_for_log)(sample, deck);
  std::map<std::string, std::string> commented = comments();
  commented["data.liked_rating"] = fmt::format("liked from this rating on: the top quarter of {:g} to {:g}, as seen",
                                               sample.scale.low, sample.scale.high);
  std::set<std::string> always = {"run.dir", "data.dataset", "model.size", "align.objective"};
  if (!ready_rows) always.insert({"data.path", "data.liked_rating"});
  const std::string text = fmt::format(
      "# A first deck for {}: a small model from random weights, in minutes. Every other key has its default\n"
      "# (recpo --print-reference). Start it with recpo -i {}; any key can be changed behind that.\n"
      "# For a pretrained model, put path = \"FOLDER\" in place of the keys of [model], leave out [tokenizer] and "
      "lower the\n"
      "# rates to 1e-5.\n\n{}",
      folder.string(), output.string(), deck::write_deck(deck, commented, always));
  deck::read_deck_text(text, output.string(), deck_folder, {});  // what is written can be read
  return text;
}

std::string summary(const data::Finding& finding, const data::Sample& sample) {
  const data::Dataset& dataset = data::find_dataset(finding.options.dataset);
  std::string text = fmt::format("found: {}, data.dataset = \"{}\"\n", dataset.title, dataset.name);
  for (const std::string& note : finding.notes) text += fmt::format("  {}\n", note);
  const std::string lines =
      sample.is_complete ? "all lines" : fmt::format("the first {} lines of each file", kLinesLookedAt);
  if (dataset.has_ready_rows()) {
    text += fmt::format("seen: {} rows, {} prompts, {} answers, in {}\n", sample.counts.interactions,
                        sample.counts.users, sample.counts.items, lines);
  } else {
    text += fmt::format("seen: {} users, {} items, {} interactions, in {}\n", sample.counts.users, sample.counts.items,
                        sample.counts.interactions, lines);
    text += fmt::format("ratings: {:g} to {:g}, liked from {:g} on (data.liked_rating)\n", sample.scale.low,
                        sample.scale.high, sample.scale.liked);
  }
  for (const std::string& line : sample.bad_lines) text += fmt::format("left out: {}\n", line);
  for (const std::string& question : finding.open) text += fmt::format("not told by the files: {}\n", question);
  return text;
}

void write_first_deck(const Context& context) {
  const CommandLine& line = context.line;
  const fs::path folder = line.path, output = line.output.empty() ? kDefaultDeck : line.output;
  if (has_name(output))
    throw_write("{} is there already and stays as it is; give another name by --output", output.string());
  data::Finding finding = find_data(folder);
  const data::Sample sample = data::take_sample(finding.options, kLinesLookedAt);
  if (!data::find_dataset(finding.options.dataset).has_ready_rows()) {
    set_scale(sample.scale, finding.options);
    fit_to_small_log(sample, finding.options);
  }
  const std::string text = first_deck(finding, sample, folder, output);
  if (line.dry_run) return print_result(context, summary(finding, sample) + "\n" + text);
  write_file(output, text);
  try {
    print_result(context, summary(finding, sample) +
                              fmt::format("written: {}\nnext: recpo -i {} --dry-run, then without --dry-run\n",
                                          output.string(), output.string()));
  } catch (...) {
    std::error_code ignored;
    fs::remove(output, ignored);  // or the next try finds it there
    throw;
  }
}
}  // namespace

void init(Workspace& workspace) {
  const Context& context = workspace.context();
  run_on_first_rank(context, "looking at the files", [&] { write_first_deck(context); });
}

}  // namespace recpo::commands
