// Random filters that meet all rules, over the fields of shop.hpp and few enough values that conditions are often met.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "filter/ast.hpp"

namespace recsys::filter {

class RandomFilter {
public:
	RandomFilter(std::uint64_t seed, bool strange_strings) : rng_(seed), strange_(strange_strings) {}

	Filter filter() {
		Filter out;
		const Target target = static_cast<Target>(rng_.below(3));
		for (std::size_t n = 1 + rng_.below(4); n > 0; --n)
			out.expressions.push_back(expression(target));
		return out;
	}

	/// A value text for a placeholder, made as its name says: see placeholder().
	std::string value(const std::string &placeholder) {
		if (placeholder.starts_with("LIST"))
			return "\"" + word() + "\", \"" + word() + "\"";
		if (placeholder.starts_with("TEXT"))
			return rng_.below(2) == 0 ? word() : "\"" + word() + "\"";
		if (placeholder.starts_with("TIME") && rng_.below(2) == 0)
			return "1970-01-01T00:00:0" + std::to_string(rng_.below(4));
		return digits();
	}

private:
	template <std::size_t n> std::string one_of(const std::array<const char *, n> &names) {
		return names[rng_.below(n)];
	}

	// The name tells what the value has to be, so that values can be made up later.
	Placeholder placeholder(const char *kind) {
		Placeholder out;
		out.name = kind + std::to_string(rng_.below(3));
		return out;
	}

	std::string word() {
		return one_of(std::array{"a", "b", "c", "A", "click", "Click", "00000000-0000-0000-0000-00000000000a", "7"});
	}
	Text text() {
		Text out;
		out.value = word();
		if (strange_ && rng_.below(3) == 0)
			for (std::size_t n = rng_.below(6); n > 0; --n)
				out.value += one_of(std::array{"\"", "\\", "'", "|", "\xC3\xA4", "\n", "$x", " IF ", ","});
		return out;
	}
	TextList list() {
		TextList out;
		for (std::size_t n = 1 + rng_.below(3); n > 0; --n)
			out.values.push_back(text());
		return out;
	}
	std::string digits() {
		const std::string whole = (rng_.below(4) == 0 ? "-" : "") + std::to_string(rng_.below(4));
		return rng_.below(4) == 0 ? whole + ".5" : whole;
	}
	Number number() {
		Number out;
		out.digits = digits();
		return out;
	}
	Operator comparison() { return static_cast<Operator>(2 + rng_.below(6)); }

	Condition string_condition(Field field) {
		Condition out{std::move(field), Operator::In, list()};
		switch (rng_.below(5)) {
		case 0:
			out.operand = placeholder("LIST");
			break;
		case 1:
			out.op = Operator::NotIn;
			break;
		case 2:
			out.op = rng_.below(2) == 0 ? Operator::Equal : Operator::NotEqual;
			out.operand = text();
			break;
		case 3:
			out.op = rng_.below(2) == 0 ? Operator::Equal : Operator::NotEqual;
			out.operand = placeholder("TEXT");
			break;
		default:
			break;
		}
		return out;
	}

	Condition number_condition(Field field, const char *kind) {
		if (rng_.below(3) == 0)
			return {std::move(field), comparison(), placeholder(kind)};
		return {std::move(field), comparison(), number()};
	}

	Condition event_condition(Relation relation) {
		Field type{{}, relation, rng_.below(2) == 0 ? "EVENT_TYPE" : "event_type"};
		if (rng_.below(4) == 0)
			return number_condition({{}, relation, "timestamp"}, "TIME");
		if (rng_.below(4) == 0) {
			Text star;
			star.value = "*";
			TextList any;
			any.values.push_back(star);
			return {type, Operator::In, any};
		}
		Condition out{type, rng_.below(3) == 0 ? Operator::NotIn : Operator::In, list()};
		if (out.op == Operator::In && rng_.below(2) == 0)
			out.operand = placeholder("LIST");
		return out;
	}

	Condition item_condition() {
		const bool current = rng_.below(5) == 0;
		if (rng_.below(2) == 0) {
			const std::array names{"genre", "GENRE", "tags", "name_plain", "token", "item_id"};
			const Field field{{}, Relation::Items, one_of(names)};
			if (current)
				return {field, Operator::In, Field{{}, Relation::CurrentItem, one_of(names)}};
			return string_condition(field);
		}
		if (rng_.below(4) == 0) {
			const Field field{{}, Relation::Items, "creation_timestamp"};
			return current ? Condition{field, comparison(), Field{{}, Relation::CurrentItem, "creation_timestamp"}}
						   : number_condition(field, "TIME");
		}
		const std::array names{"price", "weight", "year"};
		const Field field{{}, Relation::Items, one_of(names)};
		return current ? Condition{field, comparison(), Field{{}, Relation::CurrentItem, one_of(names)}}
					   : number_condition(field, "NUMBER");
	}

	Condition user_condition(Relation relation) {
		if (rng_.below(2) == 0)
			return string_condition({{}, relation, one_of(std::array{"country", "membership", "user_id"})});
		return number_condition({{}, relation, "AGE"}, "NUMBER");
	}

	Condition action_condition() {
		if (rng_.below(2) == 0)
			return string_condition({{}, Relation::Actions, one_of(std::array{"membership_level", "action_id"})});
		return number_condition({{}, Relation::Actions, "value"}, "NUMBER");
	}

	Condition condition(Relation relation) {
		switch (relation) {
		case Relation::Items:
			return item_condition();
		case Relation::Actions:
			return action_condition();
		case Relation::Users:
		case Relation::CurrentUser:
			return user_condition(relation);
		default:
			return event_condition(relation);
		}
	}

	Conjunction conjunction(Relation relation) {
		Conjunction out;
		for (std::size_t n = 1 + rng_.below(2); n > 0; --n)
			out.push_back(condition(relation));
		return out;
	}

	Expression expression(Target target) {
		static constexpr Relation relations[3][3] = {
			{Relation::Items, Relation::Items, Relation::Interactions},
			{Relation::Users, Relation::Users, Relation::Interactions},
			{Relation::Actions, Relation::ActionInteractions, Relation::Interactions}};
		const Relation relation = relations[static_cast<int>(target)][rng_.below(3)];
		Expression out;
		out.action = rng_.below(2) == 0 ? Action::Include : Action::Exclude;
		out.target = target;
		for (std::size_t n = 1 + rng_.below(3); n > 0; --n)
			out.where.push_back(conjunction(relation));
		if (target != Target::User && rng_.below(3) == 0)
			out.only_if = conjunction(Relation::CurrentUser);
		return out;
	}

	Rng rng_;
	bool strange_;
};

} // namespace recsys::filter
