#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.hpp"
#include "serve/batch_line.hpp"

using namespace recsys;
using namespace recsys::serve;

namespace {

BatchLine parsed(std::string_view text) {
	BatchLine line;
	parse_batch_line(text, line);
	return line;
}

std::string reason_of(std::string_view text) {
	BatchLine line;
	try {
		parse_batch_line(text, line);
	} catch (const Error &e) {
		CHECK(std::string(e.sqlstate()) == sqlstate::InvalidParameter);
		CHECK_FALSE(line.input.is_null());
		return e.what();
	}
	return "";
}

} // namespace

TEST_CASE("batch lines: what they ask") {
	const BatchLine line = parsed(R"({"userId":"4638","itemList":["27",886],"filterValues":{"G":"\"a\",\"b\""},"note":[1.5]})");
	CHECK(line.user == "4638");
	CHECK_FALSE(line.item.has_value());
	CHECK(line.items == std::vector<std::string>{"27", "886"});
	CHECK(line.filter_values == R"({"G":"\"a\",\"b\""})");
	CHECK(line.input.dump() == R"({"userId":"4638","itemList":["27",886],"filterValues":{"G":"\"a\",\"b\""},"note":[1.5]})");
	CHECK(parsed(R"( { "itemId" : 105 } )").item == "105");
	CHECK(parsed(R"({"itemAttributes":"ITEMS.genres = \"Comedy\""})").attributes == R"(ITEMS.genres = "Comedy")");
	CHECK_FALSE(parsed(R"({"userId":null})").user.has_value());
	CHECK(parsed("{}").filter_values == "{}");
}

TEST_CASE("batch lines: what is wrong with them") {
	BatchLine line;
	CHECK(reason_of("broken") == "line is not valid JSON");
	CHECK(reason_of("") == "line is not valid JSON");
	CHECK(reason_of(R"({"userId":"1"} {"userId":"2"})") == "line is not valid JSON");
	CHECK(reason_of("{\"userId\":\"\xff\"}") == "line is not valid JSON");
	CHECK(reason_of(R"({"x":1e999})") == "line is not valid JSON");
	CHECK(reason_of("[1]") == "line is not a JSON object");
	CHECK(reason_of(R"({"userId":1.5})") == "\"userId\" must be a string");
	CHECK(reason_of(R"({"userId":{}})") == "\"userId\" must be a string");
	CHECK(reason_of(R"({"itemList":"a"})") == "\"itemList\" must be an array");
	CHECK_THROWS_AS(parse_batch_line(R"({"itemList":7})", line), Error);
	CHECK(line.input.dump() == R"({"itemList":7})"); // it is known, though it is wrong
	CHECK(reason_of(R"({"itemList":[null]})") == "\"itemList\" must be a string");
	CHECK(reason_of(R"({"userId":"\u0000"})") == "line contains a zero character");
	CHECK(reason_of("{\"x\":" + std::string(100000, '[') + std::string(100000, ']') + "}") == "line is nested more than 32 levels deep");
}

TEST_CASE("batch lines: answers, to the byte") {
	const LineJson input = parsed(R"({"userId": "4638"})").input;
	const LineJson output{{"recommendedItems", {"63992", "115149"}}, {"scores", {0.0152, 0.0069}}};
	CHECK(batch_answer(input, output, NoError::Null) ==
		  R"({"input":{"userId":"4638"},"output":{"recommendedItems":["63992","115149"],"scores":[0.0152,0.0069]},"error":null})");
	CHECK(batch_answer(LineJson{{"itemId", "105"}}, LineJson{{"recommendedItems", {"106", "107"}}}, NoError::Absent) ==
		  R"({"input":{"itemId":"105"},"output":{"recommendedItems":["106","107"]}})");
	CHECK(batch_failure(input, "no \"such\" thing") == R"({"input":{"userId":"4638"},"output":null,"error":"no \"such\" thing"})");
	// whatever a line was, its answer is one line of valid text
	BatchLine line;
	CHECK_THROWS_AS(parse_batch_line(std::string_view("a\0\xff\t", 4), line), Error);
	CHECK(batch_failure(line.input, "x") == "{\"input\":\"a\xEF\xBF\xBD\xEF\xBF\xBD\\t\",\"output\":null,\"error\":\"x\"}");
}

TEST_CASE("batch lines: cutting") {
	LineCutter cutter("a\r\n\n  b\nc");
	std::vector<std::string> lines;
	for (std::string_view line; cutter.next(line);)
		lines.emplace_back(line);
	CHECK(lines == std::vector<std::string>{"a", "", "  b", "c"});
	CHECK(LineCutter::blank(" \t"));
	CHECK_FALSE(LineCutter::blank(" x"));
	std::string_view none;
	CHECK_FALSE(LineCutter("").next(none));
}
