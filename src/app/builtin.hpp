#pragma once
// `recpo` alone: a pipeline that needs no files. A small rating log is generated in RecBole's format, with a
// rule that a model can learn in seconds: every title names its genre, every user likes one genre, and the preferred
// item of a question is its only candidate of that genre.

#include <string>
#include <vector>

#include "src/app/context.hpp"
#include "src/app/input/deck_entries.hpp"

namespace recpo::app {

// The deck of the built-in pipeline, changed by overrides. Its run folder is runs/tiny in the current folder, or in
// the folder for temporary files where the current one cannot be written.
Deck builtin_deck(const std::vector<std::string>& overrides);

// The data belong to `folder` unless an override says otherwise.
void place_builtin_data(Deck& deck, const std::filesystem::path& folder);

// Removed with its content at the end of its life.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Writes the rating log and a prompt template into data.path. Collective over the world.
void write_builtin_data(const Context& context);
void write_builtin_data(const std::filesystem::path& folder);

}  // namespace recpo::app
