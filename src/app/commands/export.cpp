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

// How weights are held on the way, and written.
struct Form {
  std::string precision, dtype;
};
Form form_of(const Context& context, const ModelChoice& choice) {
  const std::string kept = checkpoint::lossless_dtype(*choice.source);
  return {lossless_precision(kept), context.line.dtype == "auto" ? kept : context.line.dtype};
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
            form.dtype);
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
                                         context.line.max_shard_bytes, checkpoint::read_companions(*choice.source));
    });
    log::info("export: {} is now the Hugging Face folder {}, in {}", choice.title, context.line.output, form.dtype);
  });
}

}  // namespace recpo::app
