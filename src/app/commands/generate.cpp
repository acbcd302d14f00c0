#include "src/model/generate.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "src/app/commands/commands.hpp"
#include "src/app/json_lines.hpp"
#include "src/data/tokenize.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {

std::vector<std::string> read_prompts(const CommandLine& line) {
  if (line.prompt.has_value() == !line.input.empty()) {
    throw_usage("recpo generate takes either --prompt TEXT or --input FILE.jsonl");
  }
  if (line.prompt) return {*line.prompt};
  std::vector<std::string> prompts;
  for_each_json_line(line.input, [&](const JsonObject& object) { prompts.push_back(object.text("prompt")); });
  return prompts;
}

std::vector<std::string> continuations(const CommandLine& line, const ModelChoice& choice,
                                       const std::vector<std::string>& prompts, std::int64_t batch_tokens) {
  const text::Tokenizer tokenizer = checkpoint::read_tokenizer(*choice.source);
  const std::int32_t end_id = end_token(choice.config, tokenizer);
  const std::unique_ptr<Store> store = load_weights(choice, false);
  std::vector<model::GenerateRequest> requests;
  for (const std::string& prompt : prompts) {
    requests.push_back({data::tokenize(tokenizer, prompt, {}, end_id).prompt, line.max_new_tokens});
  }
  Progress progress("generate", static_cast<std::int64_t>(prompts.size()), "prompts");
  model::Generator<float> generator(choice.config, *store, batch_tokens);
  const auto generated = generator.generate(requests, end_id, {}, [&] { progress.advance(); });
  std::vector<std::string> texts;
  for (const auto& ids : generated) texts.push_back(tokenizer.decode(ids));  // the end token gives nothing
  return texts;
}

}  // namespace

// One prompt: the continuation as it is. A file of prompts: one JSON object a line, because text may hold newlines.
void generate(Workspace& workspace) {
  const Context& context = workspace.context();
  run_on_first_rank(context, "generating", [&] {
    const Interruptible interruptible(context);
    const std::vector<std::string> prompts = read_prompts(context.line);
    const ModelChoice choice = workspace.model_at(context.line.model);
    for (const std::string& text : continuations(context.line, choice, prompts, context.deck.evaluate.batch_tokens)) {
      const std::string out = context.line.prompt ? text
                                                  : nlohmann::json{{"continuation", text}}.dump(
                                                        -1, ' ', false, nlohmann::json::error_handler_t::replace);
      std::fwrite(out.data(), 1, out.size(), stdout);
      std::fputc('\n', stdout);
    }
    if (std::fflush(stdout) != 0) throw_write("cannot write to standard output");
  });
}

}  // namespace recpo::app
