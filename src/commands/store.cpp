#include "src/commands/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <tuple>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;
constexpr std::size_t kNameDigits = 16;  // of the hash
constexpr auto kPause = std::chrono::milliseconds(200);

// Takes the lock if it can be had now. False: another program has it; nullopt: a file system without locks.
std::optional<bool> try_lock(int file, int operation) {
  while (::flock(file, operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return std::nullopt;
  }
  return true;
}

int open_lock(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) throw_write("cannot write {}: {}", path.string(), std::strerror(errno));
  return file;
}

void warn_of_no_locks(const fs::path& path) {
  log::warn("{}: no locks on this file system ({}); start programs that share a folder one after the other",
            path.string(), std::strerror(errno));
}

// A while, in which this rank stays alive for the watchdog; throws kStopped.
void wait_a_while(const Context& context, const std::string& phase) {
  context.watchdog.beat(phase.c_str());
  if (context.stop_requested()) throw_error(ExitCode::kStopped, "{}: start the same command again", phase);
  std::this_thread::sleep_for(kPause);
}

void wait_for_lock(const Context& context, int file, const fs::path& path) {
  const std::string phase = "waiting for another run that makes " + path.stem().string();
  for (bool told = false;;) {
    const auto locked = try_lock(file, LOCK_EX);
    if (!locked) warn_of_no_locks(path);
    if (locked.value_or(true)) return;
    if (!std::exchange(told, true)) log::info("{}", phase);
    wait_a_while(context, phase);
  }
}

std::string this_program() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("process {} on {}", ::getpid(), host);
}

// Rank 0's part: alone in the folder for an instant, to write who it is, then a lock that the other ranks can share.
void take_run_folder(const Context& context, int file, const fs::path& path) {
  const double begin = context.clock.elapsed_seconds(), limit = context.deck.run.lock_wait;
  const std::string phase = fmt::format("waiting for {}", path.parent_path().string());
  for (bool told = false;;) {
    const auto alone = try_lock(file, LOCK_EX);
    if (!alone) return warn_of_no_locks(path);
    if (*alone) {
      const std::string holder = this_program() + "\n";
      if (::ftruncate(file, 0) != 0 || ::pwrite(file, holder.data(), holder.size(), 0) < 0)
        throw_write("cannot write {}: {}", path.string(), std::strerror(errno));
      if (try_lock(file, LOCK_SH).value_or(true)) return;
      continue;  // another program came in between
    }
    std::string holder = read_file(path);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    if (context.clock.elapsed_seconds() - begin >= limit)
      throw_write("{}: in use by {}, still after {} s (run.lock_wait): wait for it to end, or choose another run.dir",
                  path.parent_path().string(), holder, limit);
    if (!std::exchange(told, true)) log::info("{}: in use by {}", phase, holder);
    wait_a_while(context, phase);
  }
}
}  // namespace

fs::path output_folder(const Context& context, const std::string& kind, const std::string& identity) {
  const std::string& store = context.deck.run.store;
  if (store.empty()) return context.run_folder();
  return fs::path(store) / (kind + "-" + sha256_hex(identity).substr(0, kNameDigits));
}

StoreLock::StoreLock(const Context& context, const fs::path& folder) {
  if (context.deck.run.store.empty()) return;
  run_on_first_rank(context, "taking an output of the store", [&] {
    const fs::path path = folder.string() + ".lock";
    create_folders(path.parent_path());
    file_ = open_lock(path);
    wait_for_lock(context, file_, path);
  });
}

StoreLock::~StoreLock() {
  if (file_ >= 0) ::close(file_);
}

RunFolderLock::RunFolderLock(const Context& context) : is_first_(context.is_first()) {
  const fs::path path = context.run_folder() / kRunFolderLock;
  run_on_first_rank(context, "taking the run folder", [&] {
    create_folders(path.parent_path());
    file_ = open_lock(path);
    take_run_folder(context, file_, path);
  });
  if (context.is_first()) return;
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // another node may see it later; then rank 0 speaks for this one
  if (file_ >= 0) try_lock(file_, LOCK_SH);
}

RunFolderLock::~RunFolderLock() {
  if (file_ < 0) return;
  // Where it cannot be emptied it goes on naming this program, and nobody holds it.
  if (is_first_) std::ignore = ::ftruncate(file_, 0);
  ::close(file_);
}

bool is_in_use(const fs::path& run_folder) {
  const fs::path path = run_folder / kRunFolderLock;
  int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);  // some file systems ask for it
  if (file < 0) file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return false;
  if (file < 0) throw_input("cannot look at {}: {}", path.string(), std::strerror(errno));
  const bool is_free = try_lock(file, LOCK_EX).value_or(true);
  ::close(file);
  return !is_free;
}

StageRecord::StageRecord(const std::filesystem::path& run_folder) : path_(run_folder / "stages.json") {
  if (!is_there(path_)) return;
  const auto json = nlohmann::json::parse(read_file(path_), nullptr, false);
  if (!json.is_object()) return;  // then everything is made again
  for (const auto& [stage, identity] : json.items()) {
    if (identity.is_string()) identities_[stage] = identity.get<std::string>();
  }
}

bool StageRecord::is_done(const std::string& stage, const std::string& identity) const {
  const auto found = identities_.find(stage);
  return found != identities_.end() && found->second == identity;
}

void StageRecord::set_done(const std::string& stage, const std::string& identity) {
  identities_[stage] = identity;
  write_file(path_, nlohmann::json(identities_).dump(2) + "\n");
}

}  // namespace recpo::commands
