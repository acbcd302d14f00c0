#include "src/app/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;
constexpr std::size_t kNameDigits = 16;  // of the hash
constexpr auto kPause = std::chrono::milliseconds(200);

void wait_for_lock(const Context& context, int file, const fs::path& path) {
  const std::string phase = "waiting for another run that makes " + path.stem().string();
  for (bool told = false; ::flock(file, LOCK_EX | LOCK_NB) != 0;) {
    if (errno != EWOULDBLOCK && errno != EINTR) {  // a file system without locks: the runs are told apart by the user
      log::warn("{}: no locks on this file system ({}); start runs that share a store one after the other",
                path.string(), std::strerror(errno));
      return;
    }
    if (!std::exchange(told, true)) log::info("{}", phase);
    context.watchdog.beat(phase.c_str());
    if (context.stop_requested()) throw_error(ExitCode::kStopped, "{}: start the same command again", phase);
    std::this_thread::sleep_for(kPause);
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
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file_ < 0) throw_write("cannot write {}: {}", path.string(), std::strerror(errno));
    wait_for_lock(context, file_, path);
  });
}

StoreLock::~StoreLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace recpo::app
