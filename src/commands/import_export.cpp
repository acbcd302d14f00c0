#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/hugging_face.hpp"
#include "src/commands/commands.hpp"
#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {
namespace {

// The precision whose storage type keeps every bit of a model (checkpoint::lossless_dtype).
model::Precision lossless_precision(checkpoint::Dtype dtype) {
  return dtype == checkpoint::Dtype::kBfloat16 ? model::Precision::kBf16 : model::Precision::kFp32;
}

}  // namespace

void import_model(Workspace& workspace) {
  const Context& context = workspace.context();
  const ModelChoice choice = workspace.model_at(context.line.model);
  const text::Tokenizer tokenizer = checkpoint::read_tokenizer(*choice.source);
  const std::filesystem::path target = context.line.output;
  if (is_there(target / "step_0"))
    throw_usage("--output {}: holds a checkpoint already; name a new folder", target.string());
  checkpoint::Progress progress;
  progress.stage = checkpoint::kImportStage;
  progress.complete = true;
  // In the weights' own type where it is one of the model's: half the memory and the file for bfloat16.
  with_storage_type(lossless_precision(checkpoint::lossless_dtype(*choice.source)), [&]<class T>() {
    const auto store = load_shard<T>(choice, context.grid);
    model::merge_adapters(choice.config, *store);
    checkpoint::save_checkpoint<T>(target, progress, choice.config, *store, nullptr, tokenizer, 1, context.grid,
                                   checkpoint::read_auxiliary_files(*choice.source));
  });
  log::info("import: {} is now the native checkpoint {}", choice.title, (target / "step_0").string());
}

namespace {

// How weights are held on the way, and written.
struct Form {
  model::Precision precision;
  checkpoint::Dtype dtype;
};
Form form_of(const Context& context, const ModelChoice& choice) {
  const checkpoint::Dtype kept = checkpoint::lossless_dtype(*choice.source);
  return {lossless_precision(kept), context.line.dtype.value_or(kept)};
}

void export_adapters(const Context& context, const ModelChoice& choice) {
  const checkpoint::AdapterRecord& record = choice.source->adapters;
  if (!record.options.exists()) throw_usage("--adapters: {} holds a whole model, no adapters", choice.title);
  const Form form = form_of(context, choice);
  with_storage_type(form.precision, [&]<class T>() {
    model::Adapters<T> adapters(choice.config, record.options, {}, model::GradientMemory::kNone);
    checkpoint::load_weights<T>(choice.source->path, adapters.store);
    checkpoint::export_peft<T>(context.line.output, adapters, record.base.path, form.dtype);
  });
  log::info("export: the adapters of {} are now the PEFT folder {}, in {}", choice.title, context.line.output,
            name_of(form.dtype));
}

}  // namespace

void export_model(Workspace& workspace) {
  const Context& context = workspace.context();
  const ModelChoice choice = workspace.model_at(context.line.model);
  run_on_first_rank(context, "exporting a model", [&] {
    if (context.line.adapters_only) return export_adapters(context, choice);
    const text::Tokenizer tokenizer = checkpoint::read_tokenizer(*choice.source);
    const Form form = form_of(context, choice);
    with_storage_type(form.precision, [&]<class T>() {
      const auto store = load_whole<T>(choice);
      checkpoint::export_hugging_face<T>(context.line.output, choice.config, *store, tokenizer, form.dtype,
                                         context.line.max_shard_bytes,
                                         checkpoint::read_auxiliary_files(*choice.source));
    });
    log::info("export: {} is now the Hugging Face folder {}, in {}", choice.title, context.line.output,
              name_of(form.dtype));
  });
}

}  // namespace recpo::commands
