#include "src/app/commands/commands.hpp"
#include "src/app/precision.hpp"
#include "src/app/store.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
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

namespace {
// What the log-probs depend on beside the rows.
std::string reference_identity(const Context& context, const ModelChoice& choice) {
  return fmt::format("{}, {} negatives", computed_identity(choice, context.deck), context.deck.data.negatives);
}

std::filesystem::path reference_folder(const Context& context, const std::string& identity, const data::RowFile& rows) {
  return output_folder(context, "reference", identity + "\nrows " + rows.hash);
}
}  // namespace

train::ReferenceLogps reference_logps(Workspace& workspace) {
  const Context& context = workspace.context();
  const data::RowFile& rows = workspace.rows();
  const ModelChoice choice = reference_model(workspace);
  const std::string identity = reference_identity(context, choice);
  const auto folder = reference_folder(context, identity, rows), path = folder / "reference.h5";
  const StoreLock lock(context, folder);
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
  run_on_first_rank(context, "writing reference.h5", [&] {
    create_folders(folder);
    train::write_reference(path, logps, identity, rows.hash);
  });
  log::info("reference: {} sets in {}", logps.size(), path.string());
  return logps;
}

void reference(Workspace& workspace) { reference_logps(workspace); }

}  // namespace recpo::app
