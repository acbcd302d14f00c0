#include "src/app/commands/commands.hpp"
#include "src/app/precision.hpp"
#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/companions.hpp"
#include "src/checkpoint/hugging_face.hpp"
#include "src/checkpoint/peft_export.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

namespace {

void export_adapters(const Context& context, const ModelChoice& choice) {
  const checkpoint::AdapterRecord& record = choice.source->adapters;
  if (!record.options.exists()) throw_usage("--adapters: {} holds a whole model, no adapters", choice.title);
  const std::string kept = checkpoint::lossless_dtype(*choice.source);
  const std::string dtype = context.line.dtype == "auto" ? kept : context.line.dtype;
  with_storage_type(kept == "bfloat16" ? "bf16" : "fp32", [&]<class T>() {
    model::Adapters<T> adapters(choice.config, record.options, {}, model::GradientMemory::kNone);
    checkpoint::load_weights<T>(choice.source->path, adapters.store);
    checkpoint::export_peft<T>(context.line.output, adapters, record.base.path, dtype);
  });
  log::info("export: the adapters of {} are now the PEFT folder {}, in {}", choice.title, context.line.output, dtype);
}

}  // namespace

void export_model(Workspace& workspace) {
  const Context& context = workspace.context();
  const ModelChoice choice = workspace.model_at(context.line.model);
  if (context.line.adapters_only)
    return run_on_first_rank(context, "exporting adapters", [&] { export_adapters(context, choice); });
  run_on_first_rank(context, "exporting a model", [&] {
    const text::Tokenizer tokenizer = checkpoint::read_tokenizer(*choice.source);
    const std::string kept = checkpoint::lossless_dtype(*choice.source);
    const std::string dtype = context.line.dtype == "auto" ? kept : context.line.dtype;
    with_storage_type(kept == "bfloat16" ? "bf16" : "fp32", [&]<class T>() {
      const auto store = load_whole<T>(choice);
      checkpoint::export_hugging_face<T>(context.line.output, choice.config, *store, tokenizer, dtype,
                                         context.line.max_shard_bytes, checkpoint::read_companions(*choice.source));
    });
    log::info("export: {} is now the Hugging Face folder {}, in {}", choice.title, context.line.output, dtype);
  });
}

}  // namespace recpo::app
