#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "src/app/commands/commands.hpp"
#include "src/app/plan.hpp"
#include "src/checkpoint/inspect.hpp"
#include "src/support/check.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

void check_writable(const fs::path& folder) {
  fs::path existing = fs::absolute(folder);
  while (!fs::exists(existing) && existing.has_relative_path()) existing = existing.parent_path();
  if (!fs::is_directory(existing)) throw_write("run.dir {}: {} is not a folder", folder.string(), existing.string());
  if (::access(existing.c_str(), W_OK | X_OK) != 0) {
    throw_write("run.dir {}: {} cannot be written", folder.string(), existing.string());
  }
}

}  // namespace

void dry_run(Workspace& workspace) {
  const Context& context = workspace.context();
  check_writable(context.run_folder());
  if (!context.deck.model.path.empty()) checkpoint::describe(context.deck.model.path);  // throws when not whole
  const std::string text = plan_text(workspace);
  run_on_first_rank(context, "printing the plan", [&] {
    fmt::print("{}", text);
    std::fflush(stdout);
  });
}

}  // namespace recpo::app
