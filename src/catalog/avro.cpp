#include "catalog/avro.hpp"

#include <algorithm>
#include <array>

namespace recsys::catalog {

namespace {

[[noreturn]] void refuse(std::string message, std::string detail = {}) {
	throw Error(sqlstate::InvalidParameter, std::move(message), std::move(detail));
}

constexpr std::array kAvroTypes = {"float", "double", "int", "long", "string", "boolean"};

DatasetType record_type(const Json &document) {
	static constexpr std::array<std::pair<const char *, DatasetType>, 5> names = {
		{{"Interactions", DatasetType::Interactions},
		 {"Items", DatasetType::Items},
		 {"Users", DatasetType::Users},
		 {"Actions", DatasetType::Actions},
		 {"ActionInteractions", DatasetType::ActionInteractions}}};
	const Json &name = document["name"];
	for (const auto &[text, type] : names)
		if (name == text)
			return type;
	refuse("unrecognized name " + name.dump() + " of the schema",
		   "The name is Interactions, Items, Users, Actions or ActionInteractions.");
}

void check_envelope(const Json &document) {
	if (!document.is_object())
		refuse("schema must be a JSON object");
	for (const char *member : {"type", "name", "version", "fields"})
		if (!document.contains(member))
			refuse(std::string("schema lacks \"") + member + "\"");
	if (document["type"] != "record")
		refuse("\"type\" of the schema must be \"record\"");
	if (document["version"] != "1.0")
		refuse("\"version\" of the schema must be \"1.0\"");
	if (document.contains("namespace") && !document["namespace"].is_string())
		refuse("\"namespace\" of the schema must be a string");
	if (!document["fields"].is_array() || document["fields"].empty())
		refuse("\"fields\" of the schema must be a non-empty array");
	for (const auto &[key, value] : document.items())
		if (key != "type" && key != "name" && key != "namespace" && key != "version" && key != "fields" && key != "doc")
			refuse("schema has the unrecognized attribute \"" + key + "\"");
}

// "float", or a union of one type and "null" in either order.
void read_type(const Json &type, DeclaredField &f) {
	const auto simple = [&f](const Json &name) {
		if (name.is_object() || name.is_array())
			refuse("field \"" + f.spelled + "\" must be flat", "Nested types are not supported.");
		const auto it = std::find_if(kAvroTypes.begin(), kAvroTypes.end(), [&](const char *t) { return name == t; });
		if (it == kAvroTypes.end())
			refuse("field \"" + f.spelled + "\" has the unrecognized type " + name.dump(),
				   "Types are float, double, int, long, string and boolean, each alone or in an array with \"null\".");
		return std::string(*it);
	};
	f.field.nullable = type.is_array();
	if (!type.is_array()) {
		f.field.type = simple(type);
		return;
	}
	const auto nulls = std::count(type.begin(), type.end(), Json("null"));
	if (type.size() != 2 || nulls != 1)
		refuse("field \"" + f.spelled + "\" must be a union of one type and \"null\"", "It has " + type.dump() + ".");
	f.field.type = simple(type[0] == "null" ? type[1] : type[0]);
}

bool flag(const Json &field, const char *attribute, const std::string &name) {
	if (!field.contains(attribute))
		return false;
	if (!field[attribute].is_boolean())
		refuse("field \"" + name + "\" must have true or false for \"" + attribute + "\"");
	return field[attribute].get<bool>();
}

void read_attributes(const Json &field, DatasetType type, DeclaredField &f) {
	static constexpr std::array known = {"name", "type", "categorical", "textual", "itemName", "doc", "default", "aliases", "order"};
	for (const auto &[key, value] : field.items())
		if (std::find(known.begin(), known.end(), key) == known.end())
			refuse("field \"" + f.spelled + "\" has the unrecognized attribute \"" + key + "\"",
				   "Attributes are categorical, textual and itemName.");
	const bool categorical = flag(field, "categorical", f.spelled), textual = flag(field, "textual", f.spelled);
	const bool item_name = flag(field, "itemName", f.spelled);
	for (const auto &[set, attribute] : {std::pair(categorical, "categorical"), {textual, "textual"}, {item_name, "itemName"}})
		if (set && f.field.type != "string")
			refuse("field \"" + f.spelled + "\" of type " + f.field.type + " cannot be " + attribute,
				   std::string("Only a string can be ") + attribute + ".");
	if (categorical && textual)
		refuse("field \"" + f.spelled + "\" cannot be both categorical and textual");
	if (item_name && type != DatasetType::Items)
		refuse("field \"" + f.spelled + "\" cannot be itemName", "Only items may have a field with this attribute.");
	f.field.role = categorical ? Role::Categorical : textual ? Role::Textual : default_role(f.field.type);
}

DeclaredField read_field(const Json &field, DatasetType type, std::size_t position) {
	if (!field.is_object() || !field.contains("name") || !field["name"].is_string())
		refuse("field number " + std::to_string(position) + " of the schema must be an object with a name");
	DeclaredField f;
	f.spelled = field["name"].get<std::string>();
	f.field.name = lower_case(f.spelled);
	if (!field.contains("type"))
		refuse("field \"" + f.spelled + "\" has no type");
	read_type(field["type"], f);
	read_attributes(field, type, f);
	return f;
}

} // namespace

AvroSchema parse_avro(const Json &document, std::string_view domain) {
	check_envelope(document);
	AvroSchema schema;
	schema.type = record_type(document);
	if (!domain.empty() && (schema.type == DatasetType::Actions || schema.type == DatasetType::ActionInteractions))
		refuse("domain " + std::string(domain) + " has no dataset type " + document["name"].get<std::string>());
	std::vector<DeclaredField> declared;
	std::size_t position = 0, item_names = 0;
	for (const Json &field : document["fields"]) {
		declared.push_back(read_field(field, schema.type, ++position));
		if (flag(field, "itemName", declared.back().spelled) && ++item_names > 1)
			refuse("field \"" + declared.back().spelled + "\" cannot be itemName", "Another field is it already.");
	}
	schema.fields = check_fields(schema.type, domain, declared, Declaration::Avro);
	return schema;
}

} // namespace recsys::catalog
