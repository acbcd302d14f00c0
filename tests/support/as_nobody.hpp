#pragma once
// Permissions, which do not hold for the system's administrator.

#include <unistd.h>

#include <cstdlib>

namespace recpo {

// As long as it lives, an administrator's process reads and writes as nobody. Without effect for anybody else.
class AsNobody {
 public:
  AsNobody() {
    if (is_root_ && ::seteuid(kNobody) != 0) std::abort();
  }
  ~AsNobody() {
    if (is_root_ && ::seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

  static constexpr uid_t kNobody = 65534;

 private:
  const bool is_root_ = ::geteuid() == 0;
};

}  // namespace recpo
