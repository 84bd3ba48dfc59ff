// From a place in a filter expression to an error that a person can act on. The grammar only says where it stopped and
// what it expected there; what people write instead (LIKE, NOT in front, a placeholder with NOT IN …) is recognised
// here, so that the grammar stays the language's definition and nothing else.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace recsys::filter {

/// What the grammar expects at a place. Also the words for it in "expected …".
namespace expected {
inline constexpr const char *Action = "INCLUDE or EXCLUDE", *Target = "ItemID, UserID or ActionID", *Where = "WHERE",
							*Field = "a field such as Items.PRICE", *Dot = "\".\" and a field name",
							*Name = "a field name", *Operator = "IN, NOT IN or a comparison (= != < <= > >=)",
							*In = "IN", *List = "a list in parentheses",
							*InValue = "a string in quotes or one placeholder", *InNext = "a string in quotes",
							*NotInValue = "a string in double quotes", *ListEnd = "\",\" or \")\"",
							*PlaceholderEnd = "\")\"",
							*Scalar = "a number, a placeholder, a string or a field of CurrentItem",
							*InnerScalar = "a number or a placeholder", *ScalarEnd = "\")\" after the value",
							*PlaceholderName = "a name of 1 to 50 letters, digits and underscores",
							*Quote = "the closing quote", *Escape = "a quote or a backslash",
							*End = "AND, OR, IF, \"|\" or the end";
} // namespace expected

/// What stands at a place.
struct Token {
	enum class Kind { End, Word, Text, Number, Placeholder, Symbol } kind = Kind::End;
	std::size_t at = 0;
	std::string_view text;                // as written; a word includes what is joined to it by dots: Items.PRICE
	bool is(std::string_view word) const; // ignores case
};
/// The first token at or after `at`.
Token token_at(std::string_view text, std::size_t at);

/// Characters of UTF-8, as PostgreSQL counts them.
std::size_t count_characters(std::string_view utf8);
bool equal_ignoring_case(std::string_view a, std::string_view b);
bool is_word_character(char c) noexcept;

struct Problem {
	std::size_t at = 0; // bytes
	std::string message, expected, hint;
};
/// Throws RS005. The detail is made from the place; without a text there is none.
[[noreturn]] void refuse(std::string_view text, const Problem &problem);
/// Throws RS005 for a grammar that stopped at `at` and expected `what`, one of `expected`.
[[noreturn]] void refuse_syntax(std::string_view text, std::size_t at, std::string_view what);

} // namespace recsys::filter
