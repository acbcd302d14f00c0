#include "src/app/commands/commands.hpp"
#include "src/app/precision.hpp"
#include "src/checkpoint/companions.hpp"
#include "src/checkpoint/hugging_face.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

void export_model(Workspace& workspace) {
  const Context& context = workspace.context();
  const ModelChoice choice = workspace.model_at(context.line.model);
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
