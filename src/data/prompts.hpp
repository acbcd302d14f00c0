#pragma once
// Prompt templates in text files that a user can edit (inputs/prompts). Templates are separated by lines of ---; lines
// that begin with # are comments. A template holds {history} and {candidates} once each, on lines of their own and in
// this order: they become the history lines and the candidate titles. Blank lines around a template are taken off.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "src/data/rows.hpp"

namespace recpo::data {

struct Prompt {
  std::string text;
  std::size_t history_begin = 0, history_end = 0;  // bytes of the history lines, newlines included
};

class PromptTemplates {
 public:
  // Throws kBadInput naming file and line.
  static PromptTemplates load(const std::filesystem::path& path);

  std::size_t size() const { return templates_.size(); }
  Prompt render(std::size_t index, std::span<const HistoryItem> history, std::span<const Candidate> candidates,
                bool with_ratings) const;

 private:
  struct Template {
    std::string before, between, after;  // the text around the two placeholders; before and between end their lines
  };
  std::vector<Template> templates_;
};

// "Toy Story (1995) | Rating: 5", or the title alone.
std::string history_line(const HistoryItem& item, bool with_rating);

// The file of a deck's prompt.templates, or the shipped one of `domain` ("movies"). The shipped ones lie in
// $RECPO_PROMPTS, in inputs/prompts above the program, or in the source tree it was built from.
std::filesystem::path template_file(const std::string& templates, const std::string& domain);

}  // namespace recpo::data
