// The rules that a filter expression must meet beyond its grammar, against the datasets of a group.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "filter/ast.hpp"

namespace recsys::filter {

/// How a column is stored; decides the SQL that compares it.
enum class ColumnType { Text, TextArray, Uuid, Integer, Real, Double, Timestamp, Boolean };

/// Categorical text may hold several values separated by "|". Ids are strings to the language, whatever their column.
enum class Role { Categorical, Numeric, Textual, Stored, Availability, Id };

struct Column {
	std::string name; // as the statement has to quote it
	ColumnType type = ColumnType::Text;
	Role role = Role::Stored;
};

/// What the language sees in a column.
enum class Kind { String, Number, Timestamp, Boolean, Textual };
Kind kind_of(const Column &column) noexcept;
/// Categorical text and text[]: a set of values.
bool is_multi_valued(const Column &column) noexcept;

/// The datasets of a group and their columns, the fixed ones (item_id, event_type, creation_timestamp …) included.
class Fields {
public:
	/// `dataset` is one of the five; CurrentUser and CurrentItem follow from Users and Items.
	void add(Relation dataset, std::vector<Column> columns);
	bool has(Relation relation) const;
	/// Ignores case. Null if there is no such dataset or column.
	const Column *find(const Field &field) const;

private:
	std::map<Relation, std::vector<Column>> datasets_;
};

struct CheckOptions {
	/// The service's own limits: 10 different fields in a filter, 20 in all filters of a group, 25 placeholders; and
	/// only what the service has: no Interactions.TIMESTAMP, no ISO times.
	bool service_limits = false;
	std::set<std::string> fields_of_other_filters; // field_names() of the group's other filters
};

/// Errors: RS005 with place and hint; RS003 for limits.
void check(const Filter &filter, const Fields &fields, const CheckOptions &options = {});

/// Of the first expression; all have the same one.
Target target_of(const Filter &filter);
/// Whether a condition names a field of `relation`, on either side. CurrentItem restricts a filter to related items;
/// Interactions in a filter of users cannot be used for item attribute affinity.
bool uses(const Filter &filter, Relation relation);
/// The different fields, as "Items.price" in lower case; CurrentUser's and CurrentItem's count as those of Users and
/// Items.
std::set<std::string> field_names(const Filter &filter);
/// The different placeholders, without "$".
std::set<std::string> placeholder_names(const Filter &filter);

/// The dataset behind a relation: Users for CurrentUser, Items for CurrentItem.
Relation dataset_of(Relation relation) noexcept;
/// EVENT_TYPE of Interactions or Action_Interactions, whose values are compared without case.
bool is_event_type(const Field &field);
/// IN ("*") on an event type: any event.
bool is_any_event(const Condition &condition);

} // namespace recsys::filter
