// Each expression is an EXISTS over the rows that its conditions are about: then a missing row, a missing value and an
// unmet condition are all the same false, and the answer is never NULL. Operators and functions are named with their
// schema, so that a search_path cannot change their meaning; strings are compared under the collation "C", so that no
// collation can either.
#include "filter/compile.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/error.hpp"
#include "filter/parser.hpp"

namespace recsys::filter {

namespace {

constexpr const char *kRow = "f_row", *kCurrent = "f_current", *kC = " COLLATE pg_catalog.\"C\"";

std::string quote_identifier(const std::string &name) {
	std::string out = "\"";
	for (const char c : name)
		out += c == '"' ? std::string("\"\"") : std::string(1, c);
	return out + '"';
}

std::string operator_sql(const char *op) {
	return std::string(" OPERATOR(pg_catalog.") + op + ") ";
}
std::string operator_sql(Operator op) {
	return operator_sql(op == Operator::NotEqual ? "<>" : to_string(op));
}

const char *id_column(Target target) noexcept {
	constexpr const char *names[] = {"item_id", "user_id", "action_id"};
	return names[static_cast<int>(target)];
}

// ---- values

// The nearest double; numbers beyond its range become infinite, numbers too small become zero.
double to_double(const std::string &digits) {
	double value = 0;
	const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
	if (result.ec != std::errc::result_out_of_range)
		return value;
	const std::size_t first = digits.find_first_not_of("-0");
	const bool small = first == std::string::npos || digits[first] == '.';
	const double size = small ? 0.0 : std::numeric_limits<double>::infinity();
	return digits.starts_with('-') ? -size : size;
}

float to_float(double value) {
	constexpr float kMost = std::numeric_limits<float>::max(), kInfinity = std::numeric_limits<float>::infinity();
	return value > kMost ? kInfinity : value < -kMost ? -kInfinity : static_cast<float>(value);
}

// to_timestamp() fails outside PostgreSQL's range of times but knows infinity.
double to_epoch(double seconds) {
	constexpr double kFirst = -210866803200.0, kEnd = 9224318016000.0; // 4713 BC, 294277 AD
	const double infinity = std::numeric_limits<double>::infinity();
	return seconds < kFirst ? -infinity : seconds >= kEnd ? infinity : seconds;
}

std::optional<std::int64_t> to_integer(std::string_view digits) {
	std::int64_t number = 0;
	const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
	const bool whole = result.ec == std::errc() && result.ptr == digits.data() + digits.size();
	return whole ? std::optional(number) : std::nullopt;
}

ParameterValue number_value(ParameterType type, const std::string &digits) {
	switch (type) {
	case ParameterType::Bigint:
		return to_integer(digits).value();
	case ParameterType::Real:
		return to_float(to_double(digits));
	case ParameterType::Double:
		return to_double(digits);
	case ParameterType::Epoch:
		return to_epoch(to_double(digits));
	default:
		return digits;
	}
}

// Ids that are no strings are compared in their output form; "007" asks for 7, and upper case for the same uuid.
std::string normalized(ColumnType column, std::string value) {
	if (column == ColumnType::Integer) {
		const std::optional<std::int64_t> number = to_integer(value);
		return number ? std::to_string(*number) : value;
	}
	if (column == ColumnType::Uuid)
		std::transform(value.begin(), value.end(), value.begin(),
					   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
	return value;
}

ParameterType number_type(ColumnType column) noexcept {
	switch (column) {
	case ColumnType::Real:
		return ParameterType::Real;
	case ColumnType::Double:
		return ParameterType::Double;
	case ColumnType::Timestamp:
		return ParameterType::Epoch;
	default:
		return ParameterType::Bigint;
	}
}

Parameter string_parameter(const Operand &operand, ColumnType column, bool one_string) {
	Parameter out{ParameterType::TextArray, {}, {}, column, one_string};
	std::vector<std::string> strings;
	if (const auto *placeholder = std::get_if<Placeholder>(&operand))
		out.placeholder = placeholder->name;
	else if (const auto *text = std::get_if<Text>(&operand))
		strings.push_back(normalized(column, text->value));
	else
		for (const Text &value : std::get<TextList>(operand).values)
			strings.push_back(normalized(column, value.value));
	out.literal = std::move(strings);
	return out;
}

// Integers are compared as such, which is cheap and can use an index; with 0.5 or 20 digits, as numeric.
Parameter number_parameter(const Operand &operand, ColumnType column, const std::set<std::string> &fractions) {
	Parameter out{number_type(column), {}, {}, column, false};
	const auto be_numeric_if = [&](bool fraction) {
		if (fraction && out.type == ParameterType::Bigint)
			out.type = ParameterType::Numeric;
	};
	if (const auto *placeholder = std::get_if<Placeholder>(&operand)) {
		out.placeholder = placeholder->name;
		be_numeric_if(fractions.contains(placeholder->name));
		return out;
	}
	if (const auto *text = std::get_if<Text>(&operand)) { // only times may be texts here, and check has parsed it
		out.literal = to_epoch(parse_time(text->value).value_or(0));
		return out;
	}
	const std::string &digits = std::get<Number>(operand).digits;
	be_numeric_if(!to_integer(digits));
	out.literal = number_value(out.type, digits);
	return out;
}

// ---- SQL of a column

std::string column_sql(const std::string &alias, const Column &column) {
	return alias + "." + quote_identifier(column.name);
}

std::string text_sql(const std::string &alias, const Column &column) {
	const std::string sql = column_sql(alias, column);
	return column.type == ColumnType::Text ? sql : "CAST(" + sql + " AS pg_catalog.text)";
}

// The values of a field as text[].
std::string values_sql(const std::string &alias, const Column &column) {
	if (column.type == ColumnType::TextArray)
		return column_sql(alias, column);
	if (is_multi_valued(column))
		return "pg_catalog.string_to_array(" + column_sql(alias, column) + ", '|')";
	return "ARRAY[" + text_sql(alias, column) + "]";
}

// Event types are compared without case; those of actions are spelled NOT_TAKEN and Not taken alike.
std::string folded(Relation relation, const std::string &text) {
	const std::string lower = "pg_catalog.lower(" + text + ")";
	return relation == Relation::ActionInteractions ? "pg_catalog.replace(" + lower + ", '_', ' ')" : lower;
}

class Compiler {
public:
	Compiler(const Fields &fields, const Embedding &embedding) : fields_(fields), embedding_(embedding) {}

	SqlPredicate run(const Filter &filter) {
		std::string included, excluded, none_active;
		bool always_active = false; // some INCLUDE without IF
		for (const Expression &e : filter.expressions) {
			const std::string active = e.only_if.empty() ? "" : active_sql(e);
			const std::string set = active.empty() ? set_sql(e) : "(" + active + " AND " + set_sql(e) + ")";
			std::string &list = e.action == Action::Include ? included : excluded;
			list += (list.empty() ? "" : " OR ") + set;
			if (e.action == Action::Exclude)
				continue;
			always_active = always_active || active.empty();
			if (!active.empty())
				none_active += (none_active.empty() ? "NOT " : " AND NOT ") + active;
		}
		if (!included.empty() && !always_active)
			included += " OR (" + none_active + ")";
		std::string &sql = out_.sql;
		sql = included.empty() ? "" : "(" + included + ")";
		if (!excluded.empty())
			sql += std::string(sql.empty() ? "" : " AND ") + "NOT (" + excluded + ")";
		if (sql.empty())
			sql = "true";
		return std::move(out_);
	}

private:
	// The parameter's $n; equal placeholders and the request's ids are passed once.
	std::string parameter(Parameter wanted) {
		const bool literal = wanted.placeholder.empty() && !std::holds_alternative<std::monostate>(wanted.literal);
		auto &all = out_.parameters;
		auto found = all.end();
		if (!literal)
			found = std::find_if(all.begin(), all.end(), [&](const Parameter &p) {
				return p.type == wanted.type && p.placeholder == wanted.placeholder && p.column == wanted.column &&
					   p.one_string == wanted.one_string && !(p.placeholder.empty() && p.literal.index() != 0);
			});
		const std::size_t index = static_cast<std::size_t>(found - all.begin());
		if (found == all.end())
			all.push_back(std::move(wanted));
		return "$" + std::to_string(embedding_.first_parameter + index);
	}
	std::string request(ParameterType type) { return parameter({type, {}, {}, ColumnType::Text, false}); }

	// Whether a candidate belongs to the set S(e).
	std::string set_sql(const Expression &e) {
		const Relation relation = e.where.front().front().field.relation;
		const bool names_candidate = e.target != Target::Action || relation != Relation::Interactions;
		if (embedding_.form == Form::Joined && names_candidate) {
			const bool own = embedding_.candidates_are_rows && relation == own_relation(e.target);
			return own && is_about_columns(e, relation) ? own_sql(e, relation) : joined_sql(e, relation);
		}
		WantedRows rows{relation, {}, request_condition(e.target, relation), {}};
		if (names_candidate)
			rows.of_candidate = is_candidate("{" + std::string(id_column(e.target)) + "}", e.target);
		return "EXISTS (SELECT 1" + matching_rows_sql(e, relation, std::move(rows)) + ")";
	}

	static Relation own_relation(Target target) noexcept {
		return target == Target::Item ? Relation::Items : target == Target::User ? Relation::Users : Relation::Actions;
	}

	// A candidate has an id with and without a row: that tells nothing of it.
	bool is_about_columns(const Expression &e, Relation relation) const {
		const std::vector<std::string> names = named_columns(e.where, relation);
		return !uses_current_item(e) && std::find(names.begin(), names.end(), id_column(e.target)) == names.end();
	}

	// The candidate's own row meets the conditions.
	std::string own_sql(const Expression &e, Relation relation) {
		for (const std::string &name : named_columns(e.where, relation))
			if (std::find(out_.columns.begin(), out_.columns.end(), name) == out_.columns.end())
				out_.columns.push_back(name);
		row_ = embedding_.candidate;
		const std::string sql = any_sql(e.where);
		row_ = kRow;
		return e.action == Action::Exclude ? "((" + sql + ") IS TRUE)" : "(" + sql + ")";
	}

	// Joins the ids that S(e) has, each once.
	std::string joined_sql(const Expression &e, Relation relation) {
		const std::string id = id_column(e.target), set = "f_set" + std::to_string(++sets_);
		out_.joins += " LEFT JOIN (SELECT DISTINCT " + std::string(kRow) + "." + id +
					  matching_rows_sql(e, relation, {relation, {id}, request_condition(e.target, relation), {}}) + ") AS " + set +
					  " ON " + is_candidate(set + "." + id, e.target);
		return set + "." + id + " IS NOT NULL";
	}

	// FROM the rows that the conditions are about WHERE they meet them.
	std::string matching_rows_sql(const Expression &e, Relation relation, WantedRows rows) {
		std::string sql = " FROM (" + rows_sql(std::move(rows), e.where, relation) + ") AS " + kRow;
		if (uses_current_item(e)) {
			const std::string is_item = "{item_id}" + operator_sql("=") + request(ParameterType::Item);
			sql += " LEFT JOIN (" + rows_sql({Relation::Items, {}, is_item, {}}, e.where, Relation::CurrentItem) + ") AS " +
				   kCurrent + " ON true";
		}
		return sql + " WHERE " + any_sql(e.where);
	}

	std::string any_sql(const std::vector<Conjunction> &where) {
		std::string sql;
		for (const Conjunction &all_of : where)
			sql += (sql.empty() ? "" : " OR ") + all_sql(all_of);
		return sql;
	}

	std::string is_candidate(const std::string &id, Target target) const {
		return id + operator_sql("=") + embedding_.candidate + "." + id_column(target);
	}

	// IF: the request's user has a row that meets the conditions.
	std::string active_sql(const Expression &e) {
		const std::string is_user = "{user_id}" + operator_sql("=") + request(ParameterType::User);
		return "EXISTS (SELECT 1 FROM (" + rows_sql({Relation::Users, {}, is_user, {}}, {e.only_if}, Relation::CurrentUser) +
			   ") AS " + kRow + " WHERE " + all_sql(e.only_if) + ")";
	}

	// Events count for the user who asks, except in a filter of users. Those of items name no action: in a filter of
	// actions they are a condition on the user alone.
	std::string request_condition(Target target, Relation relation) {
		const bool events = relation == Relation::Interactions || relation == Relation::ActionInteractions;
		if (!events || target == Target::User)
			return {};
		return "{user_id}" + operator_sql("=") + "ANY (" + request(ParameterType::Users) + ")";
	}

	// The rows with, beyond the columns asked for, those that the conditions name under `relation`.
	std::string rows_sql(WantedRows rows, const std::vector<Conjunction> &where, Relation relation) {
		for (const std::string &name : named_columns(where, relation))
			if (std::find(rows.columns.begin(), rows.columns.end(), name) == rows.columns.end())
				rows.columns.push_back(name);
		return embedding_.rows(rows);
	}

	std::vector<std::string> named_columns(const std::vector<Conjunction> &where, Relation relation) const {
		std::vector<std::string> names;
		const auto add = [&](const Field &field) {
			if (field.relation == relation)
				names.push_back(column(field).name);
		};
		for (const Conjunction &all_of : where)
			for (const Condition &c : all_of) {
				add(c.field);
				if (const Field *right = std::get_if<Field>(&c.operand))
					add(*right);
			}
		return names;
	}

	static bool uses_current_item(const Expression &e) {
		return std::any_of(e.where.begin(), e.where.end(), [](const Conjunction &all_of) {
			return std::any_of(all_of.begin(), all_of.end(),
							   [](const Condition &c) { return std::holds_alternative<Field>(c.operand); });
		});
	}

	const Column &column(const Field &field) const {
		const Column *found = fields_.find(field);
		if (found == nullptr)
			throw Error(sqlstate::InvalidFilter, "field " + print(field) + " does not exist");
		return *found;
	}

	std::string all_sql(const Conjunction &all_of) {
		std::string sql;
		for (const Condition &c : all_of)
			sql += (sql.empty() ? "" : " AND ") + condition_sql(c);
		return all_of.size() == 1 ? sql : "(" + sql + ")";
	}

	std::string condition_sql(const Condition &c) {
		const Column &left = column(c.field);
		const bool string = kind_of(left) == Kind::String;
		if (const Field *right = std::get_if<Field>(&c.operand)) {
			if (string)
				return values_sql(row_, left) + kC + operator_sql("&&") + values_sql(kCurrent, column(*right));
			return column_sql(row_, left) + operator_sql(c.op) + column_sql(kCurrent, column(*right));
		}
		if (is_event_type(c.field))
			return event_type_sql(c, left);
		if (string)
			return string_sql(c, left);
		const std::string value = parameter(number_parameter(c.operand, left.type, embedding_.fractions));
		return column_sql(row_, left) + operator_sql(c.op) +
			   (left.type == ColumnType::Timestamp ? "pg_catalog.to_timestamp(" + value + ")" : value);
	}

	std::string event_type_sql(const Condition &c, const Column &left) {
		if (is_any_event(c))
			return "true";
		const std::string list = parameter(string_parameter(c.operand, ColumnType::Text, false));
		return folded(c.field.relation, column_sql(row_, left)) +
			   (c.op == Operator::In ? operator_sql("=") + "ANY" : operator_sql("<>") + "ALL") + " (ARRAY(SELECT " +
			   folded(c.field.relation, "f_value.v") + " FROM pg_catalog.unnest(" + list + ") AS f_value (v)))";
	}

	// = and != on strings are IN and NOT IN with one value.
	std::string string_sql(const Condition &c, const Column &left) {
		const bool negated = c.op == Operator::NotIn || c.op == Operator::NotEqual;
		const bool one_string = c.op == Operator::Equal || c.op == Operator::NotEqual;
		const std::string list = parameter(string_parameter(c.operand, left.type, one_string));
		if (is_multi_valued(left))
			return (negated ? "NOT " : "") + values_sql(row_, left) + kC + operator_sql("&&") + list;
		return text_sql(row_, left) + kC + (negated ? operator_sql("<>") + "ALL" : operator_sql("=") + "ANY") + " (" +
			   list + ")";
	}

	const Fields &fields_;
	const Embedding &embedding_;
	SqlPredicate out_;
	std::string row_ = kRow; // what conditions are about
	std::size_t sets_ = 0;
};

ParameterValue bound_strings(const Parameter &p, const std::string &value) {
	std::vector<std::string> strings =
		p.one_string ? std::vector{parse_string(p.placeholder, value)} : parse_list(p.placeholder, value);
	for (std::string &s : strings)
		s = normalized(p.column, std::move(s));
	return strings;
}

ParameterValue bound_epoch(const Parameter &p, const std::string &value) {
	const std::variant<std::string, double> moment = parse_moment(p.placeholder, value);
	if (const double *seconds = std::get_if<double>(&moment))
		return to_epoch(*seconds);
	return number_value(p.type, std::get<std::string>(moment));
}

} // namespace

const char *sql_type(ParameterType type) noexcept {
	constexpr const char *names[] = {"text[]",           "bigint", "numeric", "real", "double precision",
									 "double precision", "",       "",        ""};
	return names[static_cast<int>(type)];
}

SqlPredicate compile(const Filter &filter, const Fields &fields, const Embedding &embedding) {
	check(filter, fields);
	return Compiler(fields, embedding).run(filter);
}

std::set<std::string> fractions_of(const std::vector<Parameter> &parameters, const Values &values) {
	std::set<std::string> out;
	for (const Parameter &p : parameters) {
		const auto value = p.type == ParameterType::Bigint ? values.find(p.placeholder) : values.end();
		if (value != values.end() && !to_integer(parse_number(p.placeholder, value->second)))
			out.insert(p.placeholder);
	}
	return out;
}

std::vector<ParameterValue> bind_values(const std::vector<Parameter> &parameters, const Values &values) {
	std::vector<ParameterValue> out;
	for (const Parameter &p : parameters) {
		if (p.placeholder.empty()) {
			out.push_back(p.literal);
			continue;
		}
		const auto value = values.find(p.placeholder);
		if (value == values.end())
			throw Error(sqlstate::InvalidParameter, "placeholder $" + p.placeholder + " has no value");
		if (p.type == ParameterType::TextArray)
			out.push_back(bound_strings(p, value->second));
		else if (p.type == ParameterType::Epoch)
			out.push_back(bound_epoch(p, value->second));
		else
			out.push_back(number_value(p.type, parse_number(p.placeholder, value->second)));
	}
	return out;
}

} // namespace recsys::filter
