// A dataset group for the tests of filters: one field of every kind, and the fields that the examples name.
#pragma once

#include "filter/check.hpp"

namespace recsys::filter {

inline Fields shop_fields() {
	const auto list = [](std::initializer_list<const char *> names, ColumnType type, Role role) {
		std::vector<Column> columns;
		for (const char *name : names)
			columns.push_back({name, type, role});
		return columns;
	};
	using enum ColumnType;
	Fields fields;
	fields.add(Relation::Items, {{"item_id", Text, Role::Id}, {"creation_timestamp", Timestamp, Role::Numeric}});
	fields.add(Relation::Items, list({"a", "category", "category_l1", "category_l2", "genre", "brand", "owner",
									  "allowed_countries", "available", "promoted"},
									 Text, Role::Categorical));
	fields.add(Relation::Items, list({"name_plain"}, Text, Role::Stored));
	fields.add(Relation::Items, list({"tags"}, TextArray, Role::Categorical));
	fields.add(Relation::Items, list({"token"}, Uuid, Role::Stored));
	fields.add(Relation::Items, list({"price", "rating"}, Real, Role::Numeric));
	fields.add(Relation::Items, list({"weight"}, Double, Role::Numeric));
	fields.add(Relation::Items, list({"year", "out_of_stock", "b", "c"}, Integer, Role::Numeric));
	fields.add(Relation::Items, list({"product_description"}, Text, Role::Textual));
	fields.add(Relation::Items, list({"adult"}, Boolean, Role::Categorical));
	for (const char *name : {"f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11"})
		fields.add(Relation::Items, {{name, Text, Role::Stored}});
	fields.add(Relation::Users, {{"user_id", Integer, Role::Id}});
	fields.add(Relation::Users, list({"country", "membership_status", "membership"}, Text, Role::Categorical));
	fields.add(Relation::Users, list({"age", "opt_out", "b", "c"}, Integer, Role::Numeric));
	fields.add(Relation::Actions, {{"action_id", Text, Role::Id},
								   {"value", Integer, Role::Numeric},
								   {"repeat_frequency", Integer, Role::Numeric},
								   {"expiration_timestamp", Timestamp, Role::Numeric}});
	fields.add(Relation::Actions, list({"membership_level", "type"}, Text, Role::Categorical));
	const auto events = list({"event_type", "device"}, Text, Role::Stored);
	for (const Relation relation : {Relation::Interactions, Relation::ActionInteractions}) {
		fields.add(relation, events);
		fields.add(relation, {{"timestamp", Timestamp, Role::Numeric}});
	}
	fields.add(Relation::Interactions, {{"event_value", Double, Role::Numeric}});
	return fields;
}

} // namespace recsys::filter
