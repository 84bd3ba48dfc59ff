// The meaning of filters, as directly as it can be written: a second opinion on what compile() makes.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "filter/check.hpp"
#include "filter/values.hpp"

namespace recsys::filter {

using Cell =
	std::variant<std::monostate, std::vector<std::string>, double>; // missing, strings (one or several), number
using Row = std::map<std::string, Cell>;                            // by column name in lower case

struct World {
	std::map<Relation, std::vector<Row>> rows; // of the five datasets
	std::optional<std::string> user, item;     // of the request
};

class Interpreter {
public:
	Interpreter(const World &world, const Values &values) : world_(world), values_(values) {}

	bool evaluate(const Filter &filter, const std::string &candidate) const {
		bool any_include = false, included = false, excluded = false;
		for (const Expression &e : filter.expressions) {
			if (!is_active(e))
				continue;
			const bool member = is_member(e, candidate);
			any_include = any_include || e.action == Action::Include;
			included = included || (e.action == Action::Include && member);
			excluded = excluded || (e.action == Action::Exclude && member);
		}
		return (included || !any_include) && !excluded;
	}

private:
	static std::string lower(std::string text) {
		std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
		return text;
	}
	static std::string id(const Row &row, const char *column) {
		return std::get<std::vector<std::string>>(row.at(column)).front();
	}
	std::vector<const Row *> rows(Relation dataset, const char *column,
								  const std::optional<std::string> &wanted) const {
		std::vector<const Row *> out;
		if (const auto found = world_.rows.find(dataset); found != world_.rows.end() && wanted)
			for (const Row &row : found->second)
				if (id(row, column) == *wanted)
					out.push_back(&row);
		return out;
	}

	bool is_active(const Expression &e) const {
		if (e.only_if.empty())
			return true;
		for (const Row *row : rows(Relation::Users, "user_id", world_.user))
			if (meets_all(e.only_if, *row, nullptr))
				return true;
		return false;
	}

	bool is_member(const Expression &e, const std::string &candidate) const {
		const Relation relation = e.where[0][0].field.relation;
		const char *column = e.target == Target::Item ? "item_id" : e.target == Target::User ? "user_id" : "action_id";
		const bool events = relation == Relation::Interactions || relation == Relation::ActionInteractions;
		std::vector<const Row *> own;
		if (!events || e.target == Target::User)
			own = rows(relation, column, candidate);
		else
			for (const Row *row : rows(relation, "user_id", world_.user))
				if ((e.target == Target::Action && relation == Relation::Interactions) || id(*row, column) == candidate)
					own.push_back(row);
		const auto current = rows(Relation::Items, "item_id", world_.item);
		for (const Row *row : own)
			for (const Conjunction &all_of : e.where)
				if (meets_all(all_of, *row, current.empty() ? nullptr : current.front()))
					return true;
		return false;
	}

	bool meets_all(const Conjunction &all_of, const Row &row, const Row *current) const {
		return std::all_of(all_of.begin(), all_of.end(), [&](const Condition &c) { return meets(c, row, current); });
	}

	bool meets(const Condition &c, const Row &row, const Row *current) const {
		if (is_any_event(c))
			return true;
		const Cell &left = row.at(lower(c.field.name));
		if (const auto *strings = std::get_if<std::vector<std::string>>(&left))
			return meets_strings(c, *strings, current);
		if (const auto *number = std::get_if<double>(&left)) {
			const std::optional<double> right = right_number(c, current);
			return right && compare(c.op, *number, *right);
		}
		return false;
	}

	bool meets_strings(const Condition &c, std::vector<std::string> left, const Row *current) const {
		std::vector<std::string> right;
		if (const auto *list = std::get_if<TextList>(&c.operand))
			for (const Text &t : list->values)
				right.push_back(t.value);
		else if (const auto *text = std::get_if<Text>(&c.operand))
			right = {text->value};
		else if (const auto *p = std::get_if<Placeholder>(&c.operand))
			right = parse_list(p->name, values_.at(p->name));
		else if (current != nullptr) {
			const Cell &cell = current->at(lower(std::get<Field>(c.operand).name));
			if (!std::holds_alternative<std::monostate>(cell))
				right = std::get<std::vector<std::string>>(cell);
		}
		if (is_event_type(c.field))
			for (auto *side : {&left, &right})
				for (std::string &s : *side)
					s = lower(s);
		const bool common = std::any_of(left.begin(), left.end(), [&](const std::string &s) {
			return std::find(right.begin(), right.end(), s) != right.end();
		});
		return common != (c.op == Operator::NotIn || c.op == Operator::NotEqual);
	}

	std::optional<double> right_number(const Condition &c, const Row *current) const {
		if (const auto *number = std::get_if<Number>(&c.operand))
			return std::stod(number->digits);
		if (const auto *p = std::get_if<Placeholder>(&c.operand)) {
			const std::optional<double> time = parse_time(values_.at(p->name));
			return time ? *time : std::stod(parse_number(p->name, values_.at(p->name)));
		}
		if (current == nullptr)
			return {};
		const Cell &cell = current->at(lower(std::get<Field>(c.operand).name));
		return std::holds_alternative<double>(cell) ? std::optional(std::get<double>(cell)) : std::nullopt;
	}

	static bool compare(Operator op, double a, double b) {
		switch (op) {
		case Operator::Equal:
			return a == b;
		case Operator::NotEqual:
			return a != b;
		case Operator::Less:
			return a < b;
		case Operator::LessEqual:
			return a <= b;
		case Operator::Greater:
			return a > b;
		default:
			return a >= b;
		}
	}

	const World &world_;
	const Values &values_;
};

} // namespace recsys::filter
