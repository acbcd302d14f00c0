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

// A model under the name in evaluation.json that its figures get.
struct Candidate {
  std::string name;
  const ModelChoice& choice;
  std::string settings;
};

std::string settings_of(const Deck& asking, const Deck& trained, const std::vector<std::string>& more) {
  std::vector<std::string> sections = {"data", "prompt", "tokenizer", "model", "model.lora"};
  sections.insert(sections.end(), more.begin(), more.end());
  Deck deck = trained;
  deck.evaluate = asking.evaluate;
  deck.data.max_eval_rows = asking.data.max_eval_rows;
  sections.push_back("evaluate");
  return settings_json(deck, sections);
}

std::string evaluation_identity(const Deck& deck, const data::RowFile& rows, const Candidate& candidate) {
  return sha256_hex(fmt::format("rows {}\nmodel {}\nseed {}\nmax_eval_rows {}\n{}", rows.hash,
                                computed_identity(candidate.choice, deck), deck.run.seed, deck.data.max_eval_rows,
                                settings_text(deck, {"evaluate"})));
}

Evaluated compute(Workspace& workspace, const Candidate& candidate, const std::string& identity) {
  const Context& context = workspace.context();
  const Deck& deck = context.deck;
  const data::RowFile& rows = workspace.rows();
  const Interruptible interruptible(context);
  log::info("evaluate {}: {}", candidate.name, candidate.choice.title);
  const auto predictions = with_storage_type(deck, [&]<class T>() {
    const auto store = load_shard<T>(candidate.choice, context.grid);
    const auto recommender =
        evaluation::make_llama_recommender<T>(candidate.choice.config, *store, workspace.tokenizer(), rows.end_id,
                                              deck.evaluate.batch_tokens, {*context.grid.tp, false});
    return evaluation::predict(*recommender, rows, deck.evaluate, "evaluate " + candidate.name, *context.grid.dp);
  });
  return evaluated(deck, candidate.name, identity, predictions, candidate.settings);
}

// A model is evaluated once for all runs of a store.
Evaluated from_store(Workspace& workspace, const Candidate& candidate, const std::string& identity) {
  const Context& context = workspace.context();
  const fs::path folder = output_folder(context, "evaluation", candidate.name + identity);
  const fs::path figures = folder / "figures.json", predictions = folder / "predictions.jsonl";
  const StoreLock lock(context, folder);
  const auto is_there = [&] { return fs::exists(figures) ? "yes" : "no"; };
  if (text_of_first_rank(context, "looking for figures", is_there) == "yes") {
    log::info("evaluate {}: done, {} is for the same model and rows", candidate.name, figures.string());
    return {candidate.name, identity, read_file(figures), read_file(predictions)};
  }
  Evaluated made = compute(workspace, candidate, identity);
  run_on_first_rank(context, "keeping figures", [&] {
    create_folders(folder);
    write_file(predictions, made.predictions);
    write_file(figures, made.figures);  // the last: where it is, both are
  });
  return made;
}

void evaluate_as(Workspace& workspace, const Candidate& candidate) {
  const Context& context = workspace.context();
  const std::string identity = evaluation_identity(context.deck, workspace.rows(), candidate);
  if (is_recorded(context, candidate.name, identity)) {
    log::info("evaluate {}: done, skipped", candidate.name);
    return;
  }
  const bool is_shared = !context.deck.run.store.empty();
  record_evaluation(context,
                    is_shared ? from_store(workspace, candidate, identity) : compute(workspace, candidate, identity));
}

void evaluate_sft_model(Workspace& workspace, const ModelChoice& choice) {
  const Deck& deck = workspace.context().deck;
  evaluate_as(workspace, {"sft", choice, settings_of(deck, trained_deck(choice), {"optimizer", "sft"})});
}

}  // namespace

void evaluate_base(Workspace& workspace) {
  const Deck& deck = workspace.context().deck;
  evaluate_as(workspace, {"base", workspace.base_model(), settings_of(deck, deck, {})});
}

void evaluate_sft(Workspace& workspace) {
  const auto choice = trained_model(workspace, "sft");
  if (!choice) {
    throw_usage("stage evaluate-sft: {} holds no checkpoints/sft; put sft before it in run.stages",
                workspace.context().run_folder().string());
  }
  evaluate_sft_model(workspace, *choice);
}

void evaluate(Workspace& workspace) {
  const Deck& deck = workspace.context().deck;
  if (const auto aligned = trained_model(workspace, "align")) {
    const Deck trained = trained_deck(*aligned);
    evaluate_as(workspace,
                {trained.objective.objective, *aligned, settings_of(deck, trained, {"optimizer", "sft", "align"})});
  } else if (trained_model(workspace, "sft")) {
    evaluate_sft(workspace);
  } else {
    evaluate_base(workspace);
  }
}

}  // namespace recpo::app
