#include "ingest/columns.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "pg/settings.hpp"

#include "pg/file.hpp"
#include "pg/report.hpp"

namespace recsys::ingest {

using pg::Param;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Range {
	double minimum, maximum;
};
Range range_of(catalog::DatasetType type, std::string_view name) {
	if (type == catalog::DatasetType::Actions && name == "value")
		return {1, 10};
	if (type == catalog::DatasetType::Actions && name == "repeat_frequency")
		return {0, 30};
	return {-kInfinity, kInfinity};
}

Column typed(std::string name, std::string_view sql_type) {
	Column c;
	c.name = std::move(name);
	c.minimum = -kInfinity;
	c.maximum = kInfinity;
	if (sql_type == "float8" || sql_type == "float4") {
		c.kind = Kind::Number;
		c.type = FLOAT8OID;
		if (sql_type == "float4")
			c.maximum = std::numeric_limits<float>::max(), c.minimum = -c.maximum;
	} else if (sql_type == "int4" || sql_type == "int8") {
		c.kind = Kind::Integer;
		c.type = INT8OID;
		if (sql_type == "int4")
			c.minimum = PG_INT32_MIN, c.maximum = PG_INT32_MAX;
	} else if (sql_type == "boolean") {
		c.kind = Kind::Boolean;
		c.type = BOOLOID;
	} else if (sql_type == "timestamptz") {
		c.kind = Kind::Timestamp;
		c.type = TIMESTAMPTZOID;
	} else if (sql_type == "text[]") {
		c.kind = Kind::IdList;
		c.type = TEXTARRAYOID;
	}
	return c;
}

Column fixed_column(const catalog::Dataset &dataset, const catalog::FixedColumn &fixed) {
	const std::string_view name = fixed.name;
	Column c = typed(std::string(name), fixed.sql_type);
	c.required = fixed.required;
	c.action_event = dataset.type == catalog::DatasetType::ActionInteractions && name == "event_type";
	const Range range = range_of(dataset.type, name);
	if (range.maximum < c.maximum)
		c.minimum = range.minimum, c.maximum = range.maximum;
	if (name == "user_id" || name == "item_id" || name == "action_id") {
		c.kind = Kind::Id;
		c.type = c.id_type = name == "user_id" ? dataset.user_id_type : dataset.item_id_type;
	} else if (c.kind == Kind::IdList) {
		c.id_type = dataset.item_id_type;
	} else if (name == "session_id" || name == "event_id" || name == "recommendation_id") {
		c.kind = Kind::Id;
	}
	return c;
}

Param id(const Column &column, std::string_view text) {
	if (text.empty())
		throw BadValue{"must not be empty"};
	if (text.find('\0') != std::string_view::npos)
		throw BadValue{"must not contain a zero character"};
	const std::size_t limit = pg::settings::service_limits ? kServiceIdLimit : kIdLimit;
	if (column.name != "recommendation_id" && text.size() > limit && length(text) > limit)
		throw BadValue{"must have at most " + std::to_string(limit) + " characters"};
	const Param value = pg::id_param(text, column.id_type);
	if (value.null)
		throw BadValue{std::string("must be of the dataset's id type, ") + catalog::id_type_name(column.id_type)};
	return value;
}

Param id_list(const Column &column, const std::vector<std::string_view> &ids) {
	std::vector<std::string> out;
	out.reserve(ids.size());
	Column element = column;
	element.kind = Kind::Id;
	pg::IdBuffer buffer;
	for (const std::string_view text : ids) {
		if (text.empty())
			throw BadValue{"must not contain an empty id"};
		out.emplace_back(pg::id_text(id(element, text).value, column.id_type, buffer));
	}
	return pg::text_array(out);
}

std::vector<std::string_view> split(std::string_view text) {
	std::vector<std::string_view> parts;
	for (;;) {
		const std::size_t bar = text.find('|');
		if (const std::string_view part = text.substr(0, bar); !part.empty())
			parts.push_back(part);
		if (bar == std::string_view::npos)
			return parts;
		text.remove_prefix(bar + 1);
	}
}

// The first `limit` characters.
std::string_view clip(std::string_view text, std::size_t limit) {
	std::size_t i = 0, characters = 0;
	while (i < text.size()) {
		if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && characters++ == limit)
			break;
		++i;
	}
	return text.substr(0, i);
}

// What the next best action is trained on, in any spelling.
void check_action_event(std::string_view type) {
	const std::string name = normalised(type);
	if (name != "taken" && name != "nottaken" && name != "viewed")
		throw BadValue{"must be \"Taken\", \"Not taken\" or \"Viewed\""};
}

Param string(const Column &column, std::string_view text, Cuts &cuts) {
	if (text.find('\0') != std::string_view::npos)
		throw BadValue{"must not contain a zero character"};
	if (text.empty() && column.name == "event_type")
		throw BadValue{"must not be empty"};
	if (column.action_event)
		check_action_event(text);
	const std::size_t limit = column.textual ? kTextualLimit : kStringLimit;
	if (text.size() > limit && length(text) > limit) {
		if (!column.textual)
			throw BadValue{"must have at most " + std::to_string(limit) + " characters"};
		cuts.count(column);
		text = clip(text, limit);
	}
	return pg::text(pg::from_utf8(text));
}

Param number(const Column &column, double value) {
	if (!std::isfinite(value))
		throw BadValue{"must be a finite number"};
	const auto plain = [](double v) {
		return Json(v == std::floor(v) && std::abs(v) < 1e15 ? Json(std::int64_t(v)) : Json(v)).dump();
	};
	if (value < column.minimum || value > column.maximum)
		throw BadValue{"must be between " + plain(column.minimum) + " and " + plain(column.maximum)};
	return pg::float8(value);
}

Param integer(const Column &column, std::int64_t value) {
	number(column, static_cast<double>(value));
	return pg::int8(value);
}

// 34.0 is an integer: writers that know missing numbers only as floating point make it of 34.
Param integer(const Column &column, double value) {
	if (!(value == std::floor(value)) || std::abs(value) >= 0x1p63)
		throw BadValue{"must be an integer"};
	return integer(column, static_cast<std::int64_t>(value));
}

std::string_view trimmed(std::string_view s) {
	while (!s.empty() && s.front() == ' ')
		s.remove_prefix(1);
	while (!s.empty() && s.back() == ' ')
		s.remove_suffix(1);
	return s;
}

template <class T> std::optional<T> parse(std::string_view s) {
	s = trimmed(s);
	if (s.size() > 1 && s.front() == '+' && s[1] != '-')
		s.remove_prefix(1);
	T value{};
	const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
	if (s.empty() || error != std::errc() || end != s.data() + s.size())
		return std::nullopt;
	return value;
}

bool looks_numeric(std::string_view s) {
	return !s.empty() && s.find_first_not_of("0123456789.+-eE ") == std::string_view::npos;
}

// Seconds since 1970. Beyond the year 5138 the figure is surely in milliseconds, the most frequent mistake with this
// field.
constexpr double kLastSecond = 1e11;
Param timestamp_from_seconds(double seconds) {
	if (!std::isfinite(seconds) || seconds < -kLastSecond)
		throw BadValue{"must be Unix seconds or a date and time"};
	if (seconds > kLastSecond)
		throw BadValue{"must be in Unix seconds, not in milliseconds"};
	const double whole = std::floor(seconds);
	const std::int64_t micros = static_cast<std::int64_t>(whole) * 1000000 + std::llround((seconds - whole) * 1e6);
	return pg::timestamptz(pg::from_unix_micros(micros));
}

bool parse_boolean(std::string_view text, bool &value) {
	const std::string s = normalised(text);
	value = s == "true" || s == "t";
	return value || s == "false" || s == "f";
}

[[noreturn]] void wrong_json(const char *rule) {
	throw BadValue{rule};
}

Param id_from_json(const Column &column, const Json &value) {
	if (value.is_string())
		return id(column, value.get_ref<const std::string &>());
	if (value.is_number_integer())
		return id(column, value.dump());
	wrong_json("must be a string");
}

Param id_list_from_json(const Column &column, const Json &value) {
	if (!value.is_array())
		wrong_json("must be a list of item ids");
	std::vector<std::string> owned;
	for (const Json &element : value) {
		if (!element.is_string() && !element.is_number_integer())
			wrong_json("must be a list of item ids");
		owned.push_back(element.is_string() ? element.get<std::string>() : element.dump());
	}
	return id_list(column, {owned.begin(), owned.end()});
}

Param string_from_json(const Column &column, const Json &value, Cuts &cuts) {
	if (value.is_string())
		return string(column, value.get_ref<const std::string &>(), cuts);
	if (!value.is_array() || !column.categorical)
		wrong_json(column.categorical ? "must be a string or a list of strings" : "must be a string");
	std::string joined;
	for (const Json &element : value) {
		if (!element.is_string() || element.get_ref<const std::string &>().find('|') != std::string::npos)
			wrong_json("must be a list of strings without \"|\"");
		joined += (joined.empty() ? "" : "|") + element.get<std::string>();
	}
	return string(column, joined, cuts);
}

} // namespace

std::size_t length(std::string_view utf8) {
	return static_cast<std::size_t>(
		std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string show(std::string_view value) {
	if (value.find('\0') != std::string_view::npos)
		return {};
	const std::string_view head = clip(value, 60);
	return "The value is \"" + std::string(head) + (head.size() < value.size() ? "…" : "") + "\".";
}

std::string show_json(const Json &value) {
	return show(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string upper_case(std::string_view s) {
	std::string out;
	for (const char c : s)
		out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
	return out;
}

std::string normalised(std::string_view name) {
	std::string out;
	out.reserve(name.size());
	for (const char c : name)
		if (std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80)
			out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
	return out;
}

ColumnSet::ColumnSet(const catalog::Group &group, const catalog::Dataset &dataset) {
	for (const catalog::FixedColumn &fixed : catalog::fixed_columns(dataset.type))
		if (std::string_view(fixed.name) != "streamed") // how a row came in is not for users to say
			add(fixed_column(dataset, fixed));
	// In the groups of a domain an event always has its type.
	if (dataset.type == catalog::DatasetType::Interactions && !group.custom())
		columns_[at("event_type")].required = true;
	for (const catalog::Field &field : dataset.fields) {
		Column c = typed(field.name, catalog::field_sql_type(field));
		c.required = !field.nullable;
		c.own = true;
		c.categorical = field.role == catalog::Role::Categorical;
		c.textual = field.role == catalog::Role::Textual;
		add(std::move(c));
	}
	if (dataset.type == catalog::DatasetType::Actions)
		for (const char *alias : {"actionexpirationtimestamp", "actionexplorationtimestamp"})
			by_name_.emplace(alias, at("expiration_timestamp"));
}

void ColumnSet::add(Column column) {
	by_name_.emplace(normalised(column.name), columns_.size());
	columns_.push_back(std::move(column));
}

std::optional<std::size_t> ColumnSet::find(std::string_view name) const {
	const auto it = by_name_.find(normalised(name));
	return it == by_name_.end() ? std::nullopt : std::optional(it->second);
}

std::size_t ColumnSet::at(std::string_view name) const {
	return by_name_.at(normalised(name));
}

pg::RowBatch::Columns ColumnSet::batch_columns() const {
	pg::RowBatch::Columns out;
	for (const Column &c : columns_)
		out.emplace_back(c.name, c.type);
	return out;
}

std::string ColumnSet::list(std::string_view prefix) const {
	std::string out;
	for (const Column &c : columns_)
		out += (out.empty() ? "" : ", ") + std::string(prefix) + pg::quote_identifier(c.name);
	return out;
}

std::string ColumnSet::own_names() const {
	std::string out;
	for (const Column &c : columns_)
		if (c.own)
			out += (out.empty() ? "The dataset's own columns are " : ", ") + c.name;
	return out.empty() ? "The dataset has no columns of its own." : out + ".";
}

void Cuts::tell() const {
	for (const auto &[column, n] : counts_)
		pg::notice("values of \"" + column + "\" were cut to " + std::to_string(kTextualLimit) +
				   " characters: " + std::to_string(n));
}

Param timestamp_from_text(std::string_view text) {
	text = trimmed(text);
	if (const auto whole = parse<std::int64_t>(text))
		return timestamp_from_seconds(static_cast<double>(*whole));
	if (looks_numeric(text))
		if (const auto seconds = parse<double>(text))
			return timestamp_from_seconds(*seconds);
	const auto value = pg::parse_timestamp(text);
	if (!value)
		throw BadValue{"must be Unix seconds or a date and time"};
	return pg::timestamptz(*value);
}

Param timestamp_from_json(const Json &value) {
	if (value.is_number())
		return timestamp_from_seconds(value.get<double>());
	if (value.is_string())
		return timestamp_from_text(value.get_ref<const std::string &>());
	wrong_json("must be Unix seconds or a date and time");
}

Param from_text(const Column &column, std::string_view text, Cuts &cuts) {
	switch (column.kind) {
	case Kind::Id:
		return id(column, pg::from_utf8(text));
	case Kind::Text:
		return string(column, text, cuts);
	case Kind::Number:
		if (const auto value = parse<double>(text))
			return number(column, *value);
		throw BadValue{"must be a number"};
	case Kind::Integer:
		if (const auto value = parse<std::int64_t>(text))
			return integer(column, *value);
		if (const auto value = parse<double>(text))
			return integer(column, *value);
		throw BadValue{"must be an integer"};
	case Kind::Boolean:
		if (bool value; parse_boolean(text, value))
			return pg::boolean(value);
		throw BadValue{"must be true or false"};
	case Kind::Timestamp:
		return timestamp_from_text(text);
	case Kind::IdList:
		if (pg::settings::service_limits && length(text) > kStringLimit)
			throw BadValue{"must have at most " + std::to_string(kStringLimit) + " characters"};
		return id_list(column, split(pg::from_utf8(text)));
	}
	return pg::null();
}

Param from_json(const Column &column, const Json &value, Cuts &cuts) {
	if (value.is_null()) {
		if (column.required)
			throw BadValue{"must not be null"};
		return pg::null();
	}
	switch (column.kind) {
	case Kind::Id:
		return id_from_json(column, value);
	case Kind::Text:
		return string_from_json(column, value, cuts);
	case Kind::Number:
		if (!value.is_number())
			wrong_json("must be a number");
		return number(column, value.get<double>());
	case Kind::Integer:
		if (!value.is_number())
			wrong_json("must be an integer");
		if (value.is_number_integer() && (!value.is_number_unsigned() || value.get<std::uint64_t>() >> 63 == 0))
			return integer(column, value.get<std::int64_t>());
		return integer(column, value.get<double>());
	case Kind::Boolean:
		if (!value.is_boolean())
			wrong_json("must be true or false");
		return pg::boolean(value.get<bool>());
	case Kind::Timestamp:
		return timestamp_from_json(value);
	case Kind::IdList:
		return id_list_from_json(column, value);
	}
	return pg::null();
}

} // namespace recsys::ingest
