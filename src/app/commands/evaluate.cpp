#include "src/evaluation/evaluate.hpp"

#include <nlohmann/json.hpp>

#include "src/app/commands/commands.hpp"
#include "src/app/precision.hpp"
#include "src/app/stage_record.hpp"
#include "src/checkpoint/checkpoint.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/json.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The name under which an aligned model is reported: the objective it was trained with, whatever the deck says now.
std::string aligned_name(const ModelChoice& choice) {
  const std::string deck_text = checkpoint::read_manifest(choice.source->path).progress.deck;
  return read_deck_text(deck_text, choice.title, "", {}).objective.objective;
}

std::string evaluation_identity(const Deck& deck, const data::RowFile& rows, const std::string& system) {
  return sha256_hex(fmt::format("rows {}\nmodel {}\nseed {}\nmax_eval_rows {}\n{}", rows.hash, system, deck.run.seed,
                                deck.data.max_eval_rows, settings_text(deck, {"evaluate"})));
}

Json read_evaluation(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  Json json = Json::parse(read_file(path), nullptr, false);
  if (!json.is_object()) throw_input("{} is not an evaluation file; move it away", path.string());
  return json;
}

// predictions.jsonl with the lines of `name` replaced.
std::string merged_predictions(const fs::path& path, const std::string& name,
                               const std::vector<evaluation::Prediction>& predictions) {
  std::string merged;
  if (fs::exists(path)) {
    const std::string old = read_file(path);
    for (std::size_t begin = 0; begin < old.size();) {
      const std::size_t end = std::min(old.find('\n', begin), old.size());
      const auto line = Json::parse(old.substr(begin, end - begin), nullptr, false);
      const bool kept = line.is_object() && line.contains("model") && line["model"] != name;
      if (kept) merged += old.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
  }
  for (const evaluation::Prediction& prediction : predictions) {
    merged += evaluation::prediction_line(prediction, name);
  }
  return merged;
}

void log_figures(const std::string& name, const Json& figures) {
  if (!figures.contains("main")) return;
  const Json& main = figures["main"];
  const auto share = [&](const char* key) {
    return main.contains(key) && main[key].is_number() ? fmt::format("{:.4f}", main[key].get<double>()) : "-";
  };
  log::info("evaluate {}: HR@1 {}, ValidRatio {}", name, share("hr@1"), share("valid_ratio"));
}

void evaluate_as(Workspace& workspace, const std::string& name, const ModelChoice& choice) {
  const Deck& deck = workspace.context().deck;
  evaluate_system(workspace, name, choice.title, computed_identity(choice, deck), [&] {
    const parallel::ProcessGrid& grid = workspace.context().grid;
    const data::RowFile& rows = workspace.rows();
    return with_storage_type(deck, [&]<class T>() {
      const auto store = load_shard<T>(choice, grid);
      const auto recommender = evaluation::make_llama_recommender<T>(
          choice.config, *store, workspace.tokenizer(), rows.end_id, deck.evaluate.batch_tokens, {*grid.tp, false});
      return evaluation::predict(*recommender, rows, deck.evaluate, "evaluate " + name, *grid.dp);
    });
  });
}

}  // namespace

void evaluate_system(Workspace& workspace, const std::string& name, const std::string& title, const std::string& system,
                     const std::function<std::vector<evaluation::Prediction>()>& predict) {
  const Context& context = workspace.context();
  const Deck& deck = context.deck;
  const data::RowFile& rows = workspace.rows();
  const fs::path evaluation_file = context.run_folder() / "evaluation.json";
  const fs::path predictions_file = context.run_folder() / "predictions.jsonl";
  const std::string identity = evaluation_identity(deck, rows, system);
  const bool is_done = StageRecord(context.run_folder()).is_done("evaluate " + name, identity) &&
                       fs::exists(predictions_file) && read_evaluation(evaluation_file).contains(name);
  if (context.grid.world->all_reduce_max(is_done ? 0 : 1) == 0) {
    log::info("evaluate {}: done, skipped", name);
    return;
  }
  log::info("evaluate {}: {}", name, title);
  std::vector<evaluation::Prediction> predictions;
  {
    const Interruptible interruptible(context);
    predictions = predict();
  }
  run_on_first_rank(context, "writing evaluation.json", [&] {
    Json all = read_evaluation(evaluation_file);
    all[name] = Json::parse(evaluation::evaluation_json(predictions, deck.evaluate, deck.run.seed));
    write_file(predictions_file, merged_predictions(predictions_file, name, predictions));
    write_file(evaluation_file, all.dump(2) + "\n");
    StageRecord(context.run_folder()).set_done("evaluate " + name, identity);
    log_figures(name, all[name]);
  });
}

void evaluate_base(Workspace& workspace) { evaluate_as(workspace, "base", workspace.base_model()); }

void evaluate_sft(Workspace& workspace) {
  const auto choice = workspace.trained_model("sft");
  if (!choice) {
    throw_usage("stage evaluate-sft: {} holds no checkpoints/sft; put sft before it in run.stages",
                workspace.context().run_folder().string());
  }
  evaluate_as(workspace, "sft", *choice);
}

void evaluate(Workspace& workspace) {
  if (const auto aligned = workspace.trained_model("align")) {
    evaluate_as(workspace, aligned_name(*aligned), *aligned);
  } else if (workspace.trained_model("sft")) {
    evaluate_sft(workspace);
  } else {
    evaluate_base(workspace);
  }
}

}  // namespace recpo::app
