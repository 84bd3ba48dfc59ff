#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "recipe/evaluate.hpp"
#include "base/hash.hpp"
#include "recipe/recurrent_network.hpp"
#include "recipe/user_states.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::recipe;
using test::Row;
using test::Training;

namespace {

constexpr const char *kRecipe = "user-personalization";
constexpr std::int64_t kSecond = 1'000'000, kDay = 86400 * kSecond;

std::string item_id(std::uint64_t item) { return "i" + std::to_string(1000 + item); }

/// What comes next depends on the last two items, which no count of pairs can tell: next = last + (last moved up ? 1 : -1).
std::vector<Row> swings(std::size_t n_users, std::uint64_t n_items) {
	std::vector<Row> rows;
	for (std::size_t user = 0; user < n_users; ++user) {
		Rng rng(3, user);
		std::uint64_t item = rng.below(n_items), up = rng.below(2);
		for (std::int64_t e = 0; e < 20; ++e) {
			rows.push_back({"u" + std::to_string(user), item_id(item), "", e * kSecond});
			if (rng.below(8) == 0)
				up ^= 1;
			item = (item + (up != 0 ? 1 : n_items - 1)) % n_items;
		}
	}
	return rows;
}

/// Each session is a walk from anywhere; only the first item of the first session tells which of two ways a user walks.
std::vector<Row> habits(std::size_t n_users, std::uint64_t n_items) {
	std::vector<Row> rows;
	for (std::size_t user = 0; user < n_users; ++user) {
		Rng rng(4, user);
		std::int64_t time = 0;
		const std::uint64_t step = rng.below(2) != 0 ? 1 : 7;
		for (int session = 0; session < 6; ++session, time += kDay) {
			std::uint64_t item = rng.below(n_items);
			for (int e = 0; e < 3; ++e, time += 10 * kSecond) {
				rows.push_back({"u" + std::to_string(user), item_id(item), "", time});
				item = (item + step) % n_items;
			}
		}
	}
	return rows;
}

struct Fitted {
	RecurrentNetwork expert;
	artifact::Writer writer{kRecipe};
	Fitted(Training &training, bool once_more = false) {
		const TrainRequest request = training.request();
		const auto sides = data::split_users(request.data, kHeldOutShare, request.seed);
		const HeldOutCases cases(request, sides, 500);
		const Sequences sequences(request, sides);
		expert.fit(request, sequences, &cases, writer);
		if (once_more) {
			writer = artifact::Writer(kRecipe);
			expert.fit(request, Sequences(request, {}), nullptr, writer);
		}
	}
};

std::vector<Event> walk(std::initializer_list<std::uint32_t> items, std::int64_t time = 0) {
	std::vector<Event> events;
	for (const std::uint32_t item : items)
		events.push_back({item, time + static_cast<std::int64_t>(events.size()) * kSecond, 1});
	return events;
}

std::uint32_t best(const ExpertScorer &scorer, const std::vector<Event> &history, std::size_t n_items) {
	PastBuffer past;
	past.read(history, n_items);
	std::vector<float> logit(n_items);
	std::vector<std::uint32_t> dirty(n_items);
	scorer.add(past.past(), 1.0f, {logit.data(), dirty.data(), n_items / Dense::kBlock + 1});
	return static_cast<std::uint32_t>(std::max_element(logit.begin(), logit.end()) - logit.begin());
}

} // namespace

TEST_CASE("recurrent network: the order of the past is understood") {
	const data::TrainingSet set = test::make_set(swings(1500, 40));
	Training training(set, kRecipe, {}, 2);
	Fitted fitted(training, true);
	const auto bytes = fitted.writer.finish();
	const artifact::View view(bytes);
	const auto scorer = fitted.expert.open(view, set.n_items());
	std::size_t right = 0;
	for (std::uint32_t item = 2; item < 38; ++item) {
		right += best(*scorer, walk({item - 2, item - 1, item}), set.n_items()) == item + 1;
		right += best(*scorer, walk({item + 2, item + 1, item}), set.n_items()) == item - 1;
	}
	CHECK(right > 64); // of 72
}

TEST_CASE("recurrent network: the same bytes on one thread and on three, once and once more") {
	const data::TrainingSet set = test::make_set(test::shop(300, 700, 5));
	for (const bool once_more : {false, true}) {
		Training one(set, kRecipe, {}, 1), three(set, kRecipe, {}, 3);
		CHECK(Fitted(one, once_more).writer.finish() == Fitted(three, once_more).writer.finish());
	}
}

TEST_CASE("recurrent network: sessions are found by their pauses, and told ones are taken") {
	Training training(test::make_set({}), kRecipe);
	SessionFinder paused, told, days, one;
	for (std::int64_t user = 0; user < 10; ++user) {
		std::vector<Event> by_pause, by_name, daily, single;
		for (std::int64_t e = 0; e < 30; ++e) {
			by_pause.push_back({1, user + e * 10 * kSecond + e / 6 * 7200 * kSecond + 1, 1});
			by_name.push_back({1, e * kSecond, 1, static_cast<std::uint32_t>(e / 10)});
			daily.push_back({1, e * kDay, 1});
			single.push_back({1, e * kSecond, 1});
		}
		paused.add(by_pause);
		told.add(by_name);
		days.add(daily);
		one.add(single);
	}
	CHECK(paused.found().pause == 1800 * kSecond);
	CHECK(paused.found().two_levels());
	CHECK(told.found().told_sessions == 1);
	CHECK(told.found().begins_session({1, 5, 1, 3}, {1, 6, 1, 4}));
	CHECK(!told.found().begins_session({1, 5, 1, 3}, {1, 6 + kDay, 1, 3}));
	CHECK(!days.found().two_levels());
	CHECK(!one.found().two_levels());
	constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
	CHECK(paused.found().begins_session({1, -kEnd, 1}, {1, kEnd, 1}));
	std::uint32_t row = 0;
	const Event first{1, -kEnd, 1}, last{1, kEnd, 1};
	paused.found().rows(&first, last, &row);
	CHECK(row < EventCode::kRows);
}

TEST_CASE("recurrent network: what a user did in earlier sessions reaches the next one") {
	const data::TrainingSet set = test::make_set(habits(2500, 40));
	Training training(set, kRecipe, {}, 2);
	Fitted fitted(training);
	const auto bytes = fitted.writer.finish();
	const artifact::View view(bytes);
	CHECK(view.get<std::uint32_t>("recurrent.shape")[1] == 1); // two levels
	const auto scorer = fitted.expert.open(view, set.n_items());
	std::size_t right = 0, asked = 0;
	for (const std::uint32_t step : {1u, 7u})
		for (std::uint32_t item = 0; item < 25; ++item, ++asked) {
			auto history = walk({item, item + step, item + 2 * step});
			history.push_back({item / 2, kDay, 1}); // a new session: its first item says nothing about the step
			right += best(*scorer, history, set.n_items()) == item / 2 + step;
		}
	CHECK(right >= asked * 8 / 10);
}

TEST_CASE("recurrent network: a stored state answers as the whole history does, and only for the history that it was made of") {
	std::vector<Row> rows = habits(400, 40);
	for (std::int64_t e = 0; e < 300; ++e) // more than a request looks at
		rows.push_back({"long", item_id(static_cast<std::uint64_t>(e * 7 % 40)), "", e * 600 * kSecond});
	const data::TrainingSet set = test::make_set(rows);
	Training training(set, kRecipe, {}, 2);
	Fitted fitted(training, true);
	const auto bytes = fitted.writer.finish();
	const artifact::View view(bytes);
	const NetworkShape shape{view.get<std::uint32_t>("recurrent.shape")[0], EventCode::kRows, true};
	REQUIRE(view.get<std::uint32_t>("recurrent.shape")[1] == 1);
	const UserStates states(view, shape);
	EventCode code;
	std::memcpy(&code.pause, &view.get<std::uint32_t>("recurrent.shape")[4], sizeof code.pause);
	const auto scorer = fitted.expert.open(view, set.n_items());
	const auto answers = [&](const std::vector<Event> &history, std::string_view user, std::size_t expected) {
		PastBuffer past;
		past.read(history, set.n_items(), hash64(user));
		std::vector<float> state;
		CHECK(states.find(past.past(), code, state) == expected);
		std::vector<float> with(set.n_items()), without(set.n_items());
		std::vector<std::uint32_t> dirty(set.n_items());
		const std::size_t blocks = set.n_items() / Dense::kBlock + 1;
		scorer->add(past.past(), 1.0f, {with.data(), dirty.data(), blocks});
		past.read(history, set.n_items());
		scorer->add(past.past(), 1.0f, {without.data(), dirty.data(), blocks});
		CHECK((with == without) == (expected == 0));
		for (std::size_t item = 0; item < set.n_items(); ++item)
			CHECK(std::abs(with[item] - without[item]) < 0.02f);
	};
	for (const std::string_view user : {"u7", "long"}) {
		const std::uint32_t ordinal = set.users().find(user);
		std::vector<Event> history;
		for (std::size_t e = set.user_begin(ordinal); e < set.user_begin(ordinal + 1); ++e)
			history.push_back({set.item()[e], set.time()[e], 1});
		const auto newest = [](std::vector<Event> events) {
			return events.size() <= kMaxPast ? events : std::vector<Event>(events.end() - kMaxPast, events.end());
		};
		answers(newest(history), user, 1);
		answers(newest(history), "u8", 0);
		auto now = history;
		now.push_back({3, history.back().time + kSecond, 1}); // in the session
		answers(newest(now), user, 2);
		now.push_back({5, history.back().time + kDay, 1}); // a new one
		now.push_back({6, history.back().time + kDay + kSecond, 1});
		answers(newest(now), user, 4);
		auto changed = now;
		changed[history.size() - 3].item ^= 1;
		answers(newest(changed), user, 0);
		changed = now;
		changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(history.size()) - 2);
		answers(newest(changed), user, 0);
		changed = now;
		changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(history.size()) - 4, {9, changed[history.size() - 4].time, 1});
		answers(newest(changed), user, 0);
		changed = now;
		changed.back().sign = -1; // takes back what went before, if there was any
		const bool takes_back = std::any_of(history.begin(), history.end(), [](const Event &e) { return e.item == 6; });
		answers(newest(changed), user, takes_back ? 0 : 3);
	}
}

TEST_CASE("recurrent network: stop and budget end it, and leave nothing charged") {
	const data::TrainingSet set = test::make_set(test::shop(800, 300, 6));
	Training tight(set, kRecipe, {}, 2, 400'000);
	CHECK_THROWS_AS(Fitted{tight}, Error);
	CHECK(tight.budget().used() == 0);
	struct Stopping final : Executor {
		std::atomic<bool> flag{false};
		int jobs;
		explicit Stopping(int n) : jobs(n) {}
		std::size_t threads() const noexcept override { return 1; }
		void run(std::size_t n, const std::function<void(std::size_t)> &task) override {
			flag = flag || --jobs == 0;
			for (std::size_t i = 0; i < n; ++i)
				task(i);
		}
	};
	for (const int jobs : {1, 2, 20}) {
		Training training(set, kRecipe);
		Stopping executor(jobs);
		const TrainRequest base = training.request();
		const TrainRequest request{base.data, base.hyperparameters, base.type_sign, base.seed, executor, StopToken(&executor.flag),
								   base.monitor, base.budget};
		{
			RecurrentNetwork expert;
			artifact::Writer writer(kRecipe);
			CHECK_THROWS_AS(expert.fit(request, Sequences(request, {}), nullptr, writer), Cancelled);
		}
		CHECK(training.budget().used() == 0);
	}
}
