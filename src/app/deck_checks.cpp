#include "src/app/deck_checks.hpp"

#include "src/data/dataset.hpp"
#include "src/support/check.hpp"

namespace recpo::app {
namespace {

template <class T>
void refuse_unless(bool available, const Deck& deck, const std::string& key, const T& value, const std::string& what,
                   const std::string& instead) {
  if (available) return;
  throw_usage("{} = {}: {} is not available in this version; use {}", where(deck, key), value, what, instead);
}

void check_available(const Deck& deck) {
  refuse_unless(!deck.log.tensorboard, deck, "log.tensorboard", "true", "writing TensorBoard files", "false");
}

void check_data(const Deck& deck) {
  const data::DataOptions& data = deck.data;
  if (data.dataset == "rows") {
    if (data.train.empty() && data.valid.empty() && data.test.empty()) {
      throw_usage("{} = rows needs files of rows: set data.train, data.valid or data.test",
                  where(deck, "data.dataset"));
    }
    return;  // negatives and candidates are the rows' own
  }
  if (data.negatives >= data.candidates) {
    throw_usage("{} = {} must be smaller than data.candidates = {}: a row has one preferred item among its candidates",
                where(deck, "data.negatives"), data.negatives, data.candidates);
  }
  if (data.path.empty() && data::find_dataset(data.dataset).has_files())
    throw_usage("{} is empty: name the folder with the raw files", where(deck, "data.path"));
}

}  // namespace

void check_deck(const Deck& deck) {
  if (deck.run.dir.empty()) throw_usage("{} is empty: name the folder for the outputs", where(deck, "run.dir"));
  objective::check(deck.objective);
  evaluation::check(deck.evaluate);
  check_data(deck);
  if (deck.model.path.empty()) model::named_config(deck.model.size);  // kUsage with the known names
  check_available(deck);
}

}  // namespace recpo::app
