// A filter expression as a tree: what the text says, with the place of each piece for messages.
//
//   INCLUDE ItemID WHERE Items.GENRE IN ($GENRE) AND Items.PRICE < 10 IF CurrentUser.AGE > 18 | EXCLUDE ItemID WHERE …
//
// The language has no parentheses for grouping and AND binds tighter than OR, so the conditions before IF are an OR of
// ANDs and need no recursive tree. Everything that stands on a left-hand side is a Field, CurrentUser and CurrentItem
// included: which of them may stand where is a matter of the rules (check.hpp), whose messages are better than a
// grammar's.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace recsys::filter {

enum class Action { Include, Exclude };
enum class Target { Item, User, Action };
enum class Relation { Interactions, Items, Users, Actions, ActionInteractions, CurrentUser, CurrentItem };
enum class Operator { In, NotIn, Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual };

/// Where a piece begins: bytes from the start of the text.
struct Located {
	std::size_t at = 0;
};

struct Field : Located {
	Relation relation = Relation::Items;
	std::string name; // as written; compared without case
};
struct Placeholder : Located {
	std::string name; // without "$"; case-sensitive
};
struct Text : Located {
	std::string value; // unescaped
};
struct Number : Located {
	std::string digits; // as written: -3, 1970, 0.5
};
struct TextList : Located {
	std::vector<Text> values; // never empty
};

/// In: TextList, Placeholder, or Field (of CurrentItem). NotIn: TextList, or Field (which the rules refuse).
/// Comparisons: Number, Text, Placeholder, Field.
using Operand = std::variant<TextList, Placeholder, Field, Number, Text>;

struct Condition {
	Field field;
	Operator op = Operator::In;
	Operand operand;
};
using Conjunction = std::vector<Condition>; // AND

struct Expression : Located {
	Action action = Action::Include;
	Target target = Target::Item;
	std::vector<Conjunction> where; // OR of ANDs
	Conjunction only_if;            // IF; empty = always
};

struct Filter {
	std::vector<Expression> expressions; // chained by |
	std::string text;                    // what the places point into; empty for a tree that was not parsed
};

/// "Items", "CurrentUser" …, ">=", "NOT IN" …, "ItemID" …: the canonical spelling.
const char *to_string(Relation relation) noexcept;
const char *to_string(Operator op) noexcept;
const char *to_string(Target target) noexcept;

/// Calls f for every condition, those after IF included.
template <class F> void for_each_condition(const Filter &filter, F &&f) {
	for (const Expression &e : filter.expressions) {
		for (const Conjunction &all_of : e.where)
			for (const Condition &c : all_of)
				f(c);
		for (const Condition &c : e.only_if)
			f(c);
	}
}

} // namespace recsys::filter
