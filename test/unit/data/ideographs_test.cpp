#include <doctest/doctest.h>

#include "data/ideographs.hpp"

using namespace recsys;

TEST_CASE("ideographs: neighbours become pairs, the rest stays") {
	std::string rest;
	std::vector<std::string> pairs;
	CHECK(!data::take_ideographs("plain text", rest, pairs));
	CHECK(!data::take_ideographs("größer, naïve, Ж, 한국어", rest, pairs)); // has spaces of its own
	CHECK(!data::take_ideographs("", rest, pairs));
	REQUIRE(data::take_ideographs("我愛你 a 星。", rest, pairs));
	CHECK(pairs == std::vector<std::string>{"我愛", "愛你", "星"});
	CHECK(rest == "  a  。");
	REQUIRE(data::take_ideographs("カタカナとABC", rest, pairs));
	CHECK(pairs.size() == 4);
	CHECK(rest == " ABC");
}

TEST_CASE("ideographs: bytes that are no UTF-8 do no harm") {
	std::string rest;
	std::vector<std::string> pairs;
	for (const std::string_view text : {"\xe6", "\xe6\x98", "\xf0\xa0\x80", "\xff\xfe\xe6\x98\x9f", "a\xe6z"}) {
		data::take_ideographs(text, rest, pairs);
		CHECK(rest.size() <= text.size() + 8);
	}
	REQUIRE(data::take_ideographs("\xf0\xa0\x80\x80\xe6\x98\x9f", rest, pairs)); // a rare character beside a common one
	CHECK(pairs.size() == 1);
}
