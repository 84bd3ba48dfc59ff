// What a blend tells of its scores.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <string>

#include "recipe/blend.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::recipe;
using test::Model;
using test::Training;

namespace {

std::vector<Event> some_history(std::uint64_t seed, std::size_t n, std::size_t n_items) {
	std::vector<Event> history;
	Rng rng(99, seed);
	for (std::size_t i = 0; i < n; ++i)
		history.push_back({static_cast<std::uint32_t>(rng.below(n_items)), static_cast<std::int64_t>(i) * 1'000'000, 1});
	return history;
}

Query ask(const std::vector<Event> &history) {
	Query query;
	query.history = history;
	return query;
}

std::vector<double> ranks(const std::vector<double> &values) {
	std::vector<double> rank(values.size(), 0);
	for (std::size_t i = 0; i < values.size(); ++i)
		for (const double other : values)
			rank[i] += other < values[i];
	return rank;
}

double correlation(const std::vector<double> &a, const std::vector<double> &b) {
	const auto n = static_cast<double>(a.size());
	const double ma = std::accumulate(a.begin(), a.end(), 0.0) / n, mb = std::accumulate(b.begin(), b.end(), 0.0) / n;
	double ab = 0, aa = 0, bb = 0;
	for (std::size_t i = 0; i < a.size(); ++i) {
		ab += (a[i] - ma) * (b[i] - mb);
		aa += (a[i] - ma) * (a[i] - ma);
		bb += (b[i] - mb) * (b[i] - mb);
	}
	return ab / std::sqrt(aa * bb);
}

} // namespace

TEST_CASE("explain: the parts add up to the logit, and events stand in the order of what leaving them out costs") {
	const data::TrainingSet set = test::make_set(test::shop(1500, 100, 21));
	Model model(Training(set, "user-personalization", {}, 2));
	double agreement = 0;
	std::set<std::string> experts;
	constexpr std::size_t kAsked = 12;
	for (std::size_t asked = 0; asked < kAsked; ++asked) {
		const std::vector<Event> history = some_history(asked, 4 + 2 * asked, set.n_items());
		const std::uint32_t best = model.answer(ask(history)).front();
		Explanation told;
		std::size_t polls = 0;
		REQUIRE(model.scorer->explain(ask(history), best, [&] { ++polls; }, told));
		model.scorer->score(ask(history), model.scores);
		CHECK(told.logit == doctest::Approx(static_cast<double>(model.scores.logit[best])));
		CHECK(told.log_normalizer == model.scores.log_normalizer);
		CHECK(polls >= history.size());
		double sum = 0;
		std::vector<double> share(history.size(), 0), loss(history.size());
		for (const Explanation::Part &part : told.parts) {
			sum += part.logit;
			CHECK(!part.expert.empty());
			if (part.source == Explanation::Source::Event)
				experts.insert(part.expert), share.at(part.event) += part.logit;
		}
		CHECK(sum == doctest::Approx(told.logit).epsilon(1e-4));
		for (std::size_t i = 0; i < history.size(); ++i) {
			std::vector<Event> without(history);
			without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
			model.scorer->score(ask(without), model.scores);
			loss[i] = told.logit - static_cast<double>(model.scores.logit[best]);
		}
		agreement += correlation(ranks(share), ranks(loss)) / kAsked;
		CHECK(loss[static_cast<std::size_t>(std::max_element(share.begin(), share.end()) - share.begin())] > 0);
	}
	CHECK(agreement >= 0.8);
	CHECK(experts.contains("recurrent"));
}

TEST_CASE("explain: nobody's score is popularity; a negative event rules out; other recipes tell nothing") {
	const data::TrainingSet set = test::make_set(test::shop(600, 60, 22));
	Model model(Training(set, "user-personalization", {}, 2)), popular(Training(set, "popularity-count", {}, 1));
	Explanation told;
	REQUIRE(model.scorer->explain({}, 3, [] {}, told));
	for (const Explanation::Part &part : told.parts)
		CHECK((part.source == Explanation::Source::Popularity));
	std::vector<Event> history = some_history(1, 5, set.n_items());
	history.push_back({3, 9'000'000, -1});
	REQUIRE(model.scorer->explain(ask(history), 3, [] {}, told));
	REQUIRE(told.parts.size() == 1);
	CHECK(told.parts[0].event == 5);
	CHECK(told.parts[0].logit == -INFINITY);
	CHECK(!popular.scorer->explain({}, 3, [] {}, told));
}

TEST_CASE("explain: shares sum to the score, and keep the order of the losses") {
	std::vector<double> fit{1, 2, 3}, contradicting{1, -2, 0.5};
	share_out(9, fit);
	CHECK(fit == std::vector<double>{1.5, 3, 4.5});
	share_out(6, contradicting);
	CHECK(std::accumulate(contradicting.begin(), contradicting.end(), 0.0) == doctest::Approx(6));
	CHECK(contradicting[0] > contradicting[2]);
	CHECK(contradicting[2] > contradicting[1]);
	share_out(1, {});
}
