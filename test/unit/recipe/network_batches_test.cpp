#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/rng.hpp"
#include "recipe/network_batches.hpp"

using namespace recsys;
using namespace recsys::recipe;

namespace {

/// Histories of the lengths given; an event's item is its index. Two events share a moment.
NetworkEvents histories(const std::vector<std::size_t> &lengths) {
	NetworkEvents events(nullptr);
	events.extra_columns = 1;
	events.extra_unknown = 77;
	for (const std::size_t length : lengths) {
		for (std::size_t i = 0; i < length; ++i) {
			events.item.push_back(static_cast<std::uint32_t>(events.item.size()));
			events.moment.push_back(static_cast<std::uint32_t>(i / 2));
			events.extra.push_back(static_cast<std::uint32_t>(i));
			events.session.push_back(i % 5 == 0);
		}
		events.begin.push_back(events.item.size());
	}
	return events;
}

} // namespace

TEST_CASE("network batches: pieces cover each step from one event to the next once, and are cut elsewhere in each epoch") {
	const NetworkEvents events = histories({0, 1, 2, 9, 10, 11, 35});
	std::set<std::uint32_t> first_lengths;
	for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
		std::vector<int> foretells(events.size());
		for (const NetworkPiece &piece : cut_histories(events, 10, {1, epoch}, {})) {
			CHECK(piece.length >= 1);
			CHECK(piece.length <= 10);
			CHECK(piece.begin >= events.begin[piece.user]);
			CHECK(piece.begin + piece.length < events.begin[piece.user + 1]);
			for (std::uint32_t i = 0; i < piece.length; ++i)
				++foretells[piece.begin + i];
			if (piece.user == 6 && piece.begin == events.begin[6])
				first_lengths.insert(piece.length);
		}
		for (std::size_t user = 0; user < events.users(); ++user)
			for (std::uint64_t e = events.begin[user]; e < events.begin[user + 1]; ++e)
				CHECK(foretells[e] == (e + 1 < events.begin[user + 1]));
	}
	CHECK(first_lengths.size() > 5);
}

TEST_CASE("network batches: pieces of similar length meet, each once") {
	std::vector<std::size_t> lengths;
	Rng rng(2);
	for (int i = 0; i < 1000; ++i)
		lengths.push_back(2 + rng.below(100));
	const NetworkEvents events = histories(lengths);
	const auto pieces = cut_histories(events, 200, {1, 0}, {});
	const auto batches = group_pieces(pieces, 16, 200, {1, 0}, {});
	std::set<std::uint32_t> users;
	for (const auto &batch : batches) {
		CHECK(batch.size() >= (&batch == &batches.back() ? 1 : 8));
		const auto [least, most] = std::minmax_element(batch.begin(), batch.end(), [](const auto &a, const auto &b) { return a.length < b.length; });
		CHECK(most->length - least->length <= 30);
		for (const NetworkPiece &piece : batch)
			CHECK(users.insert(piece.user).second);
	}
	CHECK(users.size() == pieces.size());
	CHECK(group_pieces(pieces, 16, 200, {1, 1}, {})[0][0].user != batches[0][0].user);
}

TEST_CASE("network batches: packed by steps, the longest first; only events of one moment change places") {
	const NetworkEvents events = histories({6, 12});
	const std::vector<NetworkPiece> pieces = {{0, 5, 0}, {6, 11, 1}};
	std::set<std::uint32_t> seen_first;
	for (std::uint64_t epoch = 0; epoch < 10; ++epoch) {
		PackedHistories packed;
		pack_pieces(events, pieces, {1, epoch}, packed);
		REQUIRE(packed.steps() == 11);
		REQUIRE(packed.events() == 16);
		for (std::size_t t = 0; t < 11; ++t) {
			CHECK(packed.rows(t) == (t < 5 ? 2 : 1));
			const std::uint32_t longest = packed.step[t];
			CHECK((packed.slot[longest] - 6) / 2 == t / 2);
			CHECK((packed.target[longest] - 6) / 2 == (t + 1) / 2);
			CHECK(packed.extra[longest] == (t == 0 ? 77 : t)); // belongs to the place, not to the item
			CHECK(packed.session[longest] == (t % 5 == 0));
			if (t > 0)
				CHECK(packed.slot[longest] == packed.target[packed.step[t - 1]]);
			if (t < 5)
				CHECK(packed.slot[longest + 1] / 2 == t / 2);
		}
		seen_first.insert(packed.slot[0]);
	}
	CHECK(seen_first == std::set<std::uint32_t>{6, 7});
}
