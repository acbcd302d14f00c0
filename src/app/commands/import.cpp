#include "src/app/commands/commands.hpp"
#include "src/app/precision.hpp"
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
  checkpoint::Progress progress;
  progress.stage = "import";
  progress.complete = true;
  // In the weights' own type where it is one of the model's: half the memory and the file for bfloat16.
  with_storage_type(lossless_precision(checkpoint::lossless_dtype(*choice.source)), [&]<class T>() {
    const auto store = load_shard<T>(choice, context.grid);
    model::merge_adapters(choice.config, *store);
    checkpoint::save_checkpoint<T>(target, progress, choice.config, *store, nullptr, tokenizer, 1, context.grid,
                                   checkpoint::read_companions(*choice.source));
  });
  log::info("import: {} is now the native checkpoint {}", choice.title, (target / "step_0").string());
}

}  // namespace recpo::app
