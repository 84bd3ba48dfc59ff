// The grammar in Boost.Spirit X3. Once a keyword has decided what must follow, expectation points (`>`) turn a mismatch
// into an error at that place instead of trying something else; diagnosis.cpp words it. The grammar does not recurse,
// so the depth of the stack does not depend on the text.
#include "filter/parser.hpp"

#include <array>
#include <utility>

#include <boost/spirit/home/x3.hpp>

#include "base/error.hpp"
#include "filter/diagnosis.hpp"

namespace x3 = boost::spirit::x3;

namespace recsys::filter {

namespace {

using Iterator = const char *;
struct Begin; // context tag: where the text begins

// Semantic actions: put the attribute into a member of the rule's value, or at its end.
template <auto member> struct Set {
	template <class Context> void operator()(Context &context) const {
		x3::_val(context).*member = std::move(x3::_attr(context));
	}
};
template <auto member> struct Append {
	template <class Context> void operator()(Context &context) const {
		(x3::_val(context).*member).push_back(std::move(x3::_attr(context)));
	}
};
struct Push {
	template <class Context> void operator()(Context &context) const {
		x3::_val(context).push_back(std::move(x3::_attr(context)));
	}
};

std::string_view leading_word(Iterator first, Iterator last) {
	Iterator end = first;
	while (end != last && is_word_character(*end))
		++end;
	return {first, static_cast<std::size_t>(end - first)};
}
std::string_view leading_symbol(Iterator first, Iterator last) {
	Iterator end = first;
	while (end != last && std::string_view("=<>!").find(*end) != std::string_view::npos)
		++end;
	return {first, static_cast<std::size_t>(end - first)};
}

// One of some words, in any case, or of some symbols; whole ones only: INCLUDEX is not INCLUDE, == is not =.
template <class Value> struct OneOf : x3::parser<OneOf<Value>> {
	using attribute_type = Value;
	static constexpr bool has_attribute = true;
	using Entry = std::pair<const char *, Value>;
	const Entry *begin_, *end_;
	template <std::size_t n>
	constexpr explicit OneOf(const std::array<Entry, n> &t) : begin_(t.data()), end_(begin_ + n) {}

	template <class Context, class RuleContext, class Attribute>
	bool parse(Iterator &first, const Iterator &last, const Context &context, RuleContext &,
			   Attribute &attribute) const {
		x3::skip_over(first, last, context);
		const std::string_view word = leading_word(first, last);
		const std::string_view found = word.empty() ? leading_symbol(first, last) : word;
		for (const Entry *entry = begin_; entry != end_; ++entry)
			if (equal_ignoring_case(found, entry->first)) {
				first += found.size();
				x3::traits::move_to(Value(entry->second), attribute);
				return true;
			}
		return false;
	}
};

// Consumes nothing (but blanks) and gives the place.
struct Here : x3::parser<Here> {
	using attribute_type = std::size_t;
	[[maybe_unused]] static constexpr bool has_attribute = true;

	template <class Context, class RuleContext, class Attribute>
	bool parse(Iterator &first, const Iterator &last, const Context &context, RuleContext &,
			   Attribute &attribute) const {
		x3::skip_over(first, last, context);
		x3::traits::move_to(static_cast<std::size_t>(first - x3::get<Begin>(context)), attribute);
		return true;
	}
};

struct Keyword : x3::parser<Keyword> {
	using attribute_type = x3::unused_type;
	static constexpr bool has_attribute = false;
	const char *word_;
	constexpr explicit Keyword(const char *word) : word_(word) {}

	template <class Context, class RuleContext, class Attribute>
	bool parse(Iterator &first, const Iterator &last, const Context &context, RuleContext &, Attribute &) const {
		x3::skip_over(first, last, context);
		const std::string_view found = leading_word(first, last);
		if (!equal_ignoring_case(found, word_))
			return false;
		first += found.size();
		return true;
	}
};

// A parser with a name for error messages: what an expectation point in front of it reports.
template <class Subject> struct Named : x3::unary_parser<Subject, Named<Subject>> {
	static constexpr bool is_pass_through_unary = true;
	static constexpr bool handles_container = Subject::handles_container;
	const char *name_;
	constexpr Named(const char *name, const Subject &inner)
		: x3::unary_parser<Subject, Named<Subject>>(inner), name_(name) {}

	template <class Context, class RuleContext, class Attribute>
	bool parse(Iterator &first, const Iterator &last, const Context &context, RuleContext &rule,
			   Attribute &attribute) const {
		return this->subject.parse(first, last, context, rule, attribute);
	}
};
template <class Parser> auto named(const char *name, const Parser &parser) {
	auto subject = x3::as_parser(parser);
	return Named<decltype(subject)>(name, subject);
}

} // namespace

} // namespace recsys::filter

// What an expectation point reports of a named parser, with a semantic action or without.
namespace boost::spirit::x3 {
template <class Subject> struct get_info<recsys::filter::Named<Subject>> {
	std::string operator()(const recsys::filter::Named<Subject> &parser) const { return parser.name_; }
};
template <class Subject, class Action> struct get_info<action<recsys::filter::Named<Subject>, Action>> {
	std::string operator()(const action<recsys::filter::Named<Subject>, Action> &parser) const {
		return parser.subject.name_;
	}
};
} // namespace boost::spirit::x3

namespace recsys::filter {

namespace {

constexpr std::array<std::pair<const char *, Action>, 2> kActions{
	{{"INCLUDE", Action::Include}, {"EXCLUDE", Action::Exclude}}};
constexpr std::array<std::pair<const char *, Target>, 3> kTargets{
	{{"ItemID", Target::Item}, {"UserID", Target::User}, {"ActionID", Target::Action}}};
constexpr std::array<std::pair<const char *, Relation>, 7> kRelations{
	{{"Interactions", Relation::Interactions},
	 {"Items", Relation::Items},
	 {"Users", Relation::Users},
	 {"Actions", Relation::Actions},
	 {"Action_Interactions", Relation::ActionInteractions},
	 {"CurrentUser", Relation::CurrentUser},
	 {"CurrentItem", Relation::CurrentItem}}};
constexpr std::array<std::pair<const char *, Relation>, 1> kCurrentItem{{{"CurrentItem", Relation::CurrentItem}}};
constexpr std::array<std::pair<const char *, Operator>, 6> kComparisons{{{"=", Operator::Equal},
																		 {"!=", Operator::NotEqual},
																		 {"<", Operator::Less},
																		 {"<=", Operator::LessEqual},
																		 {">", Operator::Greater},
																		 {">=", Operator::GreaterEqual}}};
constexpr std::array<std::pair<const char *, Operator>, 1> kIn{{{"IN", Operator::In}}},
	kNot{{{"NOT", Operator::NotIn}}};

// Only the six ASCII blanks; isspace() and friends would follow the locale.
const auto blank = x3::char_(" \t\n\r\f\v");
const auto word_character = x3::char_("A-Za-z0-9_");

const auto here = Here()[Set<&Located::at>()];

template <class Id, class Value, class Definition> auto define(const Definition &definition) {
	return x3::rule<Id, Value>{"rule"} = definition;
}

// ---- tokens

const auto name =
	define<struct NameRule, std::string>(x3::lexeme[x3::char_("A-Za-z_")[Push()] >> *word_character[Push()]]);

template <class Id, class Table> auto field_of(const Table &relations) {
	return define<Id, Field>(here >> relations[Set<&Field::relation>()] > named(expected::Dot, x3::lit('.')) >
							 named(expected::Name, name)[Set<&Field::name>()]);
}
const auto field = field_of<struct FieldRule>(OneOf<Relation>(kRelations));
const auto current_item = field_of<struct CurrentItemRule>(OneOf<Relation>(kCurrentItem));

const auto placeholder_name =
	define<struct PlaceholderNameRule, std::string>(x3::repeat(1, 50)[word_character[Push()]] >> !word_character);
const auto placeholder = define<struct PlaceholderRule, Placeholder>(
	here >> x3::lexeme['$' > named(expected::PlaceholderName, placeholder_name)[Set<&Placeholder::name>()]]);

template <class Id> auto quoted(char quote) {
	const auto escaped = '\\' > named(expected::Escape, x3::char_("\"'\\"))[Push()];
	return define<Id, std::string>(x3::lexeme[(x3::lit(quote) >> *(escaped | (x3::char_ - quote)[Push()])) >
											  named(expected::Quote, x3::lit(quote))]);
}
const auto text = define<struct TextRule, Text>(here >> (quoted<struct DoubleQuoted>('"')[Set<&Text::value>()] |
														 quoted<struct SingleQuoted>('\'')[Set<&Text::value>()]));

const auto digit = x3::char_("0-9");
const auto digits =
	define<struct DigitsRule, std::string>(-x3::char_('-')[Push()] >> +digit[Push()] >>
										   -(x3::char_('.')[Push()] >> +digit[Push()]) >> !(word_character | '.'));
const auto number = define<struct NumberRule, Number>(here >> x3::lexeme[digits[Set<&Number::digits>()]]);

// ---- conditions

template <class Id> auto texts(const char *next) {
	const Append<&TextList::values> append;
	return define<Id, TextList>(here >> text[append] >> *(',' > named(next, text)[append]));
}
const auto in_list = texts<struct InListRule>(expected::InNext);
const auto not_in_list = texts<struct NotInListRule>(expected::NotInValue);

const Set<&Condition::operand> set_operand;
const Set<&Condition::op> set_operator;

const auto close_list = named(expected::ListEnd, x3::lit(')'));
const auto in_values =
	(placeholder[set_operand] > named(expected::PlaceholderEnd, x3::lit(')'))) | (in_list[set_operand] > close_list);
const auto in_operand = current_item[set_operand] | ('(' > named(expected::InValue, in_values));
const auto not_in_operand =
	current_item[set_operand] | ('(' > named(expected::NotInValue, not_in_list)[set_operand] > close_list);
const auto plain_scalar = number[set_operand] | placeholder[set_operand];
const auto scalar = plain_scalar | text[set_operand] | current_item[set_operand] |
					('(' > named(expected::InnerScalar, plain_scalar) > named(expected::ScalarEnd, x3::lit(')')));
const auto test =
	(OneOf<Operator>(kIn)[set_operator] > named(expected::List, in_operand)) |
	(OneOf<Operator>(kNot)[set_operator] > named(expected::In, Keyword("IN")) > named(expected::List, not_in_operand)) |
	(OneOf<Operator>(kComparisons)[set_operator] > named(expected::Scalar, scalar));
const auto condition = define<struct ConditionRule, Condition>(named(expected::Field, field)[Set<&Condition::field>()] >
															   named(expected::Operator, test));

// ---- expressions

const auto conjunction = define<struct ConjunctionRule, Conjunction>(
	named(expected::Field, condition)[Push()] >> *(Keyword("AND") > named(expected::Field, condition)[Push()]));
const auto expression = define<struct ExpressionRule, Expression>(
	(here >> OneOf<Action>(kActions)[Set<&Expression::action>()]) >
	named(expected::Target, OneOf<Target>(kTargets))[Set<&Expression::target>()] >
	named(expected::Where, Keyword("WHERE")) > named(expected::Field, conjunction)[Append<&Expression::where>()] >
	*(Keyword("OR") > named(expected::Field, conjunction)[Append<&Expression::where>()]) >
	-(Keyword("IF") > named(expected::Field, conjunction)[Set<&Expression::only_if>()]));
const auto chain = define<struct ChainRule, Filter>(
	x3::eps > named(expected::Action, expression)[Append<&Filter::expressions>()] >
	*('|' > named(expected::Action, expression)[Append<&Filter::expressions>()]) > named(expected::End, x3::eoi));

void check_length(std::string_view written, std::size_t max_length) {
	const std::size_t length = count_characters(written);
	if (length > max_length)
		throw Error(sqlstate::InvalidFilter, "filter expression is too long",
					"It has " + std::to_string(length) + " characters; at most " + std::to_string(max_length) +
						" are allowed.",
					"Move lists of values into placeholders, such as Items.GENRE IN ($GENRES).");
}

} // namespace

Filter parse(std::string_view written, std::size_t max_length) {
	check_length(written, max_length);
	Filter filter;
	filter.text = written;
	const Iterator begin = filter.text.data(), end = begin + filter.text.size();
	Iterator at = begin;
	try {
		x3::phrase_parse(at, end, x3::with<Begin>(begin)[chain], blank, filter);
	} catch (const x3::expectation_failure<Iterator> &failure) {
		refuse_syntax(written, static_cast<std::size_t>(failure.where() - begin), failure.which());
	}
	return filter;
}

} // namespace recsys::filter
