#pragma once
// run.store: a content-addressed folder that several runs share: rows, learned tokenizer, trained models, reference
// log-probs, evaluations. An output lies in STORE/KIND-HASH, where HASH covers all its inputs, so runs with equal
// inputs share it and different ones never replace it. Without a store outputs lie in the run folder; evaluation.json
// and the other inputs of a report always do.

#include <filesystem>
#include <map>
#include <string>

#include "src/commands/context.hpp"

namespace recpo::commands {

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

// A run folder belongs to one program: from before the first write to the end of this object rank 0 holds
// run.dir/.lock, with its host and process in it, and the other ranks hold it with rank 0 (a killed launcher's ranks
// live on for a moment, in any order). Released by the system however the program ends. Collective over the world.
// Waits run.lock_wait seconds for another program, then throws kCannotWrite naming the holder; kStopped when asked to
// stop meanwhile. On a file system without locks there is a warning and no lock.
class RunFolderLock {
 public:
  explicit RunFolderLock(const Context& context);
  ~RunFolderLock();
  RunFolderLock(const RunFolderLock&) = delete;
  RunFolderLock& operator=(const RunFolderLock&) = delete;

 private:
  bool is_first_;
  int file_ = -1;
};

inline constexpr const char* kRunFolderLock = ".lock";  // in the run folder

// A program holds the run folder now. Of one rank.
bool is_in_use(const std::filesystem::path& run_folder);

// Which outputs in a run folder were made from which inputs, where the outputs themselves do not say it: the file
// stages.json. Training stages and rows carry their identity themselves and are not in it.

class StageRecord {
 public:
  explicit StageRecord(const std::filesystem::path& run_folder);  // a missing or broken file is an empty record

  bool is_done(const std::string& stage, const std::string& identity) const;
  void set_done(const std::string& stage, const std::string& identity);  // writes the file; throws kCannotWrite

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> identities_;
};

}  // namespace recpo::commands
