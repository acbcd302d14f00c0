#include "src/evaluation/score.hpp"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "src/commands/commands.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/json.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {
namespace {

struct Questions {
  std::vector<std::string> prompts;
  std::vector<std::vector<std::string>> completions;
};

Questions read_questions(const std::string& path) {
  Questions questions;
  for_each_json_line(path, [&](const JsonObject& line) {
    questions.prompts.push_back(line.text("prompt"));
    const nlohmann::json& list = line.at("completions");
    if (!list.is_array()) throw_input("{}: completions must be a list of texts", line.source());
    std::vector<std::string>& own = questions.completions.emplace_back();
    for (const nlohmann::json& text : list) {
      if (!text.is_string()) throw_input("{}: completions must be a list of texts", line.source());
      own.push_back(text.get<std::string>());
    }
  });
  return questions;
}

}  // namespace

// Every data-parallel rank scores its share of the lines.
void score(Workspace& workspace) {
  const Context& context = workspace.context();
  const ModelChoice choice = workspace.model_at(context.line.model);
  const text::Tokenizer tokenizer = checkpoint::read_tokenizer(*choice.source);
  const Questions questions = read_questions(context.line.input);
  const parallel::Share share = parallel::share_of(questions.prompts.size(), *context.grid.dp);
  std::string text;
  {
    const Interruptible interruptible(context);
    const auto scored = with_storage_type(context.deck, [&]<class T>() {
      const auto store = load_shard<T>(choice, context.grid);
      return evaluation::score<T>(choice.config, *store, tokenizer, end_token(choice.config, tokenizer),
                                  std::span(questions.prompts).subspan(share.begin, share.size()),
                                  std::span(questions.completions).subspan(share.begin, share.size()),
                                  context.deck.evaluate.batch_tokens, {*context.grid.tp, false});
    });
    for (const evaluation::ScoredLine& line : scored) {
      text += nlohmann::ordered_json{{"logp", line.logp}, {"tokens", line.tokens}}.dump() + "\n";
    }
  }
  const std::vector<std::string> parts = context.grid.dp->all_gather(text);
  run_on_first_rank(context, "writing scores", [&] {
    write_file(context.line.output, fmt::format("{}", fmt::join(parts, "")));
    log::info("score: {} lines written to {}", questions.prompts.size(), context.line.output);
  });
}

}  // namespace recpo::commands
