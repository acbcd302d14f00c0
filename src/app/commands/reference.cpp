#include "src/app/commands/commands.hpp"
#include "src/app/precision.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

ModelChoice reference_model(Workspace& workspace) {
  const std::string& reference = workspace.context().deck.reference;
  if (reference == "sft") return start_model(workspace, "align");
  if (reference == "base") return workspace.base_model();
  ModelChoice choice = workspace.model_at(reference);
  if (checkpoint::read_tokenizer(*choice.source).hash() != workspace.tokenizer().hash()) {
    throw_usage("{}: {} has another tokenizer than the rows", where(workspace.context().deck, "align.reference"),
                choice.title);
  }
  return choice;
}

train::ReferenceLogps reference_logps(Workspace& workspace) {
  const Context& context = workspace.context();
  const auto path = context.run_folder() / "reference.h5";
  const data::RowFile& rows = workspace.rows();
  const ModelChoice choice = reference_model(workspace);
  const std::string identity = computed_identity(choice, context.deck);
  train::ReferenceLogps logps = train::read_reference(path, identity, rows.hash);
  if (!logps.empty()) {
    log::info("reference: done, {} is for the same model and rows", path.string());
    return logps;
  }
  log::info("reference: log-probs of the alignment rows under {}", choice.title);
  {
    const Interruptible interruptible(context);
    logps = with_storage_type(context.deck, [&]<class T>() {
      const auto store = load_shard<T>(choice, context.grid);
      return train::compute_reference<T>(rows, choice.config, *store, context.deck.align.micro_batch_tokens,
                                         context.grid, context.heartbeat());
    });
  }
  run_on_first_rank(context, "writing reference.h5", [&] { train::write_reference(path, logps, identity, rows.hash); });
  return logps;
}

void reference(Workspace& workspace) {
  const train::ReferenceLogps logps = reference_logps(workspace);
  log::info("reference: {} sets in {}", logps.size(), (workspace.context().run_folder() / "reference.h5").string());
}

}  // namespace recpo::app
