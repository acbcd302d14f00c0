// A model's answer against candidates: the input is a line for each candidate, the rest behind an empty line the
// answer. Whatever it says, the candidate that it names is the only one that fits.
#include "src/evaluation/prediction.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace recpo {
namespace {

void match_answer(std::string_view input) {
  std::vector<data::Candidate> candidates;
  while (!input.empty() && !input.starts_with('\n')) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    candidates.emplace_back().title = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  const std::string said = evaluation::trim(input);
  for (const auto match : {evaluation::Match::kExact, evaluation::Match::kContains}) {
    const std::optional<std::size_t> named = evaluation::named_candidate(input, candidates, match);
    std::size_t fitting = 0, last = 0;
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const std::string title = evaluation::trim(candidates[c].title);
      const bool fits = match == evaluation::Match::kExact ? title == said : said.find(title) != std::string::npos;
      if (!title.empty() && fits) ++fitting, last = c;
    }
    fuzz::expect(named.has_value() == (fitting == 1), "a candidate where one fits");
    fuzz::expect(!named || *named == last, "the candidate that fits");
  }
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::match_answer);
}
