// What a column of a dataset takes, and how text or JSON becomes its value: the one place with the rules for values,
// used by single records (put_*) and by imports alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/catalog.hpp"

#include "pg/row_batch.hpp"

namespace recsys::ingest {

using catalog::Json;

enum class Kind { Id, Text, Number, Integer, Boolean, Timestamp, IdList };

struct Column {
	std::string name; // of the table
	Kind kind = Kind::Text;
	Oid type = TEXTOID;    // of the value in a RowBatch; the table's own type is reached by assignment
	Oid id_type = TEXTOID; // Id and IdList: the dataset's id type
	bool required = false;
	bool action_event = false; // Taken, Not taken or Viewed
	bool own = false;          // a field of the group, not one of the dataset type's fixed columns
	bool categorical = false;  // lists of strings are accepted and joined with "|"
	bool textual = false;      // cut at kTextualLimit instead of refused beyond kStringLimit
	double minimum, maximum;   // Number and Integer
};

/// Lengths in characters.
inline constexpr std::size_t kStringLimit = 1000, kTextualLimit = 20000, kServiceIdLimit = 256, kIdLimit = 1024;

/// A value that breaks a rule; the rule reads on after the field's name: "must be an integer". Callers add place and
/// field.
struct BadValue {
	std::string rule;
};

/// Names are compared without case and punctuation: NUMBER_OF_RATINGS, numberOfRatings, number_of_ratings.
std::string normalised(std::string_view name);
std::string upper_case(std::string_view s);

/// The columns that users may fill, and how many textual values were cut.
class ColumnSet {
public:
	explicit ColumnSet(const catalog::Group &group, const catalog::Dataset &dataset);
	std::size_t size() const { return columns_.size(); }
	const Column &operator[](std::size_t i) const { return columns_[i]; }
	/// By any spelling of the name.
	std::optional<std::size_t> find(std::string_view name) const;
	/// By the table's name of a fixed column, which must exist.
	std::size_t at(std::string_view name) const;
	pg::RowBatch::Columns batch_columns() const;
	/// "user_id", "item_id", … quoted and separated, each with `prefix` in front.
	std::string list(std::string_view prefix = {}) const;
	/// A sentence for the detail of an error: "The dataset's own columns are genres, price."
	std::string own_names() const;

private:
	void add(Column column);
	std::vector<Column> columns_;
	std::unordered_map<std::string, std::size_t> by_name_;
};

/// How often a textual value was cut, by column; told once at the end.
class Cuts {
public:
	void count(const Column &column) { ++counts_[column.name]; }
	void tell() const; // a NOTICE for each column

private:
	std::unordered_map<std::string, std::uint64_t> counts_;
};

/// The value of a non-empty text, as it stands in CSV. Errors: BadValue.
pg::Param from_text(const Column &column, std::string_view text, Cuts &cuts);
/// The value of a JSON scalar (or list, for IdList and categorical columns); null is null. Errors: BadValue.
pg::Param from_json(const Column &column, const Json &value, Cuts &cuts);
/// Unix seconds with an optional fraction, or a date and time.
pg::Param timestamp_from_text(std::string_view text);
pg::Param timestamp_from_json(const Json &value);

/// At most 60 characters of a value, for a detail: The value is "…".
std::string show(std::string_view value);
std::string show_json(const Json &value);

/// Characters, not bytes.
std::size_t length(std::string_view utf8);

} // namespace recsys::ingest
