// Text to tree and back.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "filter/ast.hpp"

namespace recsys::filter {

inline constexpr std::size_t kMaxLength = 2500; // characters of an expression

/// Errors: RS005. The message names the mistake; the detail says where it is (in characters, from 1), what stands there
/// and what was expected; the hint shows how to write it.
Filter parse(std::string_view text, std::size_t max_length = kMaxLength);

/// The canonical text: keywords and dataset names in one spelling, strings in double quotes, no parentheses round
/// scalars. Parsing it gives the same tree, and printing that the same text. It may be longer than the text that was
/// parsed.
std::string print(const Filter &filter);
std::string print(const Expression &expression);
std::string print(const Condition &condition);
std::string print(const Field &field);

} // namespace recsys::filter
