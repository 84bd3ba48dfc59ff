#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "recipe/exploration.hpp"

using namespace recsys;
using namespace recsys::recipe;

namespace {

constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::size_t kItems = 200;

/// 200 items, logits falling from 0 by 0.05; items 100, 101, … 119 are young, of which the first ten were never met.
struct World {
	artifact::Writer writer{"user-personalization"};
	Budgeted<std::byte> bytes;
	artifact::View view;
	math::DescendingOrder order;

	World() {
		std::vector<std::uint32_t> items;
		std::vector<std::int64_t> created;
		std::vector<float> met;
		for (std::uint32_t i = 0; i < 20; ++i) {
			items.push_back(100 + i);
			created.push_back((100 - i) * kDay);
			met.push_back(i < 10 ? 0.0f : static_cast<float>(i));
		}
		const std::int64_t newest = 100 * kDay;
		writer.add<std::uint32_t>("explore.items", items);
		writer.add<std::int64_t>("explore.created", created);
		writer.add<float>("explore.met", met);
		writer.add<std::int64_t>("explore.newest", {&newest, 1});
		bytes = writer.finish();
		view = artifact::View(bytes);
	}
	Scores explored(double weight, std::int64_t oldest = 0, std::uint64_t key = 1) {
		Scores scores;
		double sum = 0;
		for (std::size_t i = 0; i < kItems; ++i) {
			scores.logit.push_back(-0.05f * static_cast<float>(i));
			sum += std::exp(static_cast<double>(scores.logit.back()));
		}
		scores.reason.assign(kItems, Reason::Personal);
		scores.log_normalizer = std::log(sum);
		Exploration(view, kItems).apply(weight, oldest, key, order, scores);
		return scores;
	}
	/// Young items among the first 25.
	std::size_t young(const Scores &scores) {
		order.reset(scores.logit);
		std::size_t n = 0;
		for (const math::Scored &best : order.next(25))
			n += best.item >= 100 && best.item < 120;
		return n;
	}
};

} // namespace

TEST_CASE("exploration: more weight never lowers the share of young items, none changes nothing") {
	World world;
	const Scores plain = world.explored(0);
	CHECK(plain.logit[100] == -5.0f);
	std::size_t before = world.young(plain);
	CHECK(before == 0);
	for (const double weight : {0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0}) {
		const Scores scores = world.explored(weight);
		CHECK(world.young(scores) >= before);
		before = world.young(scores);
		for (std::size_t i = 0; i < kItems; ++i) {
			if (i < 100 || i >= 120)
				CHECK(scores.logit[i] == plain.logit[i]);
			else
				CHECK(scores.logit[i] > plain.logit[i]);
		}
	}
	CHECK(before >= 4); // about half of those that were never met
	CHECK(before <= 10);
}

TEST_CASE("exploration: the bonus falls with what is known, the scores stay shares of the catalogue, reasons tell") {
	World world;
	const Scores scores = world.explored(0.5);
	const auto rise = [&](std::size_t i) { return scores.logit[i] + 0.05f * static_cast<float>(i); };
	CHECK(rise(105) > 2 * rise(112)); // noise included
	double sum = 0;
	for (const float logit : scores.logit)
		sum += std::exp(static_cast<double>(logit) - scores.log_normalizer);
	CHECK(sum == doctest::Approx(1));
	CHECK(scores.reason[105] == Reason::Exploration);
	CHECK(scores.reason[115] == Reason::Personal);
	CHECK(scores.reason[99] == Reason::Personal);
}

TEST_CASE("exploration: the cut-off keeps older items as they are; noise holds still for one key and differs between keys") {
	World world;
	const Scores scores = world.explored(0.5, 95 * kDay);
	CHECK(scores.logit[105] > -5.2f);
	CHECK(scores.logit[106] == -0.05f * 106);
	CHECK(world.explored(0.5).logit == world.explored(0.5).logit);
	CHECK(world.explored(0.5, 0, 1).logit != world.explored(0.5, 0, 2).logit);
	CHECK(world.explored(0.5, 101 * kDay).logit == world.explored(0).logit);
}

TEST_CASE("exploration: damaged sections are refused") {
	World world;
	CHECK_THROWS_AS(Exploration(world.view, 110), Error);
}
