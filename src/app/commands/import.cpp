#include "src/app/commands/commands.hpp"
#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/companions.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

void import_model(Workspace& workspace) {
  const Context& context = workspace.context();
  const ModelChoice choice = workspace.model_at(context.line.model);
  const text::Tokenizer tokenizer = checkpoint::read_tokenizer(*choice.source);
  const std::filesystem::path target = context.line.output;
  std::error_code ignored;
  if (std::filesystem::exists(target / "step_0", ignored)) {
    throw_usage("--output {}: holds a checkpoint already; name a new folder", target.string());
  }
  const auto store = load_shard<float>(choice, context.grid);
  checkpoint::Progress progress;
  progress.stage = "import";
  progress.complete = true;
  checkpoint::save_checkpoint<float>(target, progress, choice.config, *store, nullptr, tokenizer, 1, context.grid,
                                     checkpoint::read_companions(*choice.source));
  log::info("import: {} is now the native checkpoint {}", choice.title, (target / "step_0").string());
}

}  // namespace recpo::app
