// What goes with circumstances: context, user features, hours.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <optional>

#include "recipe/conditions.hpp"
#include "recipe/evaluate.hpp"
#include "recipe/tune_conditions.hpp"
#include "recipe/user_personalization.hpp"
#include "unit/recipe/training.hpp"

using namespace recsys;
using namespace recsys::recipe;
using test::Model;
using test::Training;

namespace {

constexpr const char *kRecipe = "user-personalization";
constexpr std::int64_t kSecond = 1'000'000, kHour = 3600 * kSecond;

std::string item_id(std::uint64_t item) { return "i" + std::to_string(1000 + item); }
std::string user_id(std::uint64_t user) { return "u" + std::to_string(10000 + user); }

struct ShopEvent {
	std::uint64_t item;
	std::vector<std::string> context; // a value for each column; "" = none
	std::int64_t time;
};
struct Shopper {
	std::vector<ShopEvent> events;
	std::vector<std::string> features;
	std::optional<double> age = {};
};

/// Users made one by one from a seed; columns of context and of users, and an age where there is one.
data::TrainingSet make_set(std::size_t n_users, const std::vector<std::string> &context, const std::vector<std::string> &features,
						   const std::function<Shopper(std::size_t)> &shopper, bool backwards = false) {
	data::TrainingSetBuilder builder(nullptr);
	std::vector<data::FeatureColumn> columns;
	for (const std::string &name : context)
		columns.push_back({name, data::FeatureKind::Category});
	builder.describe_context(columns);
	columns.clear();
	for (const std::string &name : features)
		columns.push_back({name, data::FeatureKind::Category});
	columns.push_back({"age", data::FeatureKind::Number});
	builder.describe_users(columns);
	data::FeatureRow row;
	for (std::size_t u = 0; u < n_users; ++u) {
		const std::size_t user = backwards ? n_users - 1 - u : u;
		const Shopper one = shopper(user);
		for (const ShopEvent &event : one.events) {
			row.clear();
			for (std::size_t c = 0; c < event.context.size(); ++c)
				if (!event.context[c].empty())
					row.category(c, event.context[c]);
			const std::string id = user_id(user), item = item_id(event.item);
			builder.add_event({.user = id, .item = item, .type = "", .time = event.time, .session = "", .context = &row});
		}
		row.clear();
		for (std::size_t c = 0; c < one.features.size(); ++c)
			row.category(c, one.features[c]);
		if (one.age)
			row.number(features.size(), *one.age);
		builder.add_user(user_id(user), row);
	}
	SerialExecutor executor;
	return builder.finish(executor, {});
}

/// The ordinals that a model gives to one value of a column, or to a number.
std::vector<std::uint32_t> ordinals(const data::FeatureEncoder *encoder, std::size_t column, const std::string &value) {
	REQUIRE((encoder != nullptr));
	data::FeatureRow row;
	if (encoder->columns()[column].kind == data::FeatureKind::Number)
		row.number(column, std::stod(value));
	else
		row.category(column, value);
	std::vector<std::uint32_t> found;
	std::vector<float> dense(encoder->n_dense());
	encoder->encode(row, found, dense);
	return found;
}

double metric(const std::vector<Metric> &metrics, std::string_view name) {
	for (const Metric &m : metrics)
		if (m.name == name)
			return m.value;
	FAIL("no such metric");
	return 0;
}

double weight_of(const TrainResult &result, std::string_view name) {
	for (const Member &member : result.members)
		if (member.name == name)
			return member.weight;
	return 0;
}

constexpr const char *kNdcg = "normalized_discounted_cumulative_gain_at_10";

Query asked(std::span<const std::uint32_t> context, std::span<const Event> history = {}) {
	Query query;
	query.history = history;
	query.situation.context = context;
	return query;
}
Query asked_at(std::int64_t time) {
	Query query;
	query.situation.time = time;
	return query;
}

/// Two devices with disjoint favourites, in equal shares.
Shopper by_device(std::size_t user) {
	Rng rng(3, user);
	Shopper one;
	for (std::int64_t e = 0; e < 8; ++e) {
		const bool phone = rng.below(2) == 0;
		const std::uint64_t item = rng.below(5) * rng.below(5) + (phone ? 0 : 20);
		one.events.push_back({item, {phone ? "phone" : "desktop"}, e * kHour});
	}
	return one;
}

/// The right item depends on taste and on context: 8 tastes, 4 occasions, 10 items for each pair. Tastes show in the past alone.
Shopper taste_and_occasion(std::size_t user) {
	Rng rng(5, user);
	Shopper one;
	const std::uint64_t taste = rng.below(8);
	const char *const occasions[] = {"breakfast", "work", "dinner", "party"};
	for (std::int64_t e = 0; e < 12; ++e) {
		const std::uint64_t occasion = rng.below(4);
		const std::uint64_t item = rng.below(10) == 0 ? rng.below(320) : taste * 40 + occasion * 10 + rng.below(10);
		one.events.push_back({item, {occasions[occasion]}, e * kSecond});
	}
	return one;
}

} // namespace

TEST_CASE("conditions: a user without a past is offered what goes with the context, and what is popular where it tells nothing") {
	const data::TrainingSet set = make_set(400, {"device"}, {}, by_device);
	Model model{Training(set, kRecipe)};
	const data::FeatureEncoder *encoder = model.scorer->context_encoder();
	const auto phone = ordinals(encoder, 0, "phone"), desktop = ordinals(encoder, 0, "desktop");
	const auto of_phone = [&](std::uint32_t item) { return set.items()[item] < item_id(20); };
	const auto on_phone = model.answer(asked(phone));
	for (const Reason reason : model.scores.reason)
		CHECK(reason == Reason::Popular);
	const auto on_desktop = model.answer(asked(desktop));
	for (std::size_t rank = 0; rank < 5; ++rank) {
		CHECK(of_phone(on_phone[rank]));
		CHECK_FALSE(of_phone(on_desktop[rank]));
	}
	CHECK(ordinals(encoder, 0, "fridge").empty());
	const auto plain = model.answer({});
	const std::vector<float> without = model.scores.logit;
	double sum = 0;
	model.answer(asked(phone));
	for (const float logit : model.scores.logit)
		sum += std::exp(static_cast<double>(logit) - model.scores.log_normalizer);
	CHECK(sum == doctest::Approx(1).epsilon(1e-4));
	CHECK(model.scores.logit != without);
}

TEST_CASE("conditions: where the right item depends on taste and context, the blend beats either alone") {
	const data::TrainingSet with = make_set(3000, {"occasion"}, {}, taste_and_occasion),
							without = make_set(3000, {}, {}, [](std::size_t user) {
								Shopper one = taste_and_occasion(user);
								for (ShopEvent &event : one.events)
									event.context.clear();
								return one;
							});
	Training training(with, kRecipe);
	const TrainResult result = training.train();
	const double both = metric(result.metrics, kNdcg);
	CHECK(weight_of(result, "context") > 0.3);
	const double taste = metric(Training(without, kRecipe).train().metrics, kNdcg);
	// Context and popularity alone, on the same users.
	Training again(with, kRecipe);
	const TrainRequest request = again.request();
	const Budgeted<std::byte> bytes = training.train().model.finish();
	const auto alone = open_expert_alone(artifact::View(bytes), "context");
	const double context = metric(evaluate(*alone, request, data::split_users(with, kHeldOutShare, request.seed), Side::Metrics,
										   EvaluationQuery::History), kNdcg);
	MESSAGE("NDCG@10: taste ", taste, ", context ", context, ", both ", both);
	CHECK(both > 1.3 * taste);
	CHECK(both > 1.3 * context);
}

TEST_CASE("conditions: for a user with a past the context changes the order, and the past still counts") {
	const data::TrainingSet set = make_set(3000, {"occasion"}, {}, taste_and_occasion);
	Model model{Training(set, kRecipe)};
	std::vector<Event> history;
	for (std::uint32_t item = 80; item < 86; ++item) // taste 2
		history.push_back({set.items().find(item_id(item)), static_cast<std::int64_t>(item) * kSecond, 1});
	const data::FeatureEncoder *encoder = model.scorer->context_encoder();
	const auto dinner = ordinals(encoder, 0, "dinner"), party = ordinals(encoder, 0, "party");
	std::size_t right = 0;
	const auto at_dinner = model.answer(asked(dinner, history));
	for (std::size_t rank = 0; rank < 10; ++rank)
		right += set.items()[at_dinner[rank]] >= item_id(100) && set.items()[at_dinner[rank]] < item_id(110);
	const auto at_party = model.answer(asked(party, history));
	for (std::size_t rank = 0; rank < 10; ++rank)
		right += set.items()[at_party[rank]] >= item_id(110) && set.items()[at_party[rank]] < item_id(120);
	CHECK(right >= 16);
	CHECK(model.scores.reason[at_party[0]] == Reason::Personal);
}

TEST_CASE("conditions: what describes a user tells what he will choose first, number or category") {
	const data::TrainingSet set = make_set(1500, {}, {"job", "hobbies"}, [](std::size_t user) {
		Rng rng(7, user);
		const bool farmer = rng.below(2) == 0, old = rng.below(2) == 0;
		Shopper one{{}, {farmer ? "farmer" : "clerk", rng.below(2) == 0 ? "chess" : "golf"},
					old ? 50.0 + rng.uniform() * 20 : 20.0 + rng.uniform() * 20};
		for (std::int64_t e = 0; e < 4; ++e)
			one.events.push_back({rng.below(10) + (farmer ? 0u : 10u) + (old ? 0u : 20u), {}, e * kSecond});
		return one;
	});
	Training training(set, kRecipe);
	const TrainResult result = training.train();
	Model model{Training(set, kRecipe)};
	const data::FeatureEncoder *encoder = model.scorer->user_encoder();
	auto old_farmer = ordinals(encoder, 0, "farmer");
	const auto old = ordinals(encoder, 2, "63");
	old_farmer.insert(old_farmer.end(), old.begin(), old.end());
	std::sort(old_farmer.begin(), old_farmer.end());
	Query query;
	query.situation.user = old_farmer;
	const auto answer = model.answer(query);
	for (std::size_t rank = 0; rank < 10; ++rank)
		CHECK(set.items()[answer[rank]] < item_id(10));
	CHECK((model.scorer->context_encoder() == nullptr));
	CHECK(weight_of(result, "user_features") > 0);
}

TEST_CASE("conditions: fields that tell nothing are dropped, and what two tell is counted once") {
	const auto twice = [](std::size_t user) {
		Shopper one = by_device(user);
		Rng rng(9, user);
		for (ShopEvent &event : one.events) {
			event.item = event.item % 20 + (rng.below(3) == 0 ? 20 - event.item / 20 * 20 : event.item / 20 * 20);
			event.context.push_back(event.context[0]);
			event.context.push_back("weather" + std::to_string(rng.below(4)));
		}
		return one;
	};
	const data::TrainingSet set = make_set(2000, {"device", "same", "weather"}, {}, twice);
	Training training(set, kRecipe);
	const TrainRequest request = training.request();
	const auto sides = data::split_users(set, kHeldOutShare, request.seed);
	const HeldOutCases cases(request, sides, 2000);
	const auto fields = tune_conditions(request, Sequences(request, sides), cases, ConditionKind::Context);
	REQUIRE(fields.size() == 2);
	CHECK(fields[0].ordinals.begin == 0);
	CHECK(fields[0].weight + fields[1].weight == doctest::Approx(1).epsilon(0.2));
}

TEST_CASE("conditions: hours count where they tell something, and never by default") {
	const auto at_hours = [](bool matters) {
		return [matters](std::size_t user) {
			Rng rng(11, user);
			Shopper one;
			for (std::int64_t e = 0; e < 10; ++e) {
				const auto hour = static_cast<std::int64_t>(rng.below(24));
				const std::uint64_t item = rng.below(12) + (matters && hour >= 12 ? 12 : 0);
				one.events.push_back({item, {}, (e * 24 + hour) * kHour});
			}
			return one;
		};
	};
	const data::TrainingSet set = make_set(1500, {}, {}, at_hours(true));
	Model model{Training(set, kRecipe)};
	REQUIRE(model.scorer->reads_time());
	const auto noon = model.answer(asked_at(400 * 24 * kHour + 14 * kHour));
	const auto night = model.answer(asked_at(400 * 24 * kHour + 2 * kHour));
	CHECK(set.items()[noon[0]] >= item_id(12));
	CHECK(set.items()[night[0]] < item_id(12));
	Model before_1970{Training(set, kRecipe)};
	CHECK(before_1970.answer(asked_at(-10 * kHour)) == model.answer(asked_at(14 * kHour + 3 * 24 * kHour)));
	Model idle{Training(make_set(1500, {}, {}, at_hours(false)), kRecipe)};
	CHECK_FALSE(idle.scorer->reads_time());
	Model few{Training(make_set(12, {}, {}, at_hours(true)), kRecipe)}; // too few to tell
	CHECK_FALSE(few.scorer->reads_time());
}

TEST_CASE("conditions: equal rows in any order and any number of threads make equal bytes") {
	const data::TrainingSet set = make_set(600, {"occasion"}, {}, taste_and_occasion),
							other = make_set(600, {"occasion"}, {}, taste_and_occasion, true);
	const Model one(Training(set, kRecipe, {}, 1)), two(Training(set, kRecipe, {}, 3)), three(Training(other, kRecipe, {}, 2));
	CHECK(one.bytes == two.bytes);
	CHECK(one.bytes == three.bytes);
}

TEST_CASE("conditions: an update keeps them, and damage is refused") {
	const data::TrainingSet set = make_set(400, {"device"}, {}, by_device), more = make_set(401, {"device"}, {}, [](std::size_t user) {
		if (user < 400)
			return by_device(user);
		return Shopper{{{7000, {"phone"}, 5}}, {}};
	});
	Training training(set, kRecipe);
	Model old(training);
	Training update(more, kRecipe);
	const Budgeted<std::byte> bytes = update.spec().update(old.view, update.request()).finish();
	const artifact::View view(bytes);
	const auto scorer = update.spec().open(view);
	const auto phone = ordinals(old.scorer->context_encoder(), 0, "phone");
	CHECK(ordinals(scorer->context_encoder(), 0, "phone") == phone);
	Scores now;
	scorer->score(asked(phone), now);
	old.answer(asked(phone));
	const artifact::IdView items(view, "item");
	for (std::uint32_t item = 0; item < set.n_items(); ++item)
		CHECK(now.logit[items.find(set.items()[item])] == doctest::Approx(old.scores.logit[item]).epsilon(1e-5));
	CHECK(std::isfinite(now.logit[items.find(item_id(7000))]));

	Training source(set, kRecipe);
	const artifact::Writer model = source.train().model;
	for (const auto &[section, value] : {std::pair<std::string, std::uint32_t>{"context.items", 1u << 30},
										 {"context.lifts", 0x7fc00000}, {"context.begin", 0xffff}}) {
		CAPTURE(section);
		artifact::Writer writer(kRecipe);
		for (const artifact::Writer::Section &s : model.sections()) {
			std::vector<std::byte> copy(s.bytes.begin(), s.bytes.end());
			if (s.name == section)
				std::memcpy(copy.data() + 8, &value, 4);
			writer.add<std::byte>(s.name, copy);
		}
		const auto damaged = writer.finish();
		CHECK_THROWS_AS(source.spec().open(artifact::View(damaged)), Error);
	}
}
