// The rules, from the shape of an expression (which dataset for which target) down to the operator of a condition.
#include "filter/check.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "filter/diagnosis.hpp"
#include "filter/parser.hpp"
#include "filter/values.hpp"

namespace recsys::filter {

namespace {

constexpr std::size_t kMaxFields = 10, kMaxGroupFields = 20, kMaxPlaceholders = 25;

bool is_interactions(Relation relation) noexcept {
	return relation == Relation::Interactions || relation == Relation::ActionInteractions;
}
bool is_comparison(Operator op) noexcept {
	return op != Operator::In && op != Operator::NotIn;
}
bool is_equality(Operator op) noexcept {
	return op == Operator::Equal || op == Operator::NotEqual;
}

std::string lower_case(std::string_view text) {
	std::string out(text);
	for (char &c : out)
		c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
	return out;
}

const char *describe(Kind kind) noexcept {
	constexpr const char *names[] = {"a string", "a number", "a timestamp", "boolean", "textual"};
	return names[static_cast<int>(kind)];
}

bool may_filter(Target target, Relation relation) noexcept {
	switch (target) {
	case Target::Item:
		return relation == Relation::Items || relation == Relation::Interactions;
	case Target::User:
		return relation == Relation::Users || relation == Relation::Interactions;
	case Target::Action:
		return relation == Relation::Actions || is_interactions(relation);
	}
	return false;
}

const char *datasets_of(Target target) noexcept {
	constexpr const char *names[] = {"a field of Items or Interactions", "a field of Users or Interactions",
									 "a field of Actions, Action_Interactions or Interactions"};
	return names[static_cast<int>(target)];
}

std::size_t place_of(const Operand &operand) {
	return std::visit([](const auto &o) { return o.at; }, operand);
}

class Checker {
public:
	Checker(const Filter &filter, const Fields &fields, const CheckOptions &options)
		: filter_(filter), fields_(fields), options_(options) {}

	void run() const {
		for (const Expression &e : filter_.expressions) {
			check_target(e);
			for (const Conjunction &all_of : e.where)
				for (const Condition &c : all_of)
					check_where(e, c);
			for (const Condition &c : e.only_if)
				check_if(e, c);
		}
		if (options_.service_limits)
			check_limits();
	}

private:
	[[noreturn]] void fail(std::size_t at, std::string message, std::string expected, std::string hint) const {
		refuse(filter_.text, {at, std::move(message), std::move(expected), std::move(hint)});
	}

	void check_target(const Expression &e) const {
		if (e.target != filter_.expressions.front().target)
			fail(e.at, "all expressions of a filter must have the same target",
				 std::string("an expression about ") + to_string(filter_.expressions.front().target),
				 "Make one filter for each target.");
	}

	void check_where(const Expression &e, const Condition &c) const {
		const Field &field = c.field;
		if (field.relation == Relation::CurrentUser)
			fail(field.at, "CurrentUser may stand only after IF", datasets_of(e.target),
				 "Write, for example, EXCLUDE ItemID WHERE Items.ADULT = 1 IF CurrentUser.AGE < 18.");
		if (field.relation == Relation::CurrentItem)
			fail(field.at, "CurrentItem may stand only on the right-hand side", datasets_of(e.target),
				 "Write, for example, Items.PRICE < CurrentItem.PRICE.");
		if (!may_filter(e.target, field.relation))
			refuse_dataset(e, field);
		const Relation first = e.where.front().front().field.relation;
		if (field.relation != first)
			fail(field.at, "all conditions before IF must be about the same dataset",
				 std::string("a field of ") + to_string(first),
				 "Chain two expressions with \"|\", such as INCLUDE ItemID WHERE Items.PRICE < 10 | EXCLUDE ItemID "
				 "WHERE "
				 "Interactions.EVENT_TYPE IN (\"Purchase\").");
		check_condition(e, c);
	}

	[[noreturn]] void refuse_dataset(const Expression &e, const Field &field) const {
		const std::string message =
			std::string("dataset ") + to_string(field.relation) + " cannot filter " + to_string(e.target);
		const bool user = field.relation == Relation::Users;
		fail(field.at, message, datasets_of(e.target),
			 user ? "Write CurrentUser after IF for the user who asks: EXCLUDE ItemID WHERE Items.ADULT = 1 IF "
					"CurrentUser.AGE < 18."
				  : "ItemID goes with Items, UserID with Users, ActionID with Actions; Interactions go with all.");
	}

	void check_if(const Expression &e, const Condition &c) const {
		if (c.field.relation != Relation::CurrentUser)
			fail(c.field.at, "conditions after IF must be about CurrentUser", "a field of CurrentUser",
				 "Write conditions on candidates before IF, such as EXCLUDE ItemID WHERE Items.ADULT = 1 IF "
				 "CurrentUser.AGE < 18.");
		if (e.target == Target::User)
			fail(c.field.at, "IF cannot be used with UserID", "an expression without IF",
				 "There is no current user when users are looked for; write Users.AGE < 18 as a condition.");
		check_condition(e, c);
	}

	void check_condition(const Expression &e, const Condition &c) const {
		if (is_interactions(c.field.relation))
			check_event_field(c.field);
		const Column &column = find(c.field);
		const Kind kind = check_kind(c.field, column);
		if (is_event_type(c.field))
			check_event_type(c);
		else
			check_star(c);
		if (const Field *right = std::get_if<Field>(&c.operand))
			check_current_item(e, c, kind, *right);
		else
			check_operator(c, kind);
	}

	// Interactions and action interactions: EVENT_TYPE, and beyond the service TIMESTAMP.
	void check_event_field(const Field &field) const {
		const bool time = equal_ignoring_case(field.name, "TIMESTAMP") && !options_.service_limits;
		if (is_event_type(field) || time)
			return;
		const std::string dataset = to_string(field.relation);
		fail(field.at, "field " + print(field) + " cannot be filtered",
			 dataset + ".EVENT_TYPE" + (options_.service_limits ? "" : " or " + dataset + ".TIMESTAMP"),
			 "Of interactions, only the type of event can be a condition, such as EXCLUDE ItemID WHERE "
			 "Interactions.EVENT_TYPE IN (\"Purchase\").");
	}

	const Column &find(const Field &field) const {
		const std::string dataset = to_string(dataset_of(field.relation));
		if (!fields_.has(field.relation))
			fail(field.at, "dataset group has no dataset " + dataset, "a field of a dataset that exists",
				 "Create the dataset by create_dataset first.");
		const Column *column = fields_.find(field);
		if (column == nullptr)
			fail(field.at, "dataset " + dataset + " has no field \"" + field.name + "\"", "a field of " + dataset,
				 "The dataset's fields are shown by describe_dataset.");
		return *column;
	}

	Kind check_kind(const Field &field, const Column &column) const {
		const Kind kind = kind_of(column);
		const std::string message = "field " + print(field) + " cannot be filtered, since it is " + describe(kind);
		if (kind == Kind::Boolean)
			fail(field.at, message, "a string, number or timestamp field",
				 "Keep \"True\" and \"False\" in a string field, or 0 and 1 in a number field.");
		if (kind == Kind::Textual)
			fail(field.at, message, "a string, number or timestamp field",
				 "Keep what to filter by in a string field of its own.");
		const bool kept = equal_ignoring_case(field.name, "EXPIRATION_TIMESTAMP") ||
						  equal_ignoring_case(field.name, "ACTION_EXPIRATION_TIMESTAMP") ||
						  equal_ignoring_case(field.name, "REPEAT_FREQUENCY");
		if (field.relation == Relation::Actions && kept)
			fail(field.at, "field " + print(field) + " cannot be filtered", "another field of Actions",
				 "Expired actions and those inside their repeat frequency are left out of every answer already.");
		return kind;
	}

	void check_event_type(const Condition &c) const {
		if (is_comparison(c.op))
			fail(c.field.at, std::string("operator ") + to_string(c.op) + " cannot be used with " + print(c.field),
				 "IN or NOT IN after it", "Write, for example, Interactions.EVENT_TYPE IN (\"Purchase\").");
		const TextList *list = std::get_if<TextList>(&c.operand);
		if (list == nullptr || is_any_event(c))
			return;
		for (const Text &text : list->values)
			if (text.value == "*")
				fail(text.at, "\"*\" must stand alone after IN", "the name of an event type",
					 "IN (\"*\") means any event; exchange INCLUDE and EXCLUDE for none.");
	}

	void check_star(const Condition &c) const {
		if (const TextList *list = std::get_if<TextList>(&c.operand))
			for (const Text &text : list->values)
				if (text.value == "*")
					fail(text.at, "\"*\" can be used with EVENT_TYPE only", "a value of " + print(c.field),
						 "Strings are compared whole; name the values, such as IN (\"Drama\", \"Comedy\").");
	}

	void check_current_item(const Expression &e, const Condition &c, Kind kind, const Field &right) const {
		if (c.field.relation != Relation::Items || e.target != Target::Item)
			fail(right.at, "CurrentItem can be compared with fields of Items only", "a value",
				 "Write, for example, INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE.");
		if (c.op == Operator::NotIn)
			fail(right.at, "CurrentItem is not allowed with NOT IN", "a list of strings",
				 "Exchange INCLUDE and EXCLUDE and use IN: EXCLUDE ItemID WHERE Items.GENRE IN CurrentItem.GENRE.");
		const Kind other = check_kind(right, find(right));
		if (kind != other)
			fail(right.at, "field " + print(right) + " cannot be compared with " + print(c.field),
				 std::string("a field of CurrentItem that is ") + describe(kind), "Compare fields of the same type.");
		if ((kind == Kind::String) != (c.op == Operator::In))
			fail(c.field.at,
				 std::string("operator ") + to_string(c.op) + " cannot compare " + print(c.field) + " with CurrentItem",
				 kind == Kind::String ? "IN after it" : "a comparison after it",
				 "Write Items.GENRE IN CurrentItem.GENRE for strings, Items.PRICE < CurrentItem.PRICE for numbers.");
	}

	void check_operator(const Condition &c, Kind kind) const {
		const std::string op = to_string(c.op), field = print(c.field);
		const bool text = std::holds_alternative<Text>(c.operand), number = std::holds_alternative<Number>(c.operand);
		if (kind == Kind::String && is_comparison(c.op) && !is_equality(c.op))
			fail(c.field.at, "operator " + op + " cannot be used with the string field " + field, "a number field",
				 "Strings are compared by IN, NOT IN, = and !=.");
		if (kind == Kind::String && number)
			fail(place_of(c.operand), "string field " + field + " cannot be compared with a number", "a string",
				 "Write the value in double quotes.");
		if (kind != Kind::String && !is_comparison(c.op))
			fail(c.field.at, "operator " + op + " cannot be used with " + field + ", since it is " + describe(kind),
				 "a string field", "Numbers and timestamps are compared by =, !=, <, <=, > and >=.");
		if (kind == Kind::Number && text)
			fail(place_of(c.operand), "number field " + field + " cannot be compared with a string", "a number",
				 "Write the number without quotes.");
		if (kind == Kind::Timestamp && text)
			check_time(c, std::get<Text>(c.operand));
	}

	void check_time(const Condition &c, const Text &text) const;
	void check_limits() const;

	const Filter &filter_;
	const Fields &fields_;
	const CheckOptions &options_;
};

void Checker::check_time(const Condition &c, const Text &text) const {
	if (options_.service_limits)
		fail(text.at, "timestamp field " + print(c.field) + " cannot be compared with a string", "a number",
			 "Write seconds since 1970, such as 1700000000.");
	if (!parse_time(text.value))
		fail(text.at, "malformed time \"" + text.value + "\"", "seconds since 1970 or an ISO 8601 time",
			 "Write, for example, 1700000000 or \"2023-11-14T22:13:20Z\".");
}

void Checker::check_limits() const {
	const auto limit = [](const std::string &message, std::size_t found, std::size_t allowed) {
		if (found > allowed)
			throw Error(sqlstate::LimitExceeded, message,
						"There are " + std::to_string(found) + "; at most " + std::to_string(allowed) + " are allowed.",
						"Leave some out, or turn recsys.service_limits off.");
	};
	std::set<std::string> names = field_names(filter_);
	limit("too many different fields in a filter", names.size(), kMaxFields);
	names.insert(options_.fields_of_other_filters.begin(), options_.fields_of_other_filters.end());
	limit("too many different fields in the filters of a dataset group", names.size(), kMaxGroupFields);
	limit("too many placeholders in a filter", placeholder_names(filter_).size(), kMaxPlaceholders);
}

} // namespace

Kind kind_of(const Column &column) noexcept {
	if (column.role == Role::Id)
		return Kind::String;
	if (column.role == Role::Textual)
		return Kind::Textual;
	switch (column.type) {
	case ColumnType::Integer:
	case ColumnType::Real:
	case ColumnType::Double:
		return Kind::Number;
	case ColumnType::Timestamp:
		return Kind::Timestamp;
	case ColumnType::Boolean:
		return Kind::Boolean;
	default:
		return Kind::String;
	}
}

bool is_multi_valued(const Column &column) noexcept {
	return column.type == ColumnType::TextArray ||
		   (column.type == ColumnType::Text && column.role == Role::Categorical);
}

void Fields::add(Relation dataset, std::vector<Column> columns) {
	auto &all = datasets_[dataset];
	all.insert(all.end(), columns.begin(), columns.end());
}

bool Fields::has(Relation relation) const {
	return datasets_.count(dataset_of(relation)) != 0;
}

const Column *Fields::find(const Field &field) const {
	const auto dataset = datasets_.find(dataset_of(field.relation));
	if (dataset == datasets_.end())
		return nullptr;
	const auto column = std::find_if(dataset->second.begin(), dataset->second.end(),
									 [&](const Column &c) { return equal_ignoring_case(c.name, field.name); });
	return column == dataset->second.end() ? nullptr : &*column;
}

void check(const Filter &filter, const Fields &fields, const CheckOptions &options) {
	Checker(filter, fields, options).run();
}

Target target_of(const Filter &filter) {
	return filter.expressions.front().target;
}

bool uses(const Filter &filter, Relation relation) {
	bool found = false;
	for_each_condition(filter, [&](const Condition &c) {
		const Field *right = std::get_if<Field>(&c.operand);
		found = found || c.field.relation == relation || (right != nullptr && right->relation == relation);
	});
	return found;
}

std::set<std::string> field_names(const Filter &filter) {
	std::set<std::string> names;
	const auto add = [&](const Field &field) {
		names.insert(std::string(to_string(dataset_of(field.relation))) + "." + lower_case(field.name));
	};
	for_each_condition(filter, [&](const Condition &c) {
		add(c.field);
		if (const Field *right = std::get_if<Field>(&c.operand))
			add(*right);
	});
	return names;
}

std::set<std::string> placeholder_names(const Filter &filter) {
	std::set<std::string> names;
	for_each_condition(filter, [&](const Condition &c) {
		if (const Placeholder *p = std::get_if<Placeholder>(&c.operand))
			names.insert(p->name);
	});
	return names;
}

Relation dataset_of(Relation relation) noexcept {
	return relation == Relation::CurrentUser   ? Relation::Users
		   : relation == Relation::CurrentItem ? Relation::Items
											   : relation;
}

bool is_event_type(const Field &field) {
	return is_interactions(field.relation) && equal_ignoring_case(field.name, "EVENT_TYPE");
}

bool is_any_event(const Condition &condition) {
	const TextList *list = std::get_if<TextList>(&condition.operand);
	return is_event_type(condition.field) && condition.op == Operator::In && list != nullptr &&
		   list->values.size() == 1 && list->values.front().value == "*";
}

} // namespace recsys::filter
