#include "src/app/commands/commands.hpp"

#include "src/support/check.hpp"

namespace recpo::app {

Command find_command(const std::string& name) {
  struct Entry {
    const char* name;
    Command command;
  };
  constexpr Entry kEntries[] = {
      {"run", run},           {"prepare", prepare},   {"import", import_model}, {"export", export_model},
      {"sft", sft},           {"align", align},       {"reference", reference}, {"evaluate", evaluate},
      {"score", score},       {"report", report},     {"generate", generate},   {"inspect", inspect},
      {"plan", plan_layouts}, {"baseline", baseline}, {"sweep", sweep},
  };
  for (const Entry& entry : kEntries) {
    if (name == entry.name) return entry.command;
  }
  throw_usage("unknown command {}", name);
}

}  // namespace recpo::app
