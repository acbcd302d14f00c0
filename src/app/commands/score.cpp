#include "src/evaluation/score.hpp"

#include <nlohmann/json.hpp>

#include "src/app/commands/commands.hpp"
#include "src/app/json_lines.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
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

void score(Workspace& workspace) {
  const Context& context = workspace.context();
  run_on_first_rank(context, "scoring completions", [&] {
    const Interruptible interruptible(context);
    const ModelChoice choice = workspace.model_at(context.line.model);
    const text::Tokenizer tokenizer = checkpoint::read_tokenizer(*choice.source);
    const Questions questions = read_questions(context.line.input);
    const std::unique_ptr<Store> store = load_weights(choice, false);
    const auto scored =
        evaluation::score<float>(choice.config, *store, tokenizer, end_token(choice.config, tokenizer),
                                 questions.prompts, questions.completions, context.deck.evaluate.batch_tokens);
    std::string text;
    for (const evaluation::ScoredLine& line : scored) {
      text += nlohmann::ordered_json{{"logp", line.logp}, {"tokens", line.tokens}}.dump() + "\n";
    }
    write_file(context.line.output, text);
    log::info("score: {} lines written to {}", scored.size(), context.line.output);
  });
}

}  // namespace recpo::app
