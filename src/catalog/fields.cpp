#include "catalog/fields.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "pg/settings.hpp"
#include "pg/text_search.hpp"

namespace recsys::catalog {

namespace {

constexpr auto kCategorical = Role::Categorical, kTextual = Role::Textual, kNumeric = Role::Numeric, kStored = Role::Stored;

struct RuleSet {
	DatasetType type;
	std::string_view domain; // "*" = any
	std::vector<FieldRule> rules;
};

// An optional categorical field of a domain.
FieldRule category(const char *name) { return {name, "string", nullptr, false, true, kCategorical, nullptr}; }

const std::vector<RuleSet> &rule_sets() {
	using enum DatasetType;
	static const auto &sets = *new std::vector<RuleSet>{
		{Interactions, "*", {
			{"USER_ID", "string", nullptr, true, false, kStored, "user_id"},
			{"ITEM_ID", "string", nullptr, true, false, kStored, "item_id"},
			{"TIMESTAMP", "long", nullptr, true, false, kNumeric, "timestamp"},
			{"EVENT_VALUE", "float", nullptr, false, true, kNumeric, "event_value"},
			{"IMPRESSION", "string", nullptr, false, true, kStored, "impression"},
			{"RECOMMENDATION_ID", "string", nullptr, false, true, kStored, "recommendation_id"},
			{"EVENT_ATTRIBUTION_SOURCE", "string", nullptr, false, true, kStored, "event_attribution_source"},
			{"SESSION_ID", "string", nullptr, false, true, kStored, "session_id"},
			{"EVENT_ID", "string", nullptr, false, true, kStored, "event_id"}}},
		{Interactions, "", {{"EVENT_TYPE", "string", nullptr, false, false, kStored, "event_type"}}},
		{Interactions, "ECOMMERCE", {{"EVENT_TYPE", "string", nullptr, true, false, kStored, "event_type"}}},
		{Interactions, "VIDEO_ON_DEMAND", {{"EVENT_TYPE", "string", nullptr, true, false, kStored, "event_type"}}},
		{Items, "*", {{"ITEM_ID", "string", nullptr, true, false, kStored, "item_id"}}},
		{Items, "", {{"CREATION_TIMESTAMP", "long", nullptr, false, true, kNumeric, "creation_timestamp"}}},
		{Items, "ECOMMERCE", {
			{"CREATION_TIMESTAMP", "long", "float", false, true, kNumeric, "creation_timestamp"},
			{"PRICE", "float", nullptr, true, false, kNumeric, nullptr},
			{"CATEGORY_L1", "string", nullptr, true, false, kCategorical, nullptr},
			category("CATEGORY_L2"), category("CATEGORY_L3"),
			{"PRODUCT_DESCRIPTION", "string", nullptr, false, true, kTextual, nullptr},
			category("AGE_GROUP"), category("ADULT"), category("GENDER")}},
		{Items, "VIDEO_ON_DEMAND", {
			{"CREATION_TIMESTAMP", "long", nullptr, true, false, kNumeric, "creation_timestamp"},
			{"GENRES", "string", nullptr, true, false, kCategorical, nullptr},
			{"PRICE", "float", nullptr, false, true, kNumeric, nullptr},
			{"DURATION", "float", nullptr, false, true, kNumeric, nullptr},
			category("GENRE_L2"), category("GENRE_L3"),
			{"AVERAGE_RATING", "float", nullptr, false, true, kNumeric, nullptr},
			{"PRODUCT_DESCRIPTION", "string", nullptr, false, true, kTextual, nullptr},
			category("CONTENT_OWNER"), category("CONTENT_CLASSIFICATION")}},
		{Users, "*", {{"USER_ID", "string", nullptr, true, false, kStored, "user_id"}}},
		{Users, "ECOMMERCE", {category("MEMBERSHIP_STATUS")}},
		{Users, "VIDEO_ON_DEMAND", {category("SUBSCRIPTION_MODEL")}},
		// The expiry column has been spelled in three ways; all are accepted.
		{Actions, "*", {
			{"ACTION_ID", "string", nullptr, true, false, kStored, "action_id"},
			{"CREATION_TIMESTAMP", "long", nullptr, false, false, kNumeric, "creation_timestamp"},
			{"VALUE", "long", nullptr, false, true, kNumeric, "value"},
			{"TYPE", "string", nullptr, false, true, kStored, nullptr},
			{"EXPIRATION_TIMESTAMP", "long", nullptr, false, true, kNumeric, "expiration_timestamp"},
			{"ACTION_EXPIRATION_TIMESTAMP", "long", nullptr, false, true, kNumeric, "expiration_timestamp"},
			{"ACTION_EXPLORATION_TIMESTAMP", "long", nullptr, false, true, kNumeric, "expiration_timestamp"},
			{"REPEAT_FREQUENCY", "long", nullptr, false, true, kNumeric, "repeat_frequency"}}},
		{ActionInteractions, "*", {
			{"USER_ID", "string", nullptr, true, false, kStored, "user_id"},
			{"ACTION_ID", "string", nullptr, true, false, kStored, "action_id"},
			{"EVENT_TYPE", "string", nullptr, true, false, kStored, "event_type"},
			{"TIMESTAMP", "long", nullptr, true, false, kNumeric, "timestamp"},
			{"IMPRESSION", "string", nullptr, false, true, kStored, "impression"},
			{"RECOMMENDATION_ID", "string", nullptr, false, true, kStored, "recommendation_id"},
			{"SESSION_ID", "string", nullptr, false, true, kStored, "session_id"},
			{"EVENT_ID", "string", nullptr, false, true, kStored, "event_id"}}}};
	return sets;
}

constexpr std::array kTypes = {"string", "float", "double", "int", "long", "boolean", "timestamp"};

bool is_type(std::string_view name) { return std::find(kTypes.begin(), kTypes.end(), name) != kTypes.end(); }
bool is_number(std::string_view type) { return type == "float" || type == "double" || type == "int" || type == "long"; }

[[noreturn]] void refuse(const DeclaredField &f, const std::string &why, const std::string &detail = {}) {
	throw Error(sqlstate::InvalidParameter, "field \"" + f.spelled + "\" " + why, detail);
}

void check_field_name(const DeclaredField &f) {
	const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
	const std::string &s = f.spelled;
	const bool well_formed = !s.empty() && letter(s[0]) && std::all_of(s.begin(), s.end(), [&](char c) {
		return letter(c) || (c >= '0' && c <= '9');
	});
	if (!well_formed)
		throw Error(sqlstate::InvalidName, "invalid field name \"" + s.substr(0, 200) + "\"",
					"A field name has letters, digits and \"_\", and does not begin with a digit.");
	if (s.size() > 63)
		throw Error(sqlstate::NameTooLong, "field name \"" + s.substr(0, 200) + "\" is too long",
					"A field becomes a column, whose name has at most 63 characters.");
	for (const char *system : {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
		if (f.field.name == system)
			throw Error(sqlstate::InvalidName, "field name \"" + s + "\" is that of a system column");
}

// Names are compared without "_", so that GENRES_1 and GENRES1 are one and the same.
std::string squeezed(std::string_view name) {
	std::string out;
	for (const char c : lower_case(name))
		if (c != '_')
			out += c;
	return out;
}

void check_clashes(DatasetType type, std::string_view domain, const std::vector<DeclaredField> &declared) {
	std::map<std::string, std::string> seen; // squeezed → spelled
	const auto clash = [](const std::string &a, const std::string &b, const char *why = nullptr) {
		throw Error("42701", "field \"" + a + "\" clashes with \"" + b + "\"",
					why != nullptr ? why : "Names are compared by letters and digits alone, without regard to case.");
	};
	std::map<std::string, std::string> columns; // fixed column → spelled, for synonyms
	for (const DeclaredField &f : declared) {
		if (const auto [it, fresh] = seen.emplace(squeezed(f.spelled), f.spelled); !fresh)
			clash(f.spelled, it->second);
		const FieldRule *rule = field_rule(type, domain, f.spelled);
		if (rule != nullptr && rule->column != nullptr)
			if (const auto [it, fresh] = columns.emplace(rule->column, f.spelled); !fresh)
				clash(f.spelled, it->second, "Both are names of the same column.");
		for (const FixedColumn &c : fixed_columns(type))
			if (squeezed(f.spelled) == squeezed(c.name) && f.field.name != c.name)
				clash(f.spelled, c.name);
	}
}

bool type_matches(const FieldRule &rule, const Field &f, Declaration declaration) {
	if (f.type == rule.type || (rule.other_type != nullptr && f.type == rule.other_type))
		return true;
	if (declaration == Declaration::Avro)
		return false;
	const bool time = rule.column != nullptr && std::string_view(rule.name).ends_with("TIMESTAMP");
	return time ? f.type == "timestamp" : is_number(rule.type) && is_number(f.type);
}

void check_rule(const DeclaredField &f, const FieldRule &rule, Declaration declaration) {
	const std::string reserved = std::string("\"") + rule.name + "\" is a reserved field of type " + rule.type + ".";
	if (!type_matches(rule, f.field, declaration))
		refuse(f, "must be of type " + std::string(rule.type), reserved);
	if (f.field.nullable && !rule.nullable && declaration != Declaration::Mapped)
		refuse(f, "must not be nullable",
			   std::string("\"") + rule.name + "\" is a " + (rule.required ? "required" : "reserved") + " field.");
	const Role role = f.field.role;
	if (rule.role == kCategorical && role != kCategorical)
		refuse(f, "must be categorical", reserved);
	if (rule.role == kTextual && role != kTextual)
		refuse(f, "must be textual", reserved);
	if (rule.role == kStored && (role == kCategorical || role == kTextual))
		refuse(f, std::string("must not be ") + to_string(role), reserved);
}

void check_role(DatasetType type, const DeclaredField &f) {
	const std::string &t = f.field.type;
	switch (f.field.role) {
	case Role::Categorical:
		if (t != "string" && t != "int" && t != "long" && t != "boolean")
			refuse(f, "of type " + t + " cannot be categorical");
		break;
	case Role::Numeric:
		if (!is_number(t))
			refuse(f, "of type " + t + " cannot be numeric");
		break;
	case Role::Textual:
		if (t != "string")
			refuse(f, "of type " + t + " cannot be textual");
		if (type != DatasetType::Items)
			refuse(f, "cannot be textual", "Only items may have a textual field.");
		break;
	case Role::Availability:
		if (t != "boolean" || type != DatasetType::Items)
			refuse(f, "cannot be the availability", "The availability is a boolean field of items.");
		break;
	case Role::Stored:
		break;
	}
}

void check_single_roles(const std::vector<DeclaredField> &declared) {
	for (const Role role : {Role::Textual, Role::Availability}) {
		const DeclaredField *first = nullptr;
		for (const DeclaredField &f : declared) {
			if (f.field.role != role)
				continue;
			if (first != nullptr)
				refuse(f, std::string("cannot have the role ") + to_string(role),
					   "Field \"" + first->spelled + "\" has it, and only one field may.");
			first = &f;
		}
	}
}

// A required field is missing. Fixed columns of the short form are there anyway.
void check_required(DatasetType type, std::string_view domain, const std::vector<DeclaredField> &declared,
					Declaration declaration) {
	for (const RuleSet &set : rule_sets()) {
		if (set.type != type || (set.domain != "*" && set.domain != domain))
			continue;
		for (const FieldRule &rule : set.rules) {
			const bool present = std::any_of(declared.begin(), declared.end(), [&](const DeclaredField &f) {
				return lower_case(rule.name) == f.field.name;
			});
			if (!rule.required || present || (declaration != Declaration::Avro && rule.column != nullptr))
				continue;
			throw Error(sqlstate::InvalidParameter, std::string("required field \"") + rule.name + "\" is missing",
						std::string("The ") + to_string(type) + " dataset" +
							(domain.empty() ? std::string() : " of domain " + std::string(domain)) + " needs it.");
		}
	}
}

// The service wants at least one field that says something about an item or a user.
void check_metadata(DatasetType type, const std::vector<DeclaredField> &declared, Declaration declaration) {
	if (declaration != Declaration::Avro || (type != DatasetType::Items && type != DatasetType::Users))
		return;
	if (declared.size() < 2)
		throw Error(sqlstate::InvalidParameter, std::string("schema of ") + to_string(type) + " has no metadata field",
					std::string("Besides \"") + (type == DatasetType::Items ? "ITEM_ID" : "USER_ID") +
						"\" there must be at least one field.");
}

void check_quota(DatasetType type, std::size_t own_fields) {
	static constexpr std::array<std::size_t, 5> limits = {5, 100, 25, 10, 5}; // in the order of DatasetType
	const std::size_t limit = limits[static_cast<std::size_t>(type)];
	if (pg::settings::service_limits && own_fields > limit)
		throw Error(sqlstate::LimitExceeded,
					std::string(to_string(type)) + " dataset cannot have " + std::to_string(own_fields) + " own columns",
					"The limit is " + std::to_string(limit) + ".", "It holds while \"recsys.service_limits\" is on.");
}

Field short_field(const DeclaredField &f, const std::string &type_name, const FieldRule *rule) {
	Field out = f.field;
	if (type_name == "categorical" || type_name == "textual") {
		out.type = "string";
		out.role = parse_role(type_name);
	} else if (type_name == "availability") {
		out.type = "boolean";
		out.role = Role::Availability;
	} else if (is_type(type_name)) {
		out.type = type_name;
		out.role = rule != nullptr && out.type == "string" ? rule->role : default_role(type_name);
	} else {
		refuse(f, "has the unrecognized type \"" + type_name + "\"",
			   "Types are categorical, textual, availability, string, float, double, int, long, boolean and timestamp.");
	}
	return out;
}

const std::string &string_member(const DeclaredField &f, const Json &value, const char *what) {
	if (!value.is_string())
		refuse(f, std::string("must have a string as its ") + what);
	return value.get_ref<const std::string &>();
}

Field long_form(const DeclaredField &f, const Json &value, const FieldRule *rule) {
	if (!value.contains("type"))
		refuse(f, "has no type", "The long form is {\"type\": ..., \"role\": ..., \"nullable\": ...}.");
	Field out = short_field(f, string_member(f, value["type"], "type"), rule);
	for (const auto &[key, member] : value.items()) {
		if (key == "role")
			out.role = parse_role(string_member(f, member, "role"));
		else if (key == "nullable" && member.is_boolean())
			out.nullable = member.get<bool>();
		else if (key == "nullable")
			refuse(f, "must have true or false for \"nullable\"");
		else if (key == "language")
			out.language = string_member(f, member, "language");
		else if (key == "text_null_fill")
			out.text_null_fill = string_member(f, member, "text_null_fill");
		else if (key != "type")
			refuse(f, "has the unrecognized attribute \"" + key + "\"",
				   "Attributes are type, role, nullable, language and text_null_fill.");
	}
	if (out.role != Role::Textual && !(out.language.empty() && out.text_null_fill.empty()))
		refuse(f, "cannot have a language or a text_null_fill", "Only a textual field may.");
	if (out.role == Role::Textual)
		require_language(f.spelled, out.language);
	return out;
}

} // namespace

std::string lower_case(std::string_view s) {
	std::string out(s);
	for (char &c : out)
		if (c >= 'A' && c <= 'Z')
			c = static_cast<char>(c - 'A' + 'a');
	return out;
}

std::string check_domain(const std::optional<std::string> &domain) {
	if (!domain)
		return {};
	for (const char *known : {"ECOMMERCE", "VIDEO_ON_DEMAND"})
		if (lower_case(*domain) == lower_case(known))
			return known;
	throw Error(sqlstate::InvalidParameter, "unrecognized domain \"" + *domain + "\"", {},
				"Domains are ECOMMERCE and VIDEO_ON_DEMAND; NULL stands for a custom dataset group.");
}

Json parse_json(const std::string &text, const char *argument) {
	Json value = Json::parse(text, nullptr, false);
	if (value.is_discarded())
		throw Error(sqlstate::InvalidParameter, std::string("argument \"") + argument + "\" has a number out of range");
	return value;
}

Oid require_language(std::string_view field, const std::string &language) {
	const bool paired = language.empty() || language == "chinese" || language == "japanese";
	const Oid config = pg::find_text_search_config(paired ? "simple" : language);
	if (!OidIsValid(config))
		throw Error("42704", "text search configuration \"" + language + "\" does not exist",
					"It is the language of field \"" + std::string(field) + "\".",
					"Those of PostgreSQL are listed in \"pg_ts_config\"; write others with their schema. \"chinese\" and "
					"\"japanese\" are understood without one.");
	return config;
}

Role default_role(std::string_view type) { return is_number(type) ? Role::Numeric : Role::Stored; }

bool is_fixed_column(DatasetType type, std::string_view name) {
	const auto &columns = fixed_columns(type);
	return std::any_of(columns.begin(), columns.end(), [&](const FixedColumn &c) { return name == c.name; });
}

const FieldRule *field_rule(DatasetType type, std::string_view domain, std::string_view name) {
	const std::string wanted = lower_case(name);
	for (const RuleSet &set : rule_sets())
		if (set.type == type && (set.domain == "*" || set.domain == domain))
			for (const FieldRule &rule : set.rules)
				if (lower_case(rule.name) == wanted)
					return &rule;
	return nullptr;
}

bool domain_requires(DatasetType type, std::string_view domain, std::string_view column) {
	const FieldRule *rule = field_rule(type, domain, column);
	return rule != nullptr && rule->required;
}

std::vector<Field> check_fields(DatasetType type, std::string_view domain, const std::vector<DeclaredField> &declared,
								Declaration declaration) {
	check_clashes(type, domain, declared);
	std::vector<Field> own;
	for (const DeclaredField &f : declared) {
		check_field_name(f);
		const FieldRule *rule = field_rule(type, domain, f.spelled);
		if (rule != nullptr)
			check_rule(f, *rule, declaration);
		else if (is_fixed_column(type, f.field.name))
			refuse(f, "has a reserved name");
		check_role(type, f);
		if (rule == nullptr || rule->column == nullptr)
			own.push_back(f.field);
	}
	check_single_roles(declared);
	check_required(type, domain, declared, declaration);
	check_metadata(type, declared, declaration);
	check_quota(type, own.size());
	return own;
}

std::vector<DeclaredField> parse_short_fields(DatasetType type, std::string_view domain, const Json &fields) {
	if (!fields.is_object())
		throw Error(sqlstate::InvalidParameter, "fields must be a JSON object", {},
					"Write, for example, '{\"genres\": \"categorical\", \"price\": \"float\"}'.");
	std::vector<DeclaredField> out;
	for (const auto &[name, value] : fields.items()) {
		DeclaredField f{{lower_case(name), "", Role::Stored, true}, name};
		const FieldRule *rule = field_rule(type, domain, name);
		f.field.nullable = rule == nullptr || rule->nullable;
		if (value.is_string())
			f.field = short_field(f, value.get<std::string>(), rule);
		else if (value.is_object())
			f.field = long_form(f, value, rule);
		else
			refuse(f, "must have a type name or an object");
		out.push_back(std::move(f));
	}
	return out;
}

IdTypes take_id_types(DatasetType dataset_type, Json &fields) {
	IdTypes out;
	if (!fields.is_object())
		return out;
	Json kept = Json::object();
	for (const auto &[name, value] : fields.items()) {
		const std::string column = lower_case(name);
		const bool id = column == "user_id" || column == "item_id" || column == "action_id";
		if (!id || !is_fixed_column(dataset_type, column)) {
			kept[name] = value;
			continue;
		}
		const std::string type = value.is_string() ? value.get<std::string>() : value.dump();
		const Oid oid = type == "string" ? TEXTOID : type == "int" ? INT4OID : type == "long" ? INT8OID : type == "uuid" ? UUIDOID : InvalidOid;
		if (!OidIsValid(oid))
			throw Error(sqlstate::InvalidParameter, "field \"" + name + "\" cannot have the type " + type,
						"Ids are of type string, int, long or uuid.");
		(column == "user_id" ? out.user : out.item) = oid;
	}
	fields = std::move(kept);
	return out;
}

} // namespace recsys::catalog
