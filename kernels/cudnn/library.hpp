#pragma once
// The cuDNN library, opened at run time, so that the program starts where there is none. Host code only. A process has
// one handle, on the device that was current when it was first asked for.

#include <string>

struct cudnnContext;

namespace recpo::cudnn {

// Opens the library at the first call. Why there is none, in words for a log; empty: it is open.
const std::string& unsupported_reason();

// "cuDNN 9.19.0"; the library is open.
std::string description();

// Needs a device. Throws kInternal with cuDNN's words.
cudnnContext* handle();
// Before the device is given back.
void destroy_handle();

}  // namespace recpo::cudnn
