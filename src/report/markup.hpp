#pragma once
// Text from anywhere, made safe inside XML and HTML.

#include <string>
#include <string_view>

namespace recpo::report {

// & < > " ' become entities; control characters, which XML does not allow, and invalid UTF-8 become U+FFFD. Line ends
// and tabs become spaces.
std::string escape_markup(std::string_view text);

}  // namespace recpo::report
