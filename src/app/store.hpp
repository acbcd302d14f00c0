#pragma once
// run.store: a folder in which several runs share what they would all make alike: rows, a learned tokenizer, trained
// models, log-probs of a reference, figures. An output lies in STORE/KIND-HASH, HASH being that of everything it
// depends on, so it is found by whoever needs the same and never replaced by another. Without a store everything lies
// in the run folder; with one, evaluation.json and what else a report reads still does.

#include <filesystem>
#include <string>

#include "src/app/context.hpp"

namespace recpo::app {

// Not collective.
std::filesystem::path output_folder(const Context& context, const std::string& kind, const std::string& identity);

// One program at a time makes an output of the store: from the question whether it is there to its end, rank 0 holds
// FOLDER.lock (released by the system however the program ends). Without a store nothing happens. Collective over the
// world. Throws kStopped when asked to stop while it waits, kCannotWrite.
class StoreLock {
 public:
  StoreLock(const Context& context, const std::filesystem::path& folder);
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace recpo::app
