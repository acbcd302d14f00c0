#include "src/model/generate.hpp"

#include <nlohmann/json.hpp>

#include "src/commands/commands.hpp"
#include "src/data/tokenize.hpp"
#include "src/support/check.hpp"
#include "src/support/json.hpp"
#include "src/support/log.hpp"
#include "src/support/standard_streams.hpp"

namespace recpo::commands {
namespace {

std::vector<std::string> read_prompts(const CommandLine& line) {
  if (line.prompt.has_value() == !line.input.empty())
    throw_usage("recpo generate takes either --prompt TEXT or --input FILE.jsonl");
  if (line.prompt) return {*line.prompt};
  std::vector<std::string> prompts;
  for_each_json_line(line.input, [&](const JsonObject& object) { prompts.push_back(object.text("prompt")); });
  return prompts;
}

// MessagePack, because a text's bytes need not be UTF-8.
std::vector<std::string> gather_texts(parallel::Communicator& axis, const std::vector<std::string>& mine) {
  std::string bytes;
  nlohmann::json::to_msgpack(nlohmann::json(mine), bytes);
  std::vector<std::string> all;
  for (const std::string& part : axis.all_gather(bytes)) {
    for (const nlohmann::json& text : nlohmann::json::from_msgpack(part)) all.push_back(text.get<std::string>());
  }
  return all;
}

// Every data-parallel rank continues its share of the prompts; all ranks get all texts.
std::vector<std::string> continuations(const Context& context, const ModelChoice& choice,
                                       const std::vector<std::string>& prompts) {
  const text::Tokenizer tokenizer = checkpoint::read_tokenizer(*choice.source);
  const std::int32_t end_id = end_token(choice.config, tokenizer);
  const parallel::Share share = parallel::share_of(prompts.size(), *context.grid.dp);
  std::vector<model::GenerateRequest> requests;
  for (std::size_t i = share.begin; i < share.end; ++i) {
    requests.push_back({data::tokenize(tokenizer, prompts[i], {}, end_id).prompt, context.line.max_new_tokens});
  }
  Progress progress("generate", static_cast<std::int64_t>(requests.size()), "prompts");
  const auto generated = with_storage_type(context.deck, [&]<class T>() {
    const auto store = load_shard<T>(choice, context.grid);
    model::Generator<T> generator(choice.config, *store, context.deck.evaluate.batch_tokens, {*context.grid.tp, false});
    return generator.generate(requests, {end_id, {}, [&] { progress.advance(); }});
  });
  std::vector<std::string> texts;
  for (const auto& ids : generated) texts.push_back(tokenizer.decode(ids));  // the end token gives nothing
  return gather_texts(*context.grid.dp, texts);
}

}  // namespace

// One prompt: the continuation as it is. A file of prompts: one JSON object a line, because text may hold newlines.
void generate(Workspace& workspace) {
  const Context& context = workspace.context();
  const std::vector<std::string> prompts = read_prompts(context.line);
  const ModelChoice choice = workspace.model_at(context.line.model);
  std::vector<std::string> texts;
  {
    const Interruptible interruptible(context);
    texts = continuations(context, choice, prompts);
  }
  run_on_first_rank(context, "writing continuations", [&] {
    std::string lines;
    for (const std::string& text : texts) {
      lines += context.line.prompt ? text
                                   : nlohmann::json{{"continuation", text}}.dump(
                                         -1, ' ', false, nlohmann::json::error_handler_t::replace);
      lines += '\n';
    }
    write_result(lines);  // as the model wrote it
  });
}

}  // namespace recpo::commands
