// The language by example: what is accepted, and for what is refused, the message and the place of the mistake.
#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"
#include "filter/check.hpp"
#include "filter/parser.hpp"
#include "unit/filter/shop.hpp"

using namespace recsys;
using namespace recsys::filter;

namespace {

struct Example {
	int number;
	const char *text, *message; // message: null if the expression is valid
	int place;                  // the character, from 1; 0: the mistake has no place
};

constexpr const char *kElevenFields =
	R"(INCLUDE ItemID WHERE Items.F1 IN ("1") AND Items.F2 IN ("1") AND Items.F3 IN ("1") AND )"
	R"(Items.F4 IN ("1") AND Items.F5 IN ("1") AND Items.F6 IN ("1") AND Items.F7 IN ("1") AND )"
	R"(Items.F8 IN ("1") AND Items.F9 IN ("1") AND Items.F10 IN ("1") AND Items.F11 IN ("1"))";

const Example examples[] = {
	{1, R"(EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click","stream"))", nullptr, 0},
	{2, R"(EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*"))", nullptr, 0},
	{3, R"(INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click"))", nullptr, 0},
	{4, "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($EVENT_TYPE)", nullptr, 0},
	{5, R"(EXCLUDE itemId WHERE INTERACTIONS.event_type in ("PURCHASE"))", nullptr, 0},
	{6, "EXCLUDE ItemID WHERE Items.CATEGORY IN ($CATEGORY)", nullptr, 0},
	{7, R"(EXCLUDE ItemID WHERE Items.CATEGORY_L1 IN ("shoe") AND Items.CATEGORY_L2 NOT IN ("boot"))", nullptr, 0},
	{8, "INCLUDE ItemID WHERE Items.PRICE <= $PRICE", nullptr, 0},
	{9, "INCLUDE ItemID WHERE Items.CREATION_TIMESTAMP < $DATE", nullptr, 0},
	{10, "INCLUDE ItemID WHERE Items.CREATION_TIMESTAMP > $TIMESTAMP", nullptr, 0},
	{11, "INCLUDE ItemID WHERE Items.GENRE IN ($GENRE)", nullptr, 0},
	{12, "EXCLUDE ItemID WHERE Items.GENRE IN ($GENRE) IF CurrentUser.AGE = $AGE", nullptr, 0},
	{13,
	 R"(INCLUDE ItemID WHERE Items.CATEGORY_L1 IN ("watch") AND Items.CATEGORY_L2 IN ("luxury") IF CurrentUser.AGE > 18)",
	 nullptr, 0},
	{14, "INCLUDE ItemID WHERE Items.YEAR >= 1970 AND Items.YEAR < 1980", nullptr, 0},
	{15, R"(INCLUDE ItemID WHERE Items.CATEGORY IN ("a") OR Items.BRAND IN ("b"))", nullptr, 0},
	{16, "EXCLUDE ItemID WHERE Items.OUT_OF_STOCK = 1", nullptr, 0},
	{17, R"(INCLUDE ItemID WHERE Items.AVAILABLE IN ("True"))", nullptr, 0},
	{18, R"(INCLUDE ItemID WHERE Items.OWNER IN ("in-house"))", nullptr, 0},
	{19, "INCLUDE ItemID WHERE Items.ALLOWED_COUNTRIES IN ($CONTEXT_COUNTRY)", nullptr, 0},
	{20,
	 R"(INCLUDE ItemID WHERE Items.CATEGORY IN ($CATEGORY) | INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("favorite"))",
	 nullptr, 0},
	{21,
	 R"(INCLUDE ItemID WHERE Items.GENRE IN ($GENRE) | EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click","stream"))",
	 nullptr, 0},
	{22,
	 R"(EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase") | INCLUDE ItemID WHERE Items.PROMOTED IN ("Y") AND Items.CATEGORY_L1 NOT IN ("cold dispensed","hot dispensed"))",
	 nullptr, 0},
	{23, R"(EXCLUDE ItemID WHERE Items.GENRE IN ("Horror") IF CurrentUser.AGE < 18 AND CurrentUser.COUNTRY IN ("DE"))",
	 nullptr, 0},
	{24, R"(EXCLUDE ItemID WHERE Items.PRICE > 100 | EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase"))",
	 nullptr, 0},
	{25, "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE AND Items.GENRE IN CurrentItem.GENRE", nullptr, 0},
	{26, "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE AND Items.CREATION_TIMESTAMP > $DATE", nullptr, 0},
	{27, "INCLUDE UserID WHERE Users.MEMBERSHIP_STATUS IN ($MEMBERSHIP)", nullptr, 0},
	{28, "EXCLUDE UserID WHERE Users.AGE < $AGE", nullptr, 0},
	{29, R"(INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click","rating"))", nullptr, 0},
	{30, "EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ($EVENT_TYPE)", nullptr, 0},
	{31, R"(exclude UserId where users.country in ("England","Japan"))", nullptr, 0},
	{32, R"(EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("NOT_TAKEN"))", nullptr, 0},
	{33, R"(EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("*"))", nullptr, 0},
	{34, "INCLUDE ActionID WHERE Actions.VALUE > ($VALUE)", nullptr, 0},
	{35,
	 R"(INCLUDE ActionID WHERE Actions.MEMBERSHIP_LEVEL IN ($LEVEL) | EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("TAKEN"))",
	 nullptr, 0},
	{36, R"(EXCLUDE ActionID WHERE Actions.TYPE IN ("email") IF CurrentUser.OPT_OUT = 1)", nullptr, 0},
	{37, "INCLUDE ItemID WHERE Items.RATING != 0", nullptr, 0},
	{38, R"(INCLUDE ItemID WHERE Items.NAME_PLAIN IN ("x"))", nullptr, 0},
	{39, "INCLUDE ItemID WHERE Items.GENRE NOT IN ($GENRE)", "placeholders are not allowed with NOT IN", 42},
	{40, "INCLUDE ItemID WHERE Items.ADULT = true", "filters have no boolean values", 36},
	{41, R"(INCLUDE ItemID WHERE Items.PRODUCT_DESCRIPTION IN ("boot"))",
	 "field Items.PRODUCT_DESCRIPTION cannot be filtered, since it is textual", 22},
	{42, R"(EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click") AND Items.PRICE > 10)",
	 "all conditions before IF must be about the same dataset", 63},
	{43, R"(EXCLUDE ItemID WHERE Interactions.DEVICE IN ("phone"))", "field Interactions.DEVICE cannot be filtered",
	 22},
	{44, "EXCLUDE ItemID WHERE Interactions.EVENT_VALUE > 3", "field Interactions.EVENT_VALUE cannot be filtered", 22},
	{45, "EXCLUDE ItemID WHERE CurrentUser.AGE < 18", "CurrentUser may stand only after IF", 22},
	{46, "INCLUDE ItemID IF CurrentUser.AGE < 18", "WHERE is missing", 16},
	{47, R"(EXCLUDE ItemID WHERE Items.A IN ("x") IF Items.B = 1)", "conditions after IF must be about CurrentUser",
	 42},
	{48, R"(EXCLUDE ItemID WHERE Items.A IN ("x") IF CurrentUser.B = 1 OR CurrentUser.C = 1)",
	 "conditions after IF can be joined by AND only", 60},
	{49, R"(EXCLUDE ItemID WHERE Items.A IN ("x") IF CurrentUser.B = 1 IF CurrentUser.C = 1)",
	 "IF may stand only once in an expression", 60},
	{50, "INCLUDE ItemID WHERE Users.AGE > 18", "dataset Users cannot filter ItemID", 22},
	{51, R"(INCLUDE UserID WHERE Items.GENRE IN ("x"))", "dataset Items cannot filter UserID", 22},
	{52, R"(INCLUDE ItemID WHERE Items.GENRE IN ("*"))", "\"*\" can be used with EVENT_TYPE only", 38},
	{53, "INCLUDE ItemID WHERE Items.GENRE IN ($A, $B)", "placeholder must stand alone in its list", 40},
	{54, R"(INCLUDE ItemID WHERE Items.GENRE IN ("Drama", $A))", "placeholder must stand alone in its list", 47},
	{55, R"(INCLUDE ItemID WHERE Items.GENRE = "Drama")", nullptr, 0},
	{56, "INCLUDE ItemID WHERE Items.PRICE IN (10, 20)", "lists hold strings, not numbers", 38},
	{57, "INCLUDE ItemID WHERE NOT Items.PRICE > 10", "NOT cannot stand in front of a condition", 22},
	{58, "INCLUDE ItemID WHERE (Items.A = 1 OR Items.B = 1) AND Items.C = 1", "parentheses cannot group conditions",
	 22},
	{59, R"(INCLUDE ItemID WHERE Items.GENRE LIKE "Dra%")", "filters have no operator LIKE", 34},
	{60, "INCLUDE ItemID WHERE Items.PRICE BETWEEN 1 AND 5", "filters have no operator BETWEEN", 34},
	{61, "INCLUDE ItemID WHERE Items.GENRE IS NULL", "filters cannot test for missing values", 34},
	{62, R"(INCLUDE ItemID WHERE Items.NOSUCH IN ("x"))", "dataset Items has no field \"NOSUCH\"", 22},
	{63, "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE", nullptr, 0},
	{64, "INCLUDE ItemID WHERE CurrentItem.PRICE > 10", "CurrentItem may stand only on the right-hand side", 22},
	{65, "INCLUDE ItemID WHERE Items.GENRE IN (CurrentItem.GENRE)", "fields cannot stand in a list", 38},
	{66, "EXCLUDE ActionID WHERE Actions.REPEAT_FREQUENCY > 5", "field Actions.REPEAT_FREQUENCY cannot be filtered",
	 24},
	{67, "EXCLUDE ActionID WHERE Actions.EXPIRATION_TIMESTAMP < $NOW",
	 "field Actions.EXPIRATION_TIMESTAMP cannot be filtered", 24},
	{68, R"(EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click"))", nullptr, 0},
	{69, R"(INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click, rating"))", nullptr, 0},
	{70, kElevenFields, "too many different fields in a filter", 0},
	{71, R"(INCLUDE ItemID WHERE Items.GENRE IN ("drama"))", nullptr, 0},
	{72, "REMOVE ItemID WHERE Items.A = 1", "filter expression must begin with INCLUDE or EXCLUDE", 1},
	{73, "EXCLUDE Item WHERE Items.A = 1", "target must be ItemID, UserID or ActionID", 9},
	{74, "", "filter expression is empty", 0},
	{75, R"(INCLUDE ItemID WHERE Items.CATEGORY IN ("clothing") OR Items.CREATION_TIMESTAMP > $DATE)", nullptr, 0},
	{76, R"(INCLUDE ActionID WHERE Actions.MEMBERSHIP_LEVEL IN ("Premium") IF CurrentUser.MEMBERSHIP = $PREMIUM)",
	 nullptr, 0},
	{77, "EXCLUDE ActionID WHERE Actions.VALUE < ($VALUE) IF CurrentUser.MEMBERSHIP = $PREMIUM", nullptr, 0},
	{78, "INCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ($EVENT_TYPE)", nullptr, 0},
	{79, R"(EXCLUDE ItemID WHERE Items.GENRE < "M")", "operator < cannot be used with the string field Items.GENRE",
	 22},
	{80, R"(INCLUDE ItemID WHERE Items.A IN ("x") | )", "filter expression is incomplete", 41},
};

const Example more_mistakes[] = {
	{100, " \n ", "filter expression is empty", 4},
	{101, "INCLUDE ItemID WHERE Items.GENRE = Drama", "strings must be quoted", 36},
	{102, "INCLUDE ItemID WHERE Items.PRICE = 1e5", "malformed number \"1e5\"", 36},
	{103, "INCLUDE ItemID WHERE Items.PRICE = .5", "malformed number \".5\"", 36},
	{104, "INCLUDE ItemID WHERE Items.PRICE = 10 + 5", "filters cannot calculate", 39},
	{105, "INCLUDE ItemID WHERE Items.PRICE * 2 = 10", "filters cannot calculate", 34},
	{106, "INCLUDE ItemID WHERE Items.PRICE == 10", "unrecognized operator \"==\"", 34},
	{107, "INCLUDE ItemID WHERE Items.PRICE <> 10", "unrecognized operator \"<>\"", 34},
	{108, "INCLUDE ItemID WHERE PRICE < 10", "field must be written with its dataset", 22},
	{109, R"(INCLUDE ItemID WHERE Action.TYPE IN ("a"))", "unrecognized dataset \"Action\"", 22},
	{110, "INCLUDE ItemID WHERE Items < 10", "field name is missing", 28},
	{111, R"(INCLUDE ItemID WHERE Items."PRICE" < 10)", "field name must not be quoted", 28},
	{112, "INCLUDE ItemID WHERE Items.PRICE < Items.RATING",
	 "two fields can be compared only if the right one is of CurrentItem", 36},
	{113, "INCLUDE ItemID WHERE Items.PRICE < (CurrentItem.PRICE)",
	 "only a number or a placeholder may stand in parentheses", 37},
	{114, "INCLUDE ItemID WHERE Items.GENRE IN ()", "list is empty", 38},
	{115, R"(INCLUDE ItemID WHERE Items.GENRE IN "Drama")", "IN must be followed by a list in parentheses", 37},
	{116, "INCLUDE ItemID WHERE Items.GENRE IN $GENRE", "IN must be followed by a list in parentheses", 37},
	{117, "INCLUDE ItemID WHERE Items.GENRE IN (Drama)", "strings must be quoted", 38},
	{118, R"(INCLUDE ItemID WHERE Items.GENRE IN (“Drama”))", "strings must be in straight quotes", 38},
	{119, R"(INCLUDE ItemID WHERE Items.GENRE IN ("Drama" "x"))", "values of a list must be separated by commas", 46},
	{120, R"(INCLUDE ItemID WHERE Items.GENRE IN ("Drama",))", "list is incomplete", 46},
	{121, R"(INCLUDE ItemID WHERE Items.GENRE IN ("Drama")", "list has no closing parenthesis", 45},
	{122, R"(INCLUDE ItemID WHERE Items.GENRE IN ("Drama))", "string has no closing quote", 45},
	{123, R"(INCLUDE ItemID WHERE Items.GENRE IN ("Dra\ma"))", "backslash must stand before a quote or a backslash",
	 43},
	{124, R"(INCLUDE ItemID WHERE Items.GENRE NOT LIKE "x")", "NOT must be followed by IN", 38},
	{125, R"(INCLUDE ItemID WHERE Items.GENRE NOT IN ("*"))", "\"*\" can be used with EVENT_TYPE only", 42},
	{126, R"(INCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN ("*"))", "\"*\" must stand alone after IN", 54},
	{127, R"(INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*", "a"))", "\"*\" must stand alone after IN", 50},
	{128, R"(INCLUDE ItemID WHERE Interactions.EVENT_TYPE = "a")",
	 "operator = cannot be used with Interactions.EVENT_TYPE", 22},
	{129, R"(INCLUDE ItemID WHERE Items.GENRE NOT IN ("a", $B))", "placeholders are not allowed with NOT IN", 47},
	{130, "INCLUDE ItemID WHERE Items.GENRE NOT IN CurrentItem.GENRE", "CurrentItem is not allowed with NOT IN", 41},
	{131, "INCLUDE ItemID WHERE Items.GENRE = CurrentItem.GENRE",
	 "operator = cannot compare Items.GENRE with CurrentItem", 22},
	{132, "INCLUDE ItemID WHERE Items.PRICE IN CurrentItem.PRICE",
	 "operator IN cannot compare Items.PRICE with CurrentItem", 22},
	{133, "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.GENRE",
	 "field CurrentItem.GENRE cannot be compared with Items.PRICE", 36},
	{134, "INCLUDE ItemID WHERE Items.PRICE = NULL", "filters cannot test for missing values", 36},
	{135, "INCLUDE ItemID WHERE Items.PRICE < ($P", "parenthesis is not closed", 39},
	{136, "INCLUDE ItemID WHERE Items.PRICE < $", "placeholder has no valid name", 37},
	{137, "INCLUDE ItemID WHERE Items.PRICE <", "condition is incomplete", 35},
	{138, "INCLUDE ItemID WHERE Items.PRICE", "condition is incomplete", 33},
	{139, "INCLUDE ItemID WHERE Items.PRICE < 10 AND", "condition is missing", 42},
	{140, "INCLUDE ItemID WHERE Items.PRICE < 10 INCLUDE ItemID WHERE Items.PRICE < 10",
	 "expressions must be chained with \"|\"", 39},
	{141, "INCLUDE ItemID WHERE Items.PRICE < 10 ORDER BY x", "filter expression goes on after its end", 39},
	{142, "INCLUDE ItemID WHERE Items.PRICE < 10 | INCLUDE UserID WHERE Users.AGE < 10",
	 "all expressions of a filter must have the same target", 41},
	{143, "INCLUDE UserID WHERE Users.AGE < 10 IF CurrentUser.AGE < 18", "IF cannot be used with UserID", 40},
	{144, R"(INCLUDE ItemID WHERE Items.CREATION_TIMESTAMP < "2024-01-01")", nullptr, 0},
	{145, R"(INCLUDE ItemID WHERE Items.CREATION_TIMESTAMP < "2024-13-01")", "malformed time \"2024-13-01\"", 49},
	{146, R"(EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase") AND Interactions.TIMESTAMP > $SINCE)",
	 nullptr, 0},
	{147, R"(EXCLUDE ItemID WHERE Interactions.TIMESTAMP IN ("x"))",
	 "operator IN cannot be used with Interactions.TIMESTAMP, since it is a timestamp", 22},
	{148, R"(INCLUDE ItemID WHERE Items.PRICE < "10")", "number field Items.PRICE cannot be compared with a string",
	 36},
	{149, "INCLUDE ItemID WHERE Items.GENRE = 10", "string field Items.GENRE cannot be compared with a number", 36},
};

void run(const Example &example) {
	CAPTURE(example.number);
	CAPTURE(example.text);
	CheckOptions options;
	options.service_limits = example.number <= 80;
	std::string message, detail, hint;
	try {
		const Filter filter = parse(example.text);
		check(filter, shop_fields(), options);
		const std::string canonical = print(filter);
		CHECK(print(parse(canonical)) == canonical);
	} catch (const Error &e) {
		message = e.what();
		detail = e.detail();
		hint = e.hint();
		CHECK(std::string(e.sqlstate()) == (example.text == kElevenFields ? "RS003" : "RS005"));
		CHECK(!hint.empty());
		CHECK(!detail.empty());
	}
	CHECK(message == (example.message == nullptr ? "" : example.message));
	if (example.place != 0)
		CHECK(detail.substr(0, detail.find(':')) == "At character " + std::to_string(example.place));
}

} // namespace

TEST_CASE("the eighty examples") {
	CHECK(std::size(examples) == 80);
	for (const Example &example : examples)
		run(example);
}

TEST_CASE("mistakes get messages of their own") {
	for (const Example &example : more_mistakes)
		run(example);
}

TEST_CASE("without service limits eleven fields are fine") {
	CHECK_NOTHROW(check(parse(kElevenFields), shop_fields()));
	CheckOptions limits;
	limits.service_limits = true;
	const Filter two_fields = parse("INCLUDE ItemID WHERE Items.PRICE < 10 AND Items.YEAR > 1970");
	for (int i = 0; i < 18; ++i)
		limits.fields_of_other_filters.insert("Items.other" + std::to_string(i));
	CHECK_NOTHROW(check(two_fields, shop_fields(), limits));
	limits.fields_of_other_filters.insert("Items.year"); // the same field again counts once
	CHECK_NOTHROW(check(two_fields, shop_fields(), limits));
	limits.fields_of_other_filters.insert("Items.one_too_many");
	CHECK_THROWS_AS(check(two_fields, shop_fields(), limits), Error);
}

TEST_CASE("an expression has 1 to 2500 characters, not bytes") {
	const std::string head = "INCLUDE ItemID WHERE Items.GENRE IN (\"", tail = "\")";
	const auto filled = [&](std::size_t characters) {
		std::string text = head;
		for (std::size_t i = head.size() + tail.size(); i < characters; ++i)
			text += "\xC3\xA4";
		return text + tail;
	};
	CHECK_NOTHROW(parse(filled(2500)));
	CHECK_THROWS_WITH(parse(filled(2501)), "filter expression is too long");
	CHECK_NOTHROW(parse(filled(2501), 5000));
}

TEST_CASE("places are counted in characters") {
	try {
		check(
			parse(
				"INCLUDE ItemID WHERE Items.GENRE IN (\"\xC3\xA4\xE2\x82\xAC\xF0\x9D\x84\x9E\") AND Items.NOSUCH = 1"),
			shop_fields());
		FAIL("accepted");
	} catch (const Error &e) {
		CHECK(std::string(e.detail()) == "At character 49: found \"Items.NOSUCH\", expected a field of Items.");
	}
}

TEST_CASE("keywords, datasets and targets in any case; blanks anywhere; both quotes; escapes") {
	const Filter filter = parse("include\titemid\nWhere items . price<-3.50 and iTEMS.genre!='it\\'s \"x\" \\\\'or "
								"Items.year=(1)and Items.year>( $P )"
								" if currentuser.AGE>=18|EXCLUDE ItemID where Items.tags in('a',\"b\")");
	CHECK(print(filter) ==
		  "INCLUDE ItemID WHERE Items.price < -3.50 AND Items.genre != \"it's \\\"x\\\" \\\\\" OR Items.year = 1 AND "
		  "Items.year > $P IF CurrentUser.AGE >= 18 | EXCLUDE ItemID WHERE Items.tags IN (\"a\", \"b\")");
	REQUIRE(filter.expressions.size() == 2);
	CHECK(filter.expressions[0].where.size() == 2); // AND binds tighter
	CHECK(filter.expressions[0].where[1].size() == 2);
	CHECK(std::get<Text>(filter.expressions[0].where[0][1].operand).value == "it's \"x\" \\");
	CHECK(placeholder_names(filter) == std::set<std::string>{"P"});
	CHECK(uses(filter, Relation::CurrentUser));
	CHECK(!uses(filter, Relation::Interactions));
}
