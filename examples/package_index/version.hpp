// Debian's order of package versions (Debian policy 5.6.12): [epoch:]upstream[-revision].
#pragma once

#include <compare>
#include <string_view>

// Digits are compared as numbers, everything else letter by letter; a tilde sorts before anything, even
// before the end.
std::strong_ordering compare_versions(std::string_view a, std::string_view b);
