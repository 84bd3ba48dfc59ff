// next-best-action: its examples, its properties as a recipe, and what its probabilities are worth.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "recipe/action_examples.hpp"
#include "recipe/next_best_action.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::recipe;

namespace {

constexpr std::int64_t kDay = 86400000000, kStart = 1700000000000000;

struct Answer {
	std::string user, action, type;
	std::int64_t time;
};

/// Everything a training needs, kept alive.
struct World {
	std::vector<test::Row> events;
	std::vector<Answer> answers;
	std::map<std::string, std::string> plan; // of users: a category
	std::vector<std::string> actions;

	data::TrainingSet set;
	std::optional<ActionSet> action_set;

	void finish() {
		set = test::make_set(events);
		SerialExecutor executor;
		data::TrainingSetBuilder log(nullptr);
		AttributeTable action_table({}, nullptr), users({{"plan", true}}, nullptr);
		for (const std::string &action : actions) {
			log.add_item(action, std::nullopt);
			action_table.row(action);
		}
		for (const Answer &a : answers)
			log.add_event({a.user, a.action, a.type, std::numeric_limits<double>::quiet_NaN(), a.time, ""});
		for (const auto &[user, value] : plan) {
			users.row(user);
			users.category(0, value);
		}
		AttributeEncoder action_encoder = action_table.encode(), user_encoder = users.encode();
		action_set.emplace(ActionSet{log.finish(executor, {}), std::move(action_table), std::move(users), std::move(action_encoder),
									 std::move(user_encoder)});
	}
};

/// What decides a user's answers: his plan, and what he looked at.
struct Taste {
	bool gold, looked_at_loans;
};
/// Six actions; e and f are taken often and worth little, a is worth much to few.
constexpr double kValue[] = {40, 20, 12, 8, 3, 2};
double chance(const Taste &t, std::size_t action) {
	switch (action) {
	case 0:
		return t.gold && t.looked_at_loans ? .5 : .02;
	case 1:
		return t.gold ? .3 : .05;
	case 2:
		return t.looked_at_loans ? .6 : .1;
	case 3:
		return t.gold ? .1 : .7;
	case 4:
		return .7;
	}
	return .8;
}

Taste taste_of(std::size_t user) {
	Rng rng(77, user);
	return {rng.below(3) == 0, rng.below(2) == 0};
}

World bank(std::size_t n_users, std::uint64_t seed = 1) {
	World w;
	for (const char *action : {"a", "b", "c", "d", "e", "f", "never prompted"})
		w.actions.emplace_back(action);
	for (std::size_t u = 0; u < n_users; ++u) {
		const std::string user = "u" + std::to_string(u);
		const Taste taste = taste_of(u);
		Rng rng(seed, u);
		w.plan[user] = taste.gold ? "gold" : "basic";
		const std::int64_t joined = kStart + static_cast<std::int64_t>(rng.below(20)) * kDay;
		for (int e = 0; e < 6; ++e)
			w.events.push_back({user, (taste.looked_at_loans ? "loan" : "card") + std::to_string(rng.below(3)), "view",
								joined + static_cast<std::int64_t>(rng.below(5 * 86400)) * 1000000});
		for (int p = 0; p < 4; ++p) {
			const std::size_t action = rng.below(6);
			const std::int64_t time = joined + 5 * kDay + static_cast<std::int64_t>(rng.below(30 * 86400)) * 1000000;
			const bool taken = rng.uniform() < chance(taste, action);
			if (rng.below(2) == 0)
				w.answers.push_back({user, w.actions[action], "Viewed", time - 1000000});
			if (taken || rng.below(2) == 0)
				w.answers.push_back({user, w.actions[action], taken ? "TAKEN" : "Not taken", time});
			else
				w.answers.push_back({user, w.actions[action], "VIEWED", time - 1000000});
		}
	}
	w.finish();
	return w;
}

class ActionTraining {
public:
	ActionTraining(const World &world, std::size_t threads = 1, const std::map<std::string, std::string> &given = {}, std::size_t limit = 0,
				   const std::atomic<bool> *stop = nullptr)
		: hyperparameters_(complete_hyperparameters(*find_recipe("aws-next-best-action"), given)), executor_(threads), budget_(limit),
		  request_{world.set, hyperparameters_, {}, 42, executor_, StopToken(stop), monitor_, budget_, &*world.action_set} {}
	TrainResult train() { return find_recipe("next-best-action")->train(request_); }
	const TrainRequest &request() const { return request_; }
	MemoryBudget &budget() { return budget_; }

private:
	Hyperparameters hyperparameters_;
	test::ThreadExecutor executor_;
	Monitor monitor_;
	MemoryBudget budget_;
	TrainRequest request_;
};

struct ActionModel {
	explicit ActionModel(ActionTraining &&training) : result(training.train()) {
		const auto charged = result.model.finish();
		bytes = Budgeted<std::byte>(charged.begin(), charged.end());
		view = artifact::View(bytes);
		scorer = std::make_unique<ActionScorer>(view);
	}
	double metric(const std::string &name) const {
		for (const Metric &m : result.metrics)
			if (m.name == name)
				return m.value;
		return std::numeric_limits<double>::quiet_NaN();
	}
	/// Of a user of this taste, who was never asked.
	std::vector<double> ask(const Taste &taste) const {
		std::vector<ItemEvent> events;
		const std::int64_t now = scorer->newest_time();
		for (int e = 0; e < 6; ++e)
			events.push_back({scorer->state_items().find((taste.looked_at_loans ? "loan" : "card") + std::to_string(e % 3)),
							  scorer->state_types().find("view"), now - (12 - e) * kDay});
		const std::vector<float> plan{scorer->user_attributes().category(0, taste.gold ? "gold" : "basic")};
		std::vector<double> out;
		scorer->probabilities({events, {}, plan}, now, out);
		return out;
	}
	TrainResult result;
	Budgeted<std::byte> bytes;
	artifact::View view;
	std::unique_ptr<ActionScorer> scorer;
};

std::vector<ActionExample> prompts(const std::vector<Answer> &answers, double period = 14) {
	World w;
	w.answers = answers;
	w.finish();
	ActionTraining training(w);
	return prompted_examples(training.request(), period, 1000);
}

} // namespace

TEST_CASE("next-best-action: answers in any spelling") {
	for (const char *word : {"Taken", "TAKEN", "taken"})
		CHECK(parse_response(word) == Response::Taken);
	for (const char *word : {"Not Taken", "NOT_TAKEN", "Not taken", "not-taken", "NotTaken"})
		CHECK(parse_response(word) == Response::NotTaken);
	for (const char *word : {"Viewed", "VIEWED"})
		CHECK(parse_response(word) == Response::Viewed);
	for (const char *word : {"", "click", "takenn", "not", "untaken", "viewed by somebody"})
		CHECK(!parse_response(word));
}

TEST_CASE("next-best-action: what a prompt is, and when it was taken") {
	const std::int64_t end = kStart + 60 * kDay; // far enough for all to be followed
	const Answer last{"z", "x", "Viewed", end};
	const auto labels = [&](std::vector<Answer> answers) {
		answers.push_back(last);
		std::string out;
		for (const ActionExample &e : prompts(answers))
			if (e.time != end)
				out += e.taken != 0 ? '1' : '0';
		return out;
	};
	CHECK(labels({{"u", "a", "Viewed", kStart}}) == "0");
	CHECK(labels({{"u", "a", "Taken", kStart}}) == "1");
	CHECK(labels({{"u", "a", "Not taken", kStart}}) == "0");
	// the answer to what was seen belongs to it
	CHECK(labels({{"u", "a", "Viewed", kStart}, {"u", "a", "Taken", kStart + kDay}}) == "1");
	CHECK(labels({{"u", "a", "Viewed", kStart}, {"u", "a", "Taken", kStart}}) == "1");
	CHECK(labels({{"u", "a", "Viewed", kStart}, {"u", "a", "Not taken", kStart + kDay}}) == "0");
	// a later yes within the period makes earlier prompts a yes
	CHECK(labels({{"u", "a", "Not taken", kStart}, {"u", "a", "Taken", kStart + 3 * kDay}}) == "11");
	CHECK(labels({{"u", "a", "Not taken", kStart}, {"u", "a", "Taken", kStart + 15 * kDay}}) == "01");
	CHECK(labels({{"u", "a", "Viewed", kStart}, {"u", "a", "Taken", kStart + 15 * kDay}}) == "01"); // too late for what was seen
	CHECK(labels({{"u", "a", "Viewed", kStart}, {"u", "a", "Viewed", kStart + kDay}}) == "00");
	CHECK(labels({{"u", "a", "Taken", kStart}, {"u", "a", "Viewed", kStart + kDay}}) == "10");
	// of another action or user
	CHECK(labels({{"u", "a", "Viewed", kStart}, {"u", "b", "Taken", kStart + kDay}}) == "01");
	CHECK(labels({{"u", "a", "Viewed", kStart}, {"v", "a", "Taken", kStart + kDay}}) == "01");
	CHECK(labels({{"u", "a", "click", kStart}}) == ""); // no answer at all
	// how long it was followed
	const auto cut = prompts({{"u", "a", "Viewed", kStart}, {"z", "x", "Viewed", kStart + 3 * kDay}});
	REQUIRE(cut.size() == 2);
	CHECK(cut[0].follow_up == doctest::Approx(3));
	CHECK(cut[1].follow_up == 0);
	CHECK(prompts({{"u", "a", "Viewed", kStart}, last})[0].follow_up == doctest::Approx(14));
}

TEST_CASE("next-best-action: an action is scored after 50 yes and 50 others within six weeks") {
	const auto scored = [](int taken, int viewed, int declined, std::int64_t age) {
		World w;
		for (int i = 0; i < taken + viewed + declined; ++i)
			w.answers.push_back({"u" + std::to_string(i), "a", i < taken ? "Taken" : i < taken + viewed ? "Viewed" : "Not taken",
								 kStart + 100 * kDay - age});
		w.answers.push_back({"newest", "b", "Viewed", kStart + 100 * kDay});
		w.finish();
		return scored_actions(w.action_set->log)[0] != 0;
	};
	CHECK(scored(50, 50, 0, 0));
	CHECK(scored(50, 25, 25, 41 * kDay));
	CHECK(!scored(49, 500, 0, 0));
	CHECK(!scored(500, 20, 29, 0));
	CHECK(!scored(50, 50, 0, 43 * kDay));
}

TEST_CASE("next-best-action: probabilities hold, and multiplied with value they earn more than any one action") {
	const World w = bank(6000);
	const ActionModel model(ActionTraining(w, 2));
	CHECK(model.metric("area_under_curve") > .75);
	CHECK(model.metric("calibration_error") < .05);
	CHECK(model.metric("log_loss") < .6);
	CHECK(model.metric("coverage") > .8);
	CHECK(model.metric("normalized_discounted_cumulative_gain_at_5") > .5);
	CHECK(model.metric("precision") > 0);
	CHECK(model.metric("recall") > .5);
	double ours = 0, off = 0, asked = 0;
	std::vector<double> single(6, 0);
	for (const bool gold : {false, true})
		for (const bool loans : {false, true}) {
			const Taste taste{gold, loans};
			const std::vector<double> p = model.ask(taste);
			const double share = (gold ? 1.0 : 2.0) / 6;
			std::size_t best = 0;
			for (std::size_t action = 0; action < 6; ++action) {
				off += std::fabs(p[action] - chance(taste, action));
				++asked;
				if (p[action] * kValue[action] > p[best] * kValue[best])
					best = action;
				single[action] += share * chance(taste, action) * kValue[action];
			}
			ours += share * chance(taste, best) * kValue[best];
			CHECK(std::isnan(p[6])); // nobody was asked
		}
	CHECK(off / asked < .06);
	CHECK(ours > 1.3 * *std::max_element(single.begin(), single.end()));
	CHECK(ours > 1.3 * single[5]); // the one that is taken most
	CHECK(!model.scorer->scored(6));
}

TEST_CASE("next-best-action: an answer changes the state at once") {
	const World w = bank(3000);
	const ActionModel model(ActionTraining(w, 2));
	std::vector<double> before, after;
	const std::int64_t now = model.scorer->newest_time();
	const std::vector<ActionResponse> taken{{3, Response::Taken, now - kDay}};
	model.scorer->probabilities({}, now, before);
	model.scorer->probabilities({{}, taken, {}}, now, after);
	CHECK(before[1] > after[1]); // who took d is not gold
	const float nan = std::numeric_limits<float>::quiet_NaN();
	const std::vector<float> unknown_plan{nan};
	model.scorer->probabilities({{}, {}, unknown_plan}, now, after);
	before.resize(6);
	after.resize(6); // those with a score
	CHECK(before == after);
}

TEST_CASE("next-best-action: same rows and seed, same bytes, at any number of threads") {
	World w = bank(400);
	const ActionModel one(ActionTraining(w, 1)), three(ActionTraining(w, 3));
	CHECK(std::equal(one.bytes.begin(), one.bytes.end(), three.bytes.begin(), three.bytes.end()));
	std::reverse(w.answers.begin(), w.answers.end());
	std::reverse(w.events.begin(), w.events.end());
	w.finish();
	const ActionModel reversed(ActionTraining(w, 2));
	CHECK(std::equal(one.bytes.begin(), one.bytes.end(), reversed.bytes.begin(), reversed.bytes.end()));
	REQUIRE(one.result.metrics.size() == reversed.result.metrics.size());
	for (std::size_t i = 0; i < one.result.metrics.size(); ++i)
		CHECK(one.result.metrics[i].value == reversed.result.metrics[i].value);
}

TEST_CASE("next-best-action: unprompted is the chance that anybody acts") {
	World w;
	for (int u = 0; u < 3000; ++u) {
		const std::string user = "u" + std::to_string(u);
		Rng rng(5, static_cast<std::uint64_t>(u));
		const std::int64_t time = kStart + static_cast<std::int64_t>(rng.below(60)) * kDay;
		w.events.push_back({user, "page", "view", kStart - kDay});
		// one in twenty acts on some day of sixty; one in thirty is asked and declines
		if (u % 20 == 0)
			w.answers.push_back({user, "a", "Taken", time});
		if (u % 30 == 1)
			w.answers.push_back({user, "a", "Not taken", time});
	}
	w.answers.push_back({"u1", "a", "Viewed", kStart + 60 * kDay});
	w.finish();
	const ActionModel own(ActionTraining(w, 2, {{"prompted", "false"}})), prompted(ActionTraining(w, 2));
	std::vector<double> p, q;
	const std::vector<ItemEvent> page{{0, 0, kStart - kDay}};
	own.scorer->probabilities({page, {}, {}}, kStart + 60 * kDay, p);
	prompted.scorer->probabilities({page, {}, {}}, kStart + 60 * kDay, q);
	CHECK(p[0] > .003);
	CHECK(p[0] < .03); // 1 / 20 * 14 / 60 = .012
	CHECK(q[0] > .4);  // of those who answered three in five took it
}

TEST_CASE("next-best-action: the smallest and strangest data train and answer") {
	World none;
	none.finish();
	CHECK_THROWS_AS(ActionTraining(none).train(), Error);

	World silent; // actions, but no answers: all of them are explored
	silent.actions = {"a", "b"};
	silent.events = {{"u", "i", "", kStart}};
	silent.finish();
	const ActionModel quiet{ActionTraining(silent)};
	CHECK(quiet.result.metrics.empty());
	CHECK(quiet.scorer->n_items() == 2);
	std::vector<double> p;
	quiet.scorer->probabilities({}, kStart, p);
	CHECK(std::isnan(p[0]));

	const auto one_user = [](int taken, int others) {
		World w;
		w.actions = {"a"};
		w.events = {{"u", "i", "", kStart}};
		for (int i = 0; i < taken + others; ++i)
			w.answers.push_back({"u", "a", i < taken ? "Taken" : "Not taken", kStart + i * 1000000});
		w.finish();
		return w;
	};
	const World all = one_user(200, 0), no = one_user(0, 200), both = one_user(60, 60);
	CHECK(!ActionModel(ActionTraining(all)).scorer->scored(0)); // all taken: nothing to tell apart
	CHECK(!ActionModel(ActionTraining(no)).scorer->scored(0));
	const ActionModel alone{ActionTraining(both)};
	alone.scorer->probabilities({}, kStart, p);
	CHECK(p[0] >= 0);
	CHECK(p[0] <= 1);

	World extreme = bank(300);
	extreme.events[0].time = std::numeric_limits<std::int64_t>::min();
	extreme.answers[0].time = std::numeric_limits<std::int64_t>::min();
	extreme.answers[1].time = std::numeric_limits<std::int64_t>::max();
	extreme.finish();
	ActionModel strange(ActionTraining(extreme, 2));
	strange.scorer->probabilities({}, std::numeric_limits<std::int64_t>::max(), p);
}

TEST_CASE("next-best-action: a stop is soon obeyed, a small budget fails and leaves nothing charged") {
	const World w = bank(2000);
	const std::atomic<bool> stop{true};
	ActionTraining stopped(w, 2, {}, 0, &stop);
	CHECK_THROWS_AS(stopped.train(), Cancelled);
	ActionTraining poor(w, 2, {}, 20000);
	try {
		poor.train();
		FAIL("trained in 20000 bytes");
	} catch (const Error &e) {
		CHECK(std::string(e.sqlstate()) == "53400");
	}
	CHECK(poor.budget().used() == 0);
}

TEST_CASE("next-best-action: damaged sections are refused, never read") {
	const World w = bank(800);
	const artifact::Writer model = ActionTraining(w, 2).train().model;
	for (const artifact::Writer::Section &damaged : model.sections()) {
		if (damaged.name == "summary" || damaged.name.starts_with("item."))
			continue;
		for (const bool cut : {true, false}) {
			CAPTURE(damaged.name);
			artifact::Writer writer("next-best-action");
			for (const artifact::Writer::Section &section : model.sections()) {
				std::vector<std::byte> bytes(section.bytes.begin(), section.bytes.end());
				if (section.name == damaged.name && cut)
					bytes.resize(bytes.size() / 8 * 4);
				else if (section.name == damaged.name)
					std::fill(bytes.begin(), bytes.end(), std::byte{0x7f});
				writer.add<std::byte>(section.name, bytes);
			}
			const auto bytes = writer.finish();
			const artifact::View view(bytes);
			try {
				const ActionScorer scorer(view);
				std::vector<double> p;
				const std::vector<float> plan(scorer.user_attributes().columns().size(), 0);
				scorer.probabilities({{}, {}, plan}, kStart, p);
			} catch (const Error &e) {
				CHECK(std::string(e.sqlstate()) == "RS007");
			}
		}
	}
}
