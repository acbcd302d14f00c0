#pragma once
// Standard output and error. They may be closed, full or a pipe without a reader: a message that cannot be written must
// not end what it tells about, so nothing here but write_result throws.

#include <string>
#include <string_view>

namespace recpo {

// Before any file is opened: a closed descriptor 0, 1 or 2 is taken by one that cannot be used, so that no file of the
// program gets it, to be written over by messages.
void reserve_standard_streams();

// Foreign text for a terminal: control characters, and bytes that are no UTF-8, as \x1b; but not those of `allowed`.
std::string printable(std::string_view text, std::string_view allowed = "");

// On standard error; lost where that cannot be written.
void write_message(std::string_view text) noexcept;

// On standard output, at once. Throws kCannotWrite.
void write_result(std::string_view text);

}  // namespace recpo
