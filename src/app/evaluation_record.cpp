#include "src/app/evaluation_record.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/app/stage_record.hpp"
#include "src/evaluation/evaluation_json.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json read_evaluation(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  Json json = Json::parse(read_file(path), nullptr, false);
  if (!json.is_object()) throw_input("{} is not an evaluation file; move it away", path.string());
  return json;
}

// The file's lines without those of `name`.
std::string lines_of_others(const fs::path& path, const std::string& name) {
  if (!fs::exists(path)) return "";
  const std::string old = read_file(path);
  std::string kept;
  for (std::size_t begin = 0; begin < old.size();) {
    const std::size_t end = std::min(old.find('\n', begin), old.size());
    const auto line = Json::parse(old.substr(begin, end - begin), nullptr, false);
    const bool is_other = line.is_object() && line.contains("model") && line["model"] != name;
    if (is_other) kept += old.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return kept;
}

void log_figures(const std::string& name, const Json& figures) {
  if (!figures.contains("main")) return;
  const Json& main = figures["main"];
  const auto share = [&](const char* key) {
    return main.contains(key) && main[key].is_number() ? fmt::format("{:.4f}", main[key].get<double>()) : "-";
  };
  log::info("evaluate {}: HR@1 {}, ValidRatio {}", name, share("hr@1"), share("valid_ratio"));
}

}  // namespace

Evaluated evaluated(const Deck& deck, const std::string& name, const std::string& identity,
                    const std::vector<evaluation::Prediction>& predictions, const std::string& settings) {
  Json figures = Json::parse(evaluation::evaluation_json(predictions, deck.evaluate, deck.run.seed));
  figures["settings"] = Json::parse(settings);
  Evaluated result{name, identity, figures.dump(), ""};
  for (const evaluation::Prediction& prediction : predictions)
    result.predictions += evaluation::prediction_line(prediction, name);
  return result;
}

bool is_recorded(const Context& context, const std::string& name, const std::string& identity) {
  const fs::path folder = context.run_folder();
  const bool here = StageRecord(folder).is_done("evaluate " + name, identity) &&
                    fs::exists(folder / "predictions.jsonl") &&
                    read_evaluation(folder / "evaluation.json").contains(name);
  return context.grid.world->all_reduce_max(here ? 0 : 1) == 0;
}

void record_evaluation(const Context& context, const Evaluated& evaluated) {
  run_on_first_rank(context, "writing evaluation.json", [&] {
    const fs::path folder = context.run_folder(), file = folder / "evaluation.json";
    const fs::path predictions = folder / "predictions.jsonl";
    create_folders(folder);
    Json all = read_evaluation(file);
    all[evaluated.name] = Json::parse(evaluated.figures);
    write_file(predictions, lines_of_others(predictions, evaluated.name) + evaluated.predictions);
    write_file(file, all.dump(2) + "\n");
    StageRecord(folder).set_done("evaluate " + evaluated.name, evaluated.identity);
    log_figures(evaluated.name, all[evaluated.name]);
  });
}

}  // namespace recpo::app
