#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "artifact/artifact.hpp"
#include "base/rng.hpp"

using namespace recsys;
using namespace recsys::artifact;

namespace {

Writer sample() {
	Writer writer("sims");
	writer.add<std::uint64_t>("id.offsets", std::vector<std::uint64_t>{0, 1, 1, 4});
	writer.add_text("id.bytes", "abcd");
	writer.add<float>("scores", std::vector<float>{1.5f, -2.0f, 0.0f});
	writer.add_text("empty", "");
	writer.add<std::uint32_t>("big", std::vector<std::uint32_t>(1000, 7));
	return writer;
}

std::string state_of(std::span<const std::byte> bytes) {
	try {
		const View view(bytes);
		const IdView ids(view, "id");
		return "valid";
	} catch (const Error &e) {
		return e.sqlstate();
	}
}

} // namespace

TEST_CASE("what is written is read, in place and aligned") {
	const Writer writer = sample();
	const auto bytes = writer.finish();
	CHECK(bytes.size() == writer.size());
	const View view(bytes);
	CHECK(view.recipe() == "sims");
	CHECK(view.size() == bytes.size());
	CHECK(view.text("id.bytes") == "abcd");
	CHECK(view.get<float>("scores", 3)[1] == -2.0f);
	CHECK(view.get<std::uint32_t>("big").size() == 1000);
	CHECK(view.has("empty"));
	CHECK(view.text("empty").empty());
	CHECK(!view.has("emptie"));
	for (const char *name : {"id.offsets", "id.bytes", "scores", "big"})
		CHECK(reinterpret_cast<std::uintptr_t>(view.get<std::byte>(name).data()) % kAlignment == 0);
	CHECK_THROWS_AS(view.get<float>("none"), Error);
	CHECK_THROWS_AS(view.get<float>("scores", 4), Error);
	CHECK_THROWS_AS(view.get<std::uint64_t>("scores"), Error);
	const IdView ids(view, "id");
	REQUIRE(ids.size() == 3);
	CHECK(ids[0] == "a");
	CHECK(ids[1] == "");
	CHECK(ids[2] == "bcd");
	CHECK(IdView().size() == 0);
	CHECK(IdView().find("a") == 0xffffffffu);
}

TEST_CASE("ids are found") {
	Writer writer("x");
	std::string bytes;
	std::vector<std::uint64_t> offsets{0};
	for (int i = 100; i < 1000; i += 3) {
		bytes += std::to_string(i);
		offsets.push_back(bytes.size());
	}
	writer.add<std::uint64_t>("id.offsets", offsets);
	writer.add_text("id.bytes", bytes);
	const auto model = writer.finish();
	const IdView ids(View(model), "id");
	for (int i = 99; i < 1002; ++i)
		CHECK(ids.find(std::to_string(i)) ==
			  (i >= 100 && i < 1000 && (i - 100) % 3 == 0 ? static_cast<unsigned>(i - 100) / 3 : 0xffffffffu));
}

TEST_CASE("every truncation and every flipped bit is a damaged model") {
	const auto bytes = sample().finish();
	REQUIRE(state_of(bytes) == "valid");
	for (std::size_t n = 0; n < bytes.size(); ++n)
		REQUIRE(state_of(std::span(bytes).first(n)) == "RS007");
	for (std::size_t i = 0; i < bytes.size(); ++i)
		for (const int bit : {0, 3, 7}) {
			auto copy = bytes;
			copy[i] ^= static_cast<std::byte>(1 << bit);
			REQUIRE(state_of(copy) == "RS007");
		}
	auto longer = bytes;
	longer.resize(longer.size() + kAlignment);
	CHECK(state_of(longer) == "RS007");
}

TEST_CASE("offsets that lie are refused even under a right checksum") {
	for (const std::vector<std::uint64_t> &offsets :
		 {std::vector<std::uint64_t>{}, {1, 4}, {0, 3}, {0, 5}, {0, 3, 2, 4}, {0, ~std::uint64_t{0}, 4}}) {
		Writer writer("x");
		writer.add<std::uint64_t>("id.offsets", offsets);
		writer.add_text("id.bytes", "abcd");
		CHECK(state_of(writer.finish()) == "RS007");
	}
}

TEST_CASE("a layout puts stored sections together to the same bytes") {
	const Writer writer = sample();
	std::vector<Layout::Entry> entries;
	for (const Writer::Section &s : writer.sections())
		entries.push_back({s.name, s.hash, s.bytes.size(), 0});
	const Layout layout = plan_layout(writer.recipe(), entries);
	Budgeted<std::byte> out(layout.total, std::byte{0xee}); // a segment may hold anything before
	write_header(layout, out);
	for (std::size_t i = 0; i < entries.size(); ++i)
		std::ranges::copy(writer.sections()[i].bytes,
						  out.begin() + static_cast<std::ptrdiff_t>(layout.entries[i].offset));
	CHECK(std::ranges::equal(out, writer.finish()));
	CHECK_THROWS_AS(plan_layout("x", {{"a", {}, ~std::size_t{0} - 10, 0}, {"b", {}, 100, 0}}), Error);
	CHECK_THROWS_AS(plan_layout("x", {{"a", {}, 1, 0}, {"a", {}, 1, 0}}), Error);
	CHECK_THROWS_AS(plan_layout("x", {{"", {}, 1, 0}}), Error);
	CHECK_THROWS_AS(plan_layout("x", {{std::string(33, 'a'), {}, 1, 0}}), Error);
	CHECK_THROWS_AS(plan_layout("x", std::vector<Layout::Entry>(257)), Error);
}

TEST_CASE("wrong use of the writer is a programming error") {
	Writer writer("x");
	writer.add_text("a", "1");
	CHECK_THROWS_AS(writer.add_text("a", "2"), std::logic_error);
	CHECK_THROWS_AS(writer.add_text("", "2"), std::logic_error);
	CHECK_THROWS_AS(writer.add_text(std::string(33, 'a'), "2"), std::logic_error);
	CHECK_THROWS_AS(Writer(""), std::logic_error);
	for (std::size_t i = 1; i < kMaxSections; ++i)
		writer.add_text(std::to_string(i), "x");
	CHECK_THROWS_AS(writer.add_text("one too many", "x"), std::logic_error);
	const auto bytes = writer.finish();
	CHECK(View(bytes).text("255") == "x");
}

TEST_CASE("hashes are written high half first, and the budget is charged") {
	CHECK(Hash128{0xfedcba9876543210ULL, 1}.hex() == "0000000000000001fedcba9876543210");
	CHECK(hash_bytes({}) == hash_bytes({}));
	MemoryBudget budget(1 << 20);
	{
		Writer writer("x", &budget);
		writer.add<std::uint32_t>("a", std::vector<std::uint32_t>(1000));
		CHECK(budget.used() >= 4000);
		const auto bytes = writer.finish();
		CHECK(budget.used() >= 8000);
		CHECK_THROWS_AS(writer.add<std::uint64_t>("b", std::vector<std::uint64_t>(200000)), Error);
	}
	CHECK(budget.used() == 0);
}
