// What people write instead of what the language has, and what to tell them.
#include "filter/diagnosis.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace recsys::filter {

namespace {

constexpr const char *kExample =
	"Write, for example, INCLUDE ItemID WHERE Items.GENRE IN (\"Drama\") AND Items.PRICE <= 10.";

bool is_digit(char c) noexcept {
	return c >= '0' && c <= '9';
}
bool is_blank(char c) noexcept {
	return std::string_view(" \t\n\r\f\v").find(c) != std::string_view::npos;
}
bool is_continuation_byte(char c) noexcept {
	return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

template <class Predicate> std::size_t run(std::string_view text, std::size_t from, Predicate belongs) {
	while (from < text.size() && belongs(text[from]))
		++from;
	return from;
}

std::size_t end_of_text(std::string_view text, std::size_t at) {
	std::size_t i = at + 1;
	while (i < text.size() && text[i] != text[at])
		i += text[i] == '\\' && i + 1 < text.size() ? 2 : 1;
	return std::min(i + 1, text.size());
}

std::pair<Token::Kind, std::size_t> scan(std::string_view text, std::size_t at) {
	using Kind = Token::Kind;
	const char c = text[at];
	const auto dotted = [](char k) { return is_word_character(k) || k == '.'; };
	const bool joined_digit = at + 1 < text.size() && is_digit(text[at + 1]);
	if (is_digit(c) || ((c == '-' || c == '+' || c == '.') && joined_digit))
		return {Kind::Number, run(text, at + 1, dotted)};
	if (is_word_character(c))
		return {Kind::Word, run(text, at, dotted)};
	if (c == '"' || c == '\'')
		return {Kind::Text, end_of_text(text, at)};
	if (c == '$')
		return {Kind::Placeholder, run(text, at + 1, is_word_character)};
	const std::string_view comparisons = "=<>!";
	if (comparisons.find(c) != std::string_view::npos)
		return {Kind::Symbol, run(text, at, [&](char k) { return comparisons.find(k) != std::string_view::npos; })};
	return {Kind::Symbol, run(text, at + 1, is_continuation_byte)};
}

// The first characters of a token, whole ones.
std::string shortened(std::string_view text) {
	constexpr std::size_t kMost = 40;
	if (text.size() <= kMost)
		return std::string(text);
	std::size_t end = kMost;
	while (end > 0 && is_continuation_byte(text[end]))
		--end;
	return std::string(text.substr(0, end)) + "...";
}

std::string describe(const Token &token) {
	switch (token.kind) {
	case Token::Kind::End:
		return "the end of the expression";
	case Token::Kind::Text:
		return "the string " + shortened(token.text);
	default:
		return "\"" + shortened(token.text) + "\"";
	}
}

bool is_any_of(const Token &token, std::initializer_list<const char *> words) {
	return std::any_of(words.begin(), words.end(), [&](const char *word) { return token.is(word); });
}

// ---- one function for each group of places; message and hint only

struct Advice {
	std::string message, hint;
};

Advice at_start(const Token &token, bool blank) {
	if (blank)
		return {"filter expression is empty", kExample};
	if (token.kind == Token::Kind::End)
		return {"filter expression is incomplete", "Write an expression after \"|\", or leave \"|\" out."};
	return {"filter expression must begin with INCLUDE or EXCLUDE", kExample};
}

Advice at_where(const Token &token) {
	if (token.is("IF"))
		return {"WHERE is missing",
				"Put the condition on candidates before IF: EXCLUDE ItemID WHERE Items.ADULT = 1 IF "
				"CurrentUser.AGE < 18."};
	return {"WHERE is missing", kExample};
}

Advice at_field(const Token &token) {
	if (token.is("NOT"))
		return {"NOT cannot stand in front of a condition",
				"Use the opposite operator, such as NOT IN, != or <=, or exchange INCLUDE and EXCLUDE."};
	if (token.text == "(")
		return {"parentheses cannot group conditions",
				"AND binds tighter than OR: write A AND C OR B AND C for (A OR B) AND C."};
	if (token.kind != Token::Kind::Word)
		return {"condition is missing", kExample};
	const std::size_t dot = token.text.find('.');
	if (dot == std::string_view::npos)
		return {"field must be written with its dataset", "Write, for example, Items.PRICE or CurrentUser.AGE."};
	return {"unrecognized dataset \"" + shortened(token.text.substr(0, dot)) + "\"",
			"Datasets are Items, Users, Actions, Interactions and Action_Interactions; CurrentUser stands after IF, "
			"CurrentItem "
			"on the right."};
}

Advice at_name(const Token &token) {
	if (token.kind == Token::Kind::Text)
		return {"field name must not be quoted", "Write, for example, Items.PRICE."};
	return {"field name is missing", "Write the dataset, a dot and the field, such as Items.PRICE."};
}

Advice at_operator(const Token &token) {
	if (is_any_of(token, {"LIKE", "ILIKE", "SIMILAR", "CONTAINS", "MATCHES"}))
		return {"filters have no operator " + std::string(token.text),
				"Strings are compared whole: use IN (\"Drama\", \"Comedy\")."};
	if (token.is("BETWEEN"))
		return {"filters have no operator BETWEEN", "Use two comparisons: Items.PRICE >= 1 AND Items.PRICE <= 5."};
	if (token.is("IS"))
		return {"filters cannot test for missing values", "A missing value meets no condition, not even NOT IN or !=."};
	if (token.text == "==")
		return {"unrecognized operator \"==\"", "Use = for equality."};
	if (token.text == "<>")
		return {"unrecognized operator \"<>\"", "Use != for inequality."};
	if (is_any_of(token, {"+", "-", "*", "/", "%"}))
		return {"filters cannot calculate", "Compare a field with a number: Items.PRICE < 10."};
	if (token.kind == Token::Kind::End)
		return {"condition is incomplete", kExample};
	return {"unrecognized operator \"" + shortened(token.text) + "\"", "Use IN, NOT IN, =, !=, <, <=, > or >=."};
}

Advice at_list_value(const Token &token, std::string_view what) {
	const bool first = what == expected::InValue;
	if (token.kind == Token::Kind::Placeholder && what == expected::NotInValue)
		return {"placeholders are not allowed with NOT IN",
				"Exchange INCLUDE and EXCLUDE and use IN: EXCLUDE ItemID WHERE Items.GENRE IN ($GENRE)."};
	if (token.kind == Token::Kind::Placeholder)
		return {"placeholder must stand alone in its list",
				"Give several values to one placeholder: IN ($GENRES) with \"Drama\",\"Comedy\"."};
	if (token.kind == Token::Kind::Number)
		return {"lists hold strings, not numbers", "Compare numbers by =, !=, <, <=, > and >=, joined by AND or OR; "
												   "write \"10\" where the field is a string."};
	if (is_any_of(token, {"TRUE", "FALSE"}))
		return {"filters have no boolean values",
				"Use a string field with \"True\" and \"False\", or a number with 0 and 1."};
	if (token.text.starts_with("\xE2\x80\x9C") || token.text.starts_with("\xE2\x80\x9D"))
		return {"strings must be in straight quotes", "Write, for example, IN (\"Drama\")."};
	if (token.kind == Token::Kind::Word && token.text.find('.') != std::string_view::npos)
		return {"fields cannot stand in a list",
				"A field of CurrentItem stands without parentheses: Items.GENRE IN CurrentItem.GENRE."};
	if (token.kind == Token::Kind::Word)
		return {"strings must be quoted", "Write, for example, IN (\"Drama\")."};
	if (first && token.text == ")")
		return {"list is empty", "Write, for example, IN (\"Drama\") or IN ($GENRES)."};
	return {"list is incomplete", "Write, for example, IN (\"Drama\", \"Comedy\")."};
}

Advice at_list_end(const Token &token, std::string_view what) {
	if (what == expected::PlaceholderEnd && token.text == ",")
		return at_list_value({Token::Kind::Placeholder, token.at, token.text}, expected::InNext);
	if (token.kind == Token::Kind::End)
		return {"list has no closing parenthesis", "Write, for example, IN (\"Drama\", \"Comedy\")."};
	return {"values of a list must be separated by commas", "Write, for example, IN (\"Drama\", \"Comedy\")."};
}

Advice at_scalar(const Token &token, std::string_view what) {
	if (is_any_of(token, {"TRUE", "FALSE"}))
		return {"filters have no boolean values",
				"Use a string field with \"True\" and \"False\", or a number with 0 and 1."};
	if (token.is("NULL"))
		return {"filters cannot test for missing values", "A missing value meets no condition, not even NOT IN or !=."};
	if (token.kind == Token::Kind::Number)
		return {"malformed number \"" + shortened(token.text) + "\"",
				"Write digits, with a minus sign and a decimal point at most: -3, 0.5."};
	if (what == expected::InnerScalar)
		return {"only a number or a placeholder may stand in parentheses",
				"Write, for example, Items.PRICE < ($PRICE)."};
	if (token.kind == Token::Kind::Word && token.text.find('.') != std::string_view::npos)
		return {"two fields can be compared only if the right one is of CurrentItem",
				"Write, for example, Items.PRICE < CurrentItem.PRICE."};
	if (token.kind == Token::Kind::Word)
		return {"strings must be quoted", "Write, for example, Items.GENRE = \"Drama\"."};
	return {"condition is incomplete", kExample};
}

Advice at_end(const Token &token, bool after_if) {
	if (after_if && token.is("OR"))
		return {"conditions after IF can be joined by AND only",
				"Write one expression for each alternative and chain them with \"|\"."};
	if (after_if && token.is("IF"))
		return {"IF may stand only once in an expression", "Join the conditions after IF by AND."};
	if (is_any_of(token, {"+", "-", "*", "/", "%"}))
		return {"filters cannot calculate", "Compare a field with a number: Items.PRICE < 10."};
	if (is_any_of(token, {"INCLUDE", "EXCLUDE"}))
		return {"expressions must be chained with \"|\"",
				"Write, for example, INCLUDE ItemID WHERE Items.NEW = 1 | EXCLUDE ItemID WHERE Items.PRICE > 10."};
	return {"filter expression goes on after its end", "Join conditions by AND or OR, and expressions by \"|\"."};
}

Advice in_text(std::string_view what) {
	if (what == expected::Escape)
		return {"backslash must stand before a quote or a backslash",
				"Write \\\" for a quote and \\\\ for a backslash."};
	return {"string has no closing quote", "Write \\\" for a quote inside a string in double quotes."};
}

// Whether the expression that stops at `at` has had its IF: strings are skipped, "|" begins a new expression.
bool has_if_before(std::string_view text, std::size_t at) {
	bool found = false;
	for (Token token = token_at(text, 0); token.kind != Token::Kind::End && token.at < at;
		 token = token_at(text, token.at + token.text.size()))
		found = token.text == "|" ? false : found || token.is("IF");
	return found;
}

Advice advise(std::string_view text, const Token &token, std::string_view what) {
	if (what == expected::Action)
		return at_start(token, token_at(text, 0).kind == Token::Kind::End);
	if (what == expected::Target)
		return {"target must be ItemID, UserID or ActionID", kExample};
	if (what == expected::Where)
		return at_where(token);
	if (what == expected::Field)
		return at_field(token);
	if (what == expected::Dot || what == expected::Name)
		return at_name(token);
	if (what == expected::Operator)
		return at_operator(token);
	if (what == expected::In)
		return {"NOT must be followed by IN", "Write, for example, Items.GENRE NOT IN (\"Drama\")."};
	if (what == expected::List)
		return {"IN must be followed by a list in parentheses",
				"Write, for example, IN (\"Drama\", \"Comedy\") or IN ($GENRES)."};
	if (what == expected::InValue || what == expected::InNext || what == expected::NotInValue)
		return at_list_value(token, what);
	if (what == expected::ListEnd || what == expected::PlaceholderEnd)
		return at_list_end(token, what);
	if (what == expected::Scalar || what == expected::InnerScalar)
		return at_scalar(token, what);
	if (what == expected::ScalarEnd)
		return {"parenthesis is not closed", "Write, for example, Items.PRICE < ($PRICE)."};
	if (what == expected::PlaceholderName)
		return {"placeholder has no valid name", "A name has 1 to 50 letters, digits and underscores, such as $GENRE."};
	if (what == expected::Quote || what == expected::Escape)
		return in_text(what);
	return at_end(token, has_if_before(text, token.at));
}

} // namespace

bool is_word_character(char c) noexcept {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
	const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
	return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::size_t count_characters(std::string_view utf8) {
	return static_cast<std::size_t>(
		std::count_if(utf8.begin(), utf8.end(), [](char c) { return !is_continuation_byte(c); }));
}

bool Token::is(std::string_view word) const {
	return equal_ignoring_case(text, word);
}

Token token_at(std::string_view text, std::size_t at) {
	at = run(text, std::min(at, text.size()), is_blank);
	if (at == text.size())
		return {Token::Kind::End, at, {}};
	const auto [kind, end] = scan(text, at);
	return {kind, at, text.substr(at, end - at)};
}

void refuse(std::string_view text, const Problem &problem) {
	std::string detail;
	if (!text.empty()) {
		const Token token = token_at(text, problem.at);
		detail = "At character " + std::to_string(count_characters(text.substr(0, token.at)) + 1) + ": found " +
				 describe(token);
		detail += problem.expected.empty() ? "." : ", expected " + problem.expected + ".";
	}
	throw Error(sqlstate::InvalidFilter, problem.message, detail, problem.hint);
}

void refuse_syntax(std::string_view text, std::size_t at, std::string_view what) {
	const Token token = token_at(text, at);
	const Advice advice = advise(text, token, what);
	if (text.empty())
		throw Error(sqlstate::InvalidFilter, advice.message, "A filter expression has 1 to 2500 characters.",
					advice.hint);
	const bool ends_if = what == expected::End && has_if_before(text, token.at);
	refuse(text, {at, advice.message, ends_if ? "AND, \"|\" or the end" : std::string(what), advice.hint});
}

} // namespace recsys::filter
