#include "src/evaluation/evaluate.hpp"

#include "src/app/commands/commands.hpp"
#include "src/app/evaluation_record.hpp"
#include "src/app/precision.hpp"
#include "src/app/store.hpp"
#include "src/app/training.hpp"
#include "src/checkpoint/checkpoint.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

// The deck that a trained model was made with, whatever the deck says now.
Deck trained_deck(const ModelChoice& choice) {
  return read_deck_text(checkpoint::read_manifest(choice.source->path).progress.deck, choice.title, "", {});
}

std::string settings_of(const Deck& asking, const Deck& trained, const std::vector<std::string>& more) {
  std::vector<std::string> sections = {"data", "synthetic", "prompt", "tokenizer", "model", "model.lora"};
  sections.insert(sections.end(), more.begin(), more.end());
  Deck deck = trained;
  deck.evaluate = asking.evaluate;
  deck.data.max_eval_rows = asking.data.max_eval_rows;
  sections.push_back("evaluate");
  return settings_json(deck, sections);
}

std::string evaluation_identity(const Deck& deck, const data::RowFile& rows, const System& system) {
  return sha256_hex(fmt::format("rows {}\nmodel {}\nseed {}\nmax_eval_rows {}\n{}", rows.hash, system.identity,
                                deck.run.seed, deck.data.max_eval_rows, settings_text(deck, {"evaluate"})));
}

Evaluated compute(const Context& context, const System& system, const std::string& identity, const Predict& predict) {
  const Interruptible interruptible(context);
  log::info("evaluate {}: {}", system.name, system.title);
  return evaluated(context.deck, system.name, identity, predict(), system.settings);
}

// A system is evaluated once for all runs of a store.
Evaluated from_store(const Context& context, const System& system, const std::string& identity,
                     const Predict& predict) {
  const fs::path folder = output_folder(context, "evaluation", system.name + identity);
  const fs::path figures = folder / "figures.json", predictions = folder / "predictions.jsonl";
  const StoreLock lock(context, folder);
  const auto is_there = [&] { return fs::exists(figures) ? "yes" : "no"; };
  if (text_of_first_rank(context, "looking for figures", is_there) == "yes") {
    log::info("evaluate {}: done, {} is for the same model and rows", system.name, figures.string());
    return {system.name, identity, read_file(figures), read_file(predictions)};
  }
  Evaluated made = compute(context, system, identity, predict);
  run_on_first_rank(context, "keeping figures", [&] {
    create_folders(folder);
    write_file(predictions, made.predictions);
    write_file(figures, made.figures);  // the last: where it is, both are
  });
  return made;
}

// `settings`: of the deck that the model was made with.
void evaluate_model(Workspace& workspace, const std::string& name, const ModelChoice& choice,
                    const std::string& settings) {
  const Context& context = workspace.context();
  const Deck& deck = context.deck;
  evaluate_system(workspace, {name, choice.title, computed_identity(choice, deck), settings}, [&] {
    const data::RowFile& rows = workspace.rows();
    return with_storage_type(deck, [&]<class T>() {
      const auto store = load_shard<T>(choice, context.grid);
      const auto recommender =
          evaluation::make_llama_recommender<T>(choice.config, *store, workspace.tokenizer(), rows.end_id,
                                                deck.evaluate.batch_tokens, {*context.grid.tp, false});
      return evaluation::predict(*recommender, rows, deck.evaluate, "evaluate " + name, *context.grid.dp);
    });
  });
}

}  // namespace

void evaluate_system(Workspace& workspace, const System& system, const Predict& predict) {
  const Context& context = workspace.context();
  const std::string identity = evaluation_identity(context.deck, workspace.rows(), system);
  if (is_recorded(context, system.name, identity)) {
    log::info("evaluate {}: done, skipped", system.name);
    return;
  }
  const auto made = context.deck.run.store.empty() ? compute : from_store;
  record_evaluation(context, made(context, system, identity, predict));
}

void evaluate_base(Workspace& workspace) {
  const Deck& deck = workspace.context().deck;
  evaluate_model(workspace, "base", workspace.base_model(), settings_of(deck, deck, {}));
}

void evaluate_sft(Workspace& workspace) {
  const auto choice = trained_model(workspace, "sft");
  if (!choice) {
    throw_usage("stage evaluate-sft: {} holds no checkpoints/sft; put sft before it in run.stages",
                workspace.context().run_folder().string());
  }
  const Deck& deck = workspace.context().deck;
  evaluate_model(workspace, "sft", *choice, settings_of(deck, trained_deck(*choice), {"optimizer", "sft"}));
}

void evaluate(Workspace& workspace) {
  const Deck& deck = workspace.context().deck;
  if (const auto aligned = trained_model(workspace, "align")) {
    const Deck trained = trained_deck(*aligned);
    evaluate_model(workspace, trained.objective.objective, *aligned,
                   settings_of(deck, trained, {"optimizer", "sft", "align"}));
  } else if (trained_model(workspace, "sft")) {
    evaluate_sft(workspace);
  } else {
    evaluate_base(workspace);
  }
}

}  // namespace recpo::app
