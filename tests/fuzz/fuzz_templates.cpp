// A file of prompt templates: every accepted one makes a prompt that holds its history and candidates.
#include <array>

#include "src/data/prompts.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace recpo {
namespace {

void read_templates(std::string_view input) {
  const data::PromptTemplates templates = data::PromptTemplates::load(fuzz::write_input(input));
  fuzz::expect(templates.size() > 0, "a template");
  const std::array<data::HistoryItem, 2> history = {{{"1", "Seen", 5, 0}, {"2", "Known", 4, 0}}};
  const std::array<data::Candidate, 2> candidates = {{{"3", "This", {}, {}, true}, {"4", "That", {}, {}, true}}};
  for (std::size_t i = 0; i < templates.size(); ++i) {
    const data::Prompt prompt = templates.render(i, history, candidates, true);
    fuzz::expect(prompt.history_begin <= prompt.history_end && prompt.history_end <= prompt.text.size(), "a place");
    fuzz::expect(prompt.text.substr(prompt.history_begin, prompt.history_end - prompt.history_begin) ==
                     "Seen | Rating: 5\nKnown | Rating: 4\n",
                 "the history in its place");
    fuzz::expect(prompt.text.find("This\nThat", prompt.history_end) != std::string::npos, "the candidates behind it");
  }
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_templates);
}
