#include <nlohmann/json.hpp>
#include <sstream>

#include "src/checkpoint/checkpoint.hpp"
#include "src/commands/commands.hpp"
#include "src/commands/store.hpp"
#include "src/evaluation/evaluation_test.hpp"
#include "src/evaluation/examples.hpp"
#include "src/evaluation/llama_recommender.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;

// The deck that a trained model was trained with, from its checkpoint.
deck::Deck trained_deck(const ModelChoice& choice) {
  return deck::read_deck_text(checkpoint::read_manifest(choice.source->path).progress.deck, choice.title, "", {});
}

std::string settings_of(const deck::Deck& asking, const deck::Deck& trained, const std::vector<std::string>& more) {
  std::vector<std::string> sections = {"data", "synthetic", "prompt", "tokenizer", "model", "model.lora"};
  sections.insert(sections.end(), more.begin(), more.end());
  deck::Deck deck = trained;
  deck.evaluate = asking.evaluate;
  deck.data.max_eval_rows = asking.data.max_eval_rows;
  sections.push_back("evaluate");
  return settings_json(deck, sections);
}

std::string evaluation_identity(const deck::Deck& deck, const data::RowFile& rows, const System& system) {
  return sha256_hex(
      fmt::format("rows {}\nmodel {}\n{}", rows.hash, system.identity, settings_text(deck, changes::kEvaluation)));
}

using Json = nlohmann::ordered_json;

struct Evaluated {
  std::string metrics;      // JSON of evaluation::evaluation_json, with "settings"
  std::string predictions;  // JSONL, evaluation::prediction_line
};

Evaluated compute(const Context& context, const System& system, const Predict& predict) {
  const Interruptible interruptible(context);
  context.watchdog.beat(fmt::format("evaluate {}", system.name).c_str());  // loading a model comes before a first row
  log::info("evaluate {}: {}", system.name, system.title);
  const std::vector<evaluation::Prediction> predictions = predict();
  Json metrics = Json::parse(evaluation::evaluation_json(predictions, context.deck.evaluate, context.deck.run.seed));
  metrics["settings"] = Json::parse(system.settings);
  Evaluated result{metrics.dump(), ""};
  for (const evaluation::Prediction& prediction : predictions)
    result.predictions += evaluation::prediction_line(prediction, system.name);
  return result;
}

// A system is evaluated once for all runs of a store.
Evaluated from_store(const Context& context, const System& system, const std::string& identity,
                     const Predict& predict) {
  const fs::path folder = output_folder(context, "evaluation", system.name + identity);
  const fs::path metrics = folder / "figures.json", predictions = folder / "predictions.jsonl";
  const StoreLock lock(context, folder);
  const auto found = [&] { return is_there(metrics) ? metrics.string() : ""; };
  if (!text_of_first_rank(context, "looking for metrics", found).empty()) {
    log::info("evaluate {}: done, {} is for the same model and rows", system.name, metrics.string());
    return {read_file(metrics), read_file(predictions)};
  }
  Evaluated made = compute(context, system, predict);
  run_on_first_rank(context, "keeping metrics", [&] {
    create_folders(folder);
    write_file(predictions, made.predictions);
    write_file(metrics, made.metrics);  // the last: where it is, both are
  });
  return made;
}

// evaluation.json of the run folder, an object by system; one system's metrics replace its older ones and leave the
// others alone.
Json read_evaluation(const fs::path& path) {
  if (!is_there(path)) return Json::object();
  Json json = Json::parse(read_file(path), nullptr, false);
  if (!json.is_object()) throw_input("{} is not an evaluation file; move it away", path.string());
  return json;
}

// The lines of predictions.jsonl without those of `name`.
std::string lines_of_others(const fs::path& path, const std::string& name) {
  if (!is_there(path)) return "";
  std::istringstream lines(read_file(path));
  std::string kept;
  for (std::string text; std::getline(lines, text);) {
    const auto line = Json::parse(text, nullptr, false);
    if (line.is_object() && line.contains("model") && line["model"] != name) kept += text + "\n";
  }
  return kept;
}

void log_metrics(const std::string& name, const Json& metrics) {
  if (!metrics.contains("main")) return;
  const Json& main = metrics["main"];
  const auto share = [&](const char* key) {
    return main.contains(key) && main[key].is_number() ? fmt::format("{:.4f}", main[key].get<double>()) : "-";
  };
  log::info("evaluate {}: HR@1 {}, ValidRatio {}", name, share("hr@1"), share("valid_ratio"));
}

// Whether the run folder has this system's metrics for this identity. Collective.
bool is_recorded(const Context& context, const std::string& name, const std::string& identity) {
  const fs::path folder = context.run_folder();
  const bool here = StageRecord(folder).is_done("evaluate " + name, identity) &&
                    is_there(folder / "predictions.jsonl") &&
                    read_evaluation(folder / "evaluation.json").contains(name);
  return context.grid.world->all_reduce_max(here ? 0 : 1) == 0;
}

std::vector<std::int64_t> answered_rows(const std::string& predictions) {
  std::vector<std::int64_t> rows;
  std::istringstream lines(predictions);
  for (std::string text; std::getline(lines, text);) rows.push_back(Json::parse(text).at("row"));
  return rows;
}

// Rank 0 writes the files. Collective.
void record(Workspace& workspace, const std::string& name, const std::string& identity, const Evaluated& evaluated) {
  const Context& context = workspace.context();
  run_on_first_rank(context, "writing evaluation.json", [&] {
    const fs::path folder = context.run_folder(), file = folder / "evaluation.json";
    const fs::path predictions = folder / "predictions.jsonl";
    create_folders(folder);
    Json all = read_evaluation(file);
    all[name] = Json::parse(evaluated.metrics);
    write_file(
        folder / "examples.jsonl",
        evaluation::examples_jsonl(workspace.rows(), answered_rows(evaluated.predictions), context.deck.run.seed));
    write_file(predictions, lines_of_others(predictions, name) + evaluated.predictions);
    write_file(file, all.dump(2) + "\n");
    StageRecord(folder).set_done("evaluate " + name, identity);
    log_metrics(name, all[name]);
  });
}

// `settings`: of the deck that the model was made with.
void evaluate_model(Workspace& workspace, const std::string& name, const ModelChoice& choice,
                    const std::string& settings) {
  const Context& context = workspace.context();
  const deck::Deck& deck = context.deck;
  evaluate_system(workspace, {name, choice.title, computed_identity(choice, deck), settings}, [&] {
    const data::RowFile& rows = workspace.rows();
    return with_storage_type(deck, [&]<class T>() {
      const auto store = load_shard<T>(choice, context.grid);
      const auto recommender = evaluation::make_llama_recommender<T>(
          choice.config, *store, workspace.tokenizer(), rows.end_id, deck.evaluate, {*context.grid.tp, false});
      return evaluation::predict(*recommender, rows, deck.evaluate, "evaluate " + name, *context.grid.dp);
    });
  });
}

}  // namespace

void evaluate_system(Workspace& workspace, const System& system, const Predict& predict) {
  const Context& context = workspace.context();
  const std::string identity = evaluation_identity(context.deck, workspace.rows(), system);
  run_on_first_rank(context, "writing the note", [&] { write_note(context.deck); });
  if (is_recorded(context, system.name, identity)) {
    log::info("evaluate {}: done, skipped", system.name);
    return;
  }
  const bool has_store = !context.deck.run.store.empty();
  record(workspace, system.name, identity,
         has_store ? from_store(context, system, identity, predict) : compute(context, system, predict));
}

void evaluate_base(Workspace& workspace) {
  const deck::Deck& deck = workspace.context().deck;
  evaluate_model(workspace, "base", workspace.base_model(), settings_of(deck, deck, {}));
}

void evaluate_sft(Workspace& workspace) {
  const auto choice = trained_model(workspace, StageKind::kSft);
  if (!choice)
    throw_usage("stage evaluate-sft: {} holds no checkpoints/sft; put sft before it in run.stages",
                workspace.context().run_folder().string());
  const deck::Deck& deck = workspace.context().deck;
  evaluate_model(workspace, "sft", *choice, settings_of(deck, trained_deck(*choice), {"optimizer", "sft", "validate"}));
}

void evaluate(Workspace& workspace) {
  const deck::Deck& deck = workspace.context().deck;
  if (const auto aligned = trained_model(workspace, StageKind::kAlign)) {
    const deck::Deck trained = trained_deck(*aligned);
    evaluate_model(workspace, trained.objective.objective, *aligned,
                   settings_of(deck, trained, {"optimizer", "sft", "align", "validate"}));
  } else if (trained_model(workspace, StageKind::kSft)) {
    evaluate_sft(workspace);
  } else {
    evaluate_base(workspace);
  }
}

}  // namespace recpo::commands
