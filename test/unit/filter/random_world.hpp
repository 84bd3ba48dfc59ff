// Small random datasets for shop.hpp's fields, in memory and as the SQL that makes the same tables.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/rng.hpp"
#include "unit/filter/interpreter.hpp"

namespace recsys::filter {

/// Columns that random filters use, with their SQL types.
struct TableShape {
	Relation relation;
	const char *name;
	std::vector<std::pair<std::string, std::string>> columns; // the ids first
};

inline const std::vector<TableShape> &table_shapes() {
	static const std::vector<TableShape> shapes = {
		{Relation::Items,
		 "items",
		 {{"item_id", "text"},
		  {"genre", "categories"},
		  {"tags", "text[]"},
		  {"name_plain", "text"},
		  {"token", "uuid"},
		  {"price", "real"},
		  {"weight", "double precision"},
		  {"year", "integer"},
		  {"creation_timestamp", "timestamptz"}}},
		{Relation::Users,
		 "users",
		 {{"user_id", "integer id"}, {"country", "categories"}, {"membership", "categories"}, {"age", "integer"}}},
		{Relation::Actions,
		 "actions",
		 {{"action_id", "text"}, {"membership_level", "categories"}, {"value", "integer"}}},
		{Relation::Interactions,
		 "interactions",
		 {{"user_id", "integer id"}, {"item_id", "text"}, {"event_type", "text"}, {"timestamp", "timestamptz"}}},
		{Relation::ActionInteractions,
		 "action_interactions",
		 {{"user_id", "integer id"}, {"action_id", "text"}, {"event_type", "text"}, {"timestamp", "timestamptz"}}}};
	return shapes;
}

class RandomWorld {
public:
	explicit RandomWorld(std::uint64_t seed) : rng_(seed, 7) {
		for (const TableShape &shape : table_shapes())
			make_table(shape);
		if (rng_.below(6) != 0)
			world_.user = one_of({"7", "1", "2"});
		if (rng_.below(3) != 0)
			world_.item = one_of({"a", "b", "c", "A"});
	}
	const World &world() const { return world_; }
	const std::string &sql() const { return sql_; }

private:
	std::string one_of(std::vector<std::string> values) { return values[rng_.below(values.size())]; }
	static std::string quoted(const std::string &text) { return "'" + text + "'"; }

	void make_table(const TableShape &shape) {
		const std::string table = std::string("pg_temp.") + shape.name;
		sql_ += "DELETE FROM " + table + ";\n";
		const bool events = shape.relation == Relation::Interactions || shape.relation == Relation::ActionInteractions;
		const std::vector<std::string> ids = shape.relation == Relation::Users
												 ? std::vector<std::string>{"7", "1"}
												 : std::vector<std::string>{"a", "b", "c", "7"};
		sql_ += "INSERT INTO " + table + " VALUES ";
		for (std::size_t i = 0; i < (events ? 12 : ids.size()); ++i) {
			Row row;
			std::string list;
			for (const auto &[column, type] : shape.columns) {
				std::string literal;
				if (!events && &column == &shape.columns.front().first) {
					row[column] = std::vector{ids[i]};
					literal = quoted(ids[i]);
				} else
					row[column] = cell(column, type, literal);
				list += (list.empty() ? "" : ", ") + literal;
			}
			world_.rows[shape.relation].push_back(row);
			sql_ += (i == 0 ? "(" : ", (") + list + ")";
		}
		sql_ += ";\n";
	}

	Cell cell(const std::string &column, const std::string &type, std::string &literal) {
		const bool id = column == "user_id" || column == "item_id" || column == "action_id";
		literal = "NULL";
		if (!id && rng_.below(5) == 0)
			return {};
		std::vector<std::string> words;
		for (std::size_t n = rng_.below(4); n > 0; --n)
			words.push_back(one_of({"a", "b", "c", "A"}));
		std::string joined;
		for (const std::string &w : words)
			joined += (joined.empty() ? "" : "|") + w;
		std::string one = type == "integer id" ? one_of({"7", "1", "2"})
						  : type == "uuid"
							  ? one_of({"00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"})
						  : column == "event_type" ? one_of({"click", "Click", "a", "B"})
												   : one_of({"a", "b", "c", "A", "7"});
		if (type == "categories") {
			literal = quoted(joined);
			return words;
		}
		if (type == "text[]") {
			literal = "string_to_array(" + quoted(joined) + ", '|')";
			return words;
		}
		if (type == "text" || type == "uuid" || type == "integer id") {
			literal = quoted(one);
			return std::vector{one};
		}
		const double number = static_cast<double>(rng_.below(8)) / (type == "integer" ? 1 : 2) - 1;
		literal = type == "timestamptz" ? "to_timestamp(" + std::to_string(number) + ")" : std::to_string(number);
		return number;
	}

	Rng rng_;
	World world_;
	std::string sql_;
};

} // namespace recsys::filter
