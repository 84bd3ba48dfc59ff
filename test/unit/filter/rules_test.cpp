// The printer's fixpoint, the operator matrix, and the values that requests give.
#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"
#include "filter/check.hpp"
#include "filter/parser.hpp"
#include "filter/values.hpp"
#include "unit/filter/random_filter.hpp"
#include "unit/filter/shop.hpp"

using namespace recsys;
using namespace recsys::filter;

namespace {

bool accepted(const std::string &text, bool service_limits = false) {
	try {
		CheckOptions options;
		options.service_limits = service_limits;
		check(parse(text), shop_fields(), options);
		return true;
	} catch (const Error &e) {
		CHECK(std::string(e.sqlstate()) == "RS005");
		return false;
	}
}

std::string applied(const char *text, const Values &values) {
	const Applied result = apply_values(parse(text), values);
	std::string out = print(result.filter);
	for (const std::string &part : result.dropped)
		out += " / " + part;
	return out;
}

} // namespace

TEST_CASE("printing random filters and parsing them again changes nothing") {
	for (std::uint64_t seed = 0; seed < 3000; ++seed) {
		const Filter filter = RandomFilter(seed, true).filter();
		const std::string text = print(filter);
		CAPTURE(text);
		const Filter again = parse(text, text.size());
		REQUIRE(print(again) == text);
		REQUIRE_NOTHROW(check(again, shop_fields()));
		REQUIRE(field_names(again) == field_names(filter));
		REQUIRE(placeholder_names(again) == placeholder_names(filter));
	}
}

TEST_CASE("operator matrix") {
	struct Row {
		const char *start, *field;
		// IN list, IN $P, NOT IN list, NOT IN $P, = number, < number, = $P, < $P, = string, < string, "*", IN
		// CurrentItem, < CurrentItem
		const char *allowed;
	};
	const char *operands[] = {" IN (\"x\", \"y\")",
							  " IN ($P)",
							  " NOT IN (\"x\")",
							  " NOT IN ($P)",
							  " = 1",
							  " < 1",
							  " = $P",
							  " < $P",
							  " != \"x\"",
							  " < \"x\"",
							  " IN (\"*\")",
							  " IN CurrentItem.GENRE",
							  " < CurrentItem.PRICE"};
	const Row rows[] = {
		{"INCLUDE ItemID WHERE ", "Interactions.EVENT_TYPE", "+++-------+--"},
		{"INCLUDE UserID WHERE ", "Interactions.EVENT_TYPE", "+++-------+--"},
		{"INCLUDE ActionID WHERE ", "Interactions.EVENT_TYPE", "+++-------+--"},
		{"INCLUDE ActionID WHERE ", "Action_Interactions.EVENT_TYPE", "+++-------+--"},
		{"INCLUDE ItemID WHERE ", "Action_Interactions.EVENT_TYPE", "-------------"},
		{"INCLUDE ItemID WHERE ", "Items.GENRE", "+++---+-+--+-"},
		{"INCLUDE ItemID WHERE ", "Items.TAGS", "+++---+-+--+-"},
		{"INCLUDE ItemID WHERE ", "Items.NAME_PLAIN", "+++---+-+--+-"},
		{"INCLUDE ItemID WHERE ", "Items.TOKEN", "+++---+-+--+-"},
		{"INCLUDE ItemID WHERE ", "Items.ITEM_ID", "+++---+-+--+-"},
		{"INCLUDE ItemID WHERE ", "Items.PRICE", "----++++----+"},
		{"INCLUDE ItemID WHERE ", "Items.WEIGHT", "----++++----+"},
		{"INCLUDE ItemID WHERE ", "Items.YEAR", "----++++----+"},
		{"INCLUDE ItemID WHERE ", "Items.CREATION_TIMESTAMP", "----++++-----"},
		{"INCLUDE ItemID WHERE ", "Items.ADULT", "-------------"},
		{"INCLUDE ItemID WHERE ", "Items.PRODUCT_DESCRIPTION", "-------------"},
		{"INCLUDE UserID WHERE ", "Users.COUNTRY", "+++---+-+----"},
		{"INCLUDE UserID WHERE ", "Users.USER_ID", "+++---+-+----"},
		{"INCLUDE UserID WHERE ", "Users.AGE", "----++++-----"},
		{"INCLUDE ActionID WHERE ", "Actions.TYPE", "+++---+-+----"},
		{"INCLUDE ActionID WHERE ", "Actions.VALUE", "----++++-----"},
		{"INCLUDE ItemID WHERE Items.YEAR = 1 IF ", "CurrentUser.COUNTRY", "+++---+-+----"},
		{"INCLUDE ActionID WHERE Actions.VALUE = 1 IF ", "CurrentUser.AGE", "----++++-----"},
		{"INCLUDE UserID WHERE Users.AGE = 1 IF ", "CurrentUser.AGE", "-------------"},
	};
	for (const Row &row : rows)
		for (std::size_t i = 0; i < std::size(operands); ++i) {
			const std::string text = std::string(row.start) + row.field + operands[i];
			CAPTURE(text);
			CHECK(accepted(text) == (row.allowed[i] == '+'));
			CHECK(accepted(text, true) == (row.allowed[i] == '+'));
		}
}

TEST_CASE("times of interactions and ISO times are recsys's own") {
	for (const char *text :
		 {"EXCLUDE ItemID WHERE Interactions.TIMESTAMP > 1700000000",
		  "EXCLUDE ItemID WHERE Interactions.TIMESTAMP > $SINCE AND Interactions.EVENT_TYPE IN (\"View\")",
		  "EXCLUDE UserID WHERE Interactions.TIMESTAMP > \"2024-02-29\"",
		  "EXCLUDE ItemID WHERE Items.CREATION_TIMESTAMP > \"2024-02-29T12:00+02\""}) {
		CAPTURE(text);
		CHECK(accepted(text));
		CHECK(!accepted(text, true));
	}
	CHECK(!accepted("EXCLUDE ItemID WHERE Interactions.TIMESTAMP > \"2023-02-29\""));
}

TEST_CASE("a dataset that is not there") {
	Fields fields;
	fields.add(Relation::Items, {{"price", ColumnType::Real, Role::Numeric}});
	CHECK_NOTHROW(check(parse("INCLUDE ItemID WHERE Items.Price < CurrentItem.PRICE"), fields));
	CHECK_THROWS_WITH(check(parse("INCLUDE ItemID WHERE Items.PRICE < 1 IF CurrentUser.AGE = 1"), fields),
					  "dataset group has no dataset Users");
}

TEST_CASE("ISO times") {
	CHECK(parse_time("1970-01-01") == 0.0);
	CHECK(parse_time(" 2023-11-14T22:13:20Z ") == 1700000000.0);
	CHECK(parse_time("2023-11-14 22:13:20") == 1700000000.0);
	CHECK(parse_time("2023-11-14T23:13:20.25+01:00") == 1700000000.25);
	CHECK(parse_time("2023-11-14T16:43:20-0530") == 1700000000.0);
	CHECK(parse_time("2024-02-29T00:00") == 1709164800.0);
	CHECK(parse_time("1969-12-31T23:59:59.1234567Z") == doctest::Approx(-0.876544).epsilon(1e-12));
	for (const char *wrong :
		 {"", "2023", "2023-2-1", "2023-02-29", "2023-13-01", "0000-01-01", "2023-11-14T", "2023-11-14T24:00",
		  "2023-11-14T10", "2023-11-14T10:60", "2023-11-14T10:00:60", "2023-11-14T10:00:00.", "2023-11-14T10:00X",
		  "2023-11-14T10:00+1", "2023-11-14T10:00+16", "2023-11-14T10:00+01:0", "2023-11-14T10:00Z0"})
		CHECK_MESSAGE(!parse_time(wrong), wrong);
}

TEST_CASE("value texts") {
	using List = std::vector<std::string>;
	CHECK(parse_list("P", "\"Action\",\"Drama\"") == List{"Action", "Drama"});
	CHECK(parse_list("P", " \"a,b\" , 'it'") == List{"a,b", "it"});
	CHECK(parse_list("P", "Science Fiction ") == List{"Science Fiction"});
	CHECK(parse_list("P", "42") == List{"42"});
	CHECK(parse_list("P", "\"\"") == List{""});
	CHECK(parse_list("P", "\"\\\"x\\\\\"") == List{"\"x\\"});
	for (const char *wrong :
		 {"", "  ", "a,b", "\"a", "\"a\" \"b\"", "\"a\",", "\"a\",b", "\"a\\n\"", "a\"b", "\"a\\"}) {
		CAPTURE(wrong);
		CHECK_THROWS_AS(parse_list("P", wrong), Error);
	}
	CHECK(parse_string("P", "\"Premium\"") == "Premium");
	CHECK_THROWS_WITH(parse_string("P", "\"a\",\"b\""), "value of placeholder $P must be one string");
	CHECK(parse_number("P", " 42 ") == "42");
	CHECK(parse_number("P", "\"-0.50\"") == "-0.50");
	for (const char *wrong : {"", "x", "1,2", "\"1\",\"2\"", "1.", ".5", "+1", "1e5", "--1", "NaN", "0x10"}) {
		CAPTURE(wrong);
		CHECK_THROWS_WITH(parse_number("P", wrong), "value of placeholder $P must be one number");
	}
}

TEST_CASE("missing values: an error for INCLUDE, a smaller EXCLUDE") {
	CHECK(applied("INCLUDE ItemID WHERE Items.PRICE < $P", {{"P", "1"}}) == "INCLUDE ItemID WHERE Items.PRICE < $P");
	CHECK_THROWS_WITH(applied("INCLUDE ItemID WHERE Items.PRICE < $P", {}), "placeholder $P has no value");
	CHECK_THROWS_WITH(applied("INCLUDE ItemID WHERE Items.YEAR = 1 IF CurrentUser.AGE < $P", {}),
					  "placeholder $P has no value");
	CHECK(applied("EXCLUDE ItemID WHERE Items.PRICE < $P", {}) == " / Items.PRICE < $P");
	CHECK(applied("EXCLUDE ItemID WHERE Items.PRICE < $P AND Items.YEAR = 1 OR Items.PRICE = $P | INCLUDE ItemID WHERE "
				  "Items.YEAR = 2",
				  {}) == "EXCLUDE ItemID WHERE Items.YEAR = 1 | INCLUDE ItemID WHERE Items.YEAR = 2 / Items.PRICE < $P "
						 "/ Items.PRICE = $P");
	CHECK(applied("EXCLUDE ItemID WHERE Items.YEAR = 1 IF CurrentUser.AGE < $P", {}) ==
		  " / EXCLUDE ItemID WHERE Items.YEAR = 1 IF CurrentUser.AGE < $P");
	CHECK_THROWS_WITH(applied("INCLUDE ItemID WHERE Items.PRICE < $P", {{"P", "1"}, {"p", "1"}}),
					  "filter has no placeholder $p");
	CHECK_THROWS_WITH(applied("EXCLUDE ItemID WHERE Items.GENRE IN ($P)", {{"P", std::string(1001, 'x')}}),
					  "value of placeholder $P is too long");
	Values many;
	for (int i = 0; i < 26; ++i)
		many["P" + std::to_string(i)] = "1";
	CHECK_THROWS_WITH(applied("INCLUDE ItemID WHERE Items.PRICE < $P1", many), "too many filter values");
}
