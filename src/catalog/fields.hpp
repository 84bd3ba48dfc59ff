// Fields: what a dataset may, must and may not consist of.
//
// A dataset's fields are declared in one of three ways: by an Avro document (catalog/avro.hpp), by the short form
// {"genres": "categorical", "price": "float"}, or by the columns of a mapped relation. All three end here, so that the same
// rules hold and the same faults are told with the same words.
#pragma once

#include "catalog/catalog.hpp"

namespace recsys::catalog {

/// Where a declaration comes from: an Avro document must name the required fields and keep to the prescribed types to the
/// letter; the short form adds to fixed columns that are there anyway; a mapping must find them all in its source.
enum class Declaration { Avro, Short, Mapped };

struct DeclaredField {
	Field field;		 // name in lower case
	std::string spelled; // as the user wrote it, for messages
};

/// Fields that the service reserves for a dataset type of a domain ("" = custom).
struct FieldRule {
	const char *name; // upper case
	const char *type, *other_type;
	bool required, nullable;
	Role role;			// Stored for strings: must be neither categorical nor textual
	const char *column; // the fixed column that it fills; null: a column of its own
};
const FieldRule *field_rule(DatasetType type, std::string_view domain, std::string_view name); // ignores case

/// Checks the declared fields of a dataset and returns those that become columns beyond the fixed ones. Errors: 22023, 42701
/// (clash), 42622, 42602 (name), RS003 (quota), each naming the field.
std::vector<Field> check_fields(DatasetType type, std::string_view domain, const std::vector<DeclaredField> &declared,
								Declaration declaration);

/// The short form: a JSON object of name → type name, or {"type", "role", "nullable", "language", "text_null_fill"}. Types:
/// categorical, textual, string, float, double, int, long, boolean, timestamp.
std::vector<DeclaredField> parse_short_fields(DatasetType type, std::string_view domain, const Json &fields);

/// The id types that the short form gives to id columns, such as {"item_id": "long"}; removes them from `fields`.
struct IdTypes {
	Oid user = InvalidOid, item = InvalidOid; // item: also action; invalid = not given
};
IdTypes take_id_types(DatasetType type, Json &fields);

/// The text search configuration behind the language of a textual field. Chinese and Japanese need none: their characters are
/// paired when they are read, whatever the language. Errors: 42704.
Oid require_language(std::string_view field, const std::string &language);

/// The role a field of this type has unless told otherwise.
Role default_role(std::string_view type);
bool is_fixed_column(DatasetType type, std::string_view name);
/// Required by the domain though the column itself is optional, such as event_type of a shop.
bool domain_requires(DatasetType type, std::string_view domain, std::string_view column);

/// A domain in upper case; "" for none. Errors: 22023.
std::string check_domain(const std::optional<std::string> &domain);
std::string lower_case(std::string_view s);
/// A jsonb argument. Errors: 22023 for what jsonb can hold and C++ cannot, such as 1e400.
Json parse_json(const std::string &text, const char *argument);

} // namespace recsys::catalog
