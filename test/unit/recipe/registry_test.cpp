#include <doctest/doctest.h>

#include <set>
#include <string>

#include "math/cpu.hpp"
#include "recipe/recipe.hpp"

using namespace recsys;
using namespace recsys::recipe;

namespace {

struct Failure {
	std::string sqlstate, message, detail, hint;
};

Failure failure_of(const char *recipe, const std::map<std::string, std::string> &given) {
	try {
		complete_hyperparameters(*find_recipe(recipe), given);
	} catch (const Error &e) {
		return {e.sqlstate(), e.what(), e.detail(), e.hint()};
	}
	return {};
}

} // namespace

TEST_CASE("the table is complete and consistent") {
	std::set<std::string_view> names;
	for (const RecipeSpec &recipe : recipes()) {
		CAPTURE(recipe.name);
		CHECK(names.insert(recipe.name).second);
		CHECK(!recipe.name.starts_with("aws-"));
		CHECK(find_recipe(recipe.name) == &recipe);
		CHECK(find_recipe("aws-" + std::string(recipe.name)) == &recipe);
		CHECK(recipe.description.ends_with('.'));
		CHECK(!recipe.required_datasets.empty());
		CHECK((recipe.train != nullptr));
		CHECK((recipe.open != nullptr));
		CHECK(recipe.cost.event_ns > 0);
		CHECK(recipe.cost.event_bytes > 0);
		CHECK(recipe.cost.parallel_share <= 1);
		CHECK(std::string(to_string(recipe.type)) != "");
		std::set<std::string_view> parameters;
		for (const HyperparameterSpec &spec : recipe.hyperparameters) {
			CAPTURE(spec.name);
			CHECK(parameters.insert(spec.name).second);
			CHECK(spec.minimum < spec.maximum);
			const bool inside = spec.default_value >= spec.minimum && spec.default_value <= spec.maximum;
			CHECK((inside || (spec.default_value == kAutomatic && spec.minimum > kAutomatic)));
			CHECK(spec.reason.size() > 20);
			CHECK(spec.reason.ends_with('.'));
			if (spec.kind == ParameterKind::Boolean) {
				CHECK(spec.minimum == 0);
				CHECK(spec.maximum == 1);
			}
			CHECK((spec.kind == ParameterKind::Categorical) == !spec.categories.empty());
			for (const Category &category : spec.categories) {
				CHECK(category.value >= spec.minimum);
				CHECK(category.value <= spec.maximum);
				CHECK(spec.category(category.value) == category.name);
			}
		}
		const Hyperparameters defaults = complete_hyperparameters(recipe, {});
		CHECK(defaults.values().size() == recipe.hyperparameters.size());
		for (const HyperparameterSpec &spec : recipe.hyperparameters)
			CHECK(defaults[spec.name] == spec.default_value);
	}
	std::size_t use_cases = 0;
	for (const RecipeSpec &recipe : recipes()) {
		use_cases += !recipe.domain.empty();
		const bool of_domain = recipe.name.starts_with("vod-") ? recipe.domain == "VIDEO_ON_DEMAND"
														: recipe.domain == (recipe.name.starts_with("ecomm-") ? "ECOMMERCE" : "");
		CHECK(of_domain);
		CHECK((!recipe.domain.empty() || (recipe.event_type.empty() && recipe.leaves_out.empty())));
		CHECK((recipe.leaves_out.empty() || recipe.needs_user));
		CHECK((recipe.domain.empty() || !recipe.capabilities.scores));
	}
	CHECK(use_cases == 10);
	CHECK(find_recipe("sims") != nullptr);
	CHECK(find_recipe("popularity-count") != nullptr);
	CHECK(find_recipe("aws-aws-sims") == nullptr);
	CHECK(find_recipe("SIMS") == nullptr);
	CHECK(find_recipe("") == nullptr);
}

TEST_CASE("hyperparameters: what is given is taken, the rest is default") {
	const Hyperparameters h = complete_hyperparameters(
		*find_recipe("sims"), {{"popularity_discount_factor", "0.25"}, {"min_cointeraction_count", "7"}});
	CHECK(h["popularity_discount_factor"] == 0.25);
	CHECK(h["min_cointeraction_count"] == 7);
	CHECK(h["max_user_history_length_percentile"] == 0.995);
	CHECK_THROWS_AS(h["no such"], std::out_of_range);
	const auto edge = complete_hyperparameters(*find_recipe("sims"),
											   {{"popularity_discount_factor", "1"}, {"min_cointeraction_count", "0"}});
	CHECK(edge["popularity_discount_factor"] == 1);
	CHECK(edge["min_cointeraction_count"] == 0);
}

TEST_CASE("hyperparameters: booleans in every spelling the service's clients use") {
	RecipeSpec recipe{};
	recipe.name = "test";
	recipe.hyperparameters = {{"flag", ParameterKind::Boolean, 1, 0, 1, true, "Switches."}};
	for (const char *yes : {"true", "True", "1"})
		CHECK(complete_hyperparameters(recipe, {{"flag", yes}})["flag"] == 1);
	for (const char *no : {"false", "False", "0"})
		CHECK(complete_hyperparameters(recipe, {{"flag", no}})["flag"] == 0);
	for (const char *bad : {"", "yes", "2", "TRUE ", "null"})
		CHECK_THROWS_AS(complete_hyperparameters(recipe, {{"flag", bad}}), Error);
}

TEST_CASE("hyperparameters: one of a few names") {
	const RecipeSpec &trending = *find_recipe("trending-now");
	CHECK(complete_hyperparameters(trending, {})["trend_discovery_frequency"] == 30);
	CHECK(complete_hyperparameters(trending, {{"trend_discovery_frequency", "1 day"}})["trend_discovery_frequency"] == 1440);
	for (const char *bad : {"", "30", "1 Day", "2 days", "30 minutes "})
		CHECK(failure_of("trending-now", {{"trend_discovery_frequency", bad}}).message ==
			  "hyperparameter \"trend_discovery_frequency\" must be 30 minutes, 1 hour, 2 hours, 3 hours or 1 day");
	CHECK(failure_of("trending-now", {{"trend_discovery_frequency", "2 days"}}).hint == "The default is 30 minutes.");
	CHECK(failure_of("trending-now", {{"x", "1"}}).hint.find("(30 minutes, 1 hour, 2 hours, 3 hours or 1 day)") != std::string::npos);
}

TEST_CASE("hyperparameters: complaints name what is wrong and what would be right") {
	const Failure unknown = failure_of("sims", {{"hidden_dimension", "32"}});
	CHECK(unknown.sqlstate == "22023");
	CHECK(unknown.message == "unrecognized hyperparameter \"hidden_dimension\"");
	CHECK(unknown.hint.find("min_cointeraction_count (0 to 10)") != std::string::npos);
	CHECK(unknown.hint.find("popularity_discount_factor (0 to 1)") != std::string::npos);
	CHECK(failure_of("popularity-count", {{"x", "1"}}).hint == "Recipe \"popularity-count\" has no hyperparameters.");

	const Failure range = failure_of("sims", {{"min_cointeraction_count", "11"}});
	CHECK(range.sqlstate == "22023");
	CHECK(range.message == "hyperparameter \"min_cointeraction_count\" must be between 0 and 10");
	CHECK(range.detail == "The value is \"11\".");
	CHECK(range.hint == "The default is 3.");

	CHECK(failure_of("sims", {{"min_cointeraction_count", "2.5"}}).message ==
		  "hyperparameter \"min_cointeraction_count\" must be an integer");
	for (const char *bad : {"", "a", "0.5x", " 0.5", "nan", "inf", "-0.1", "1.01", "1e300", "null", "{}"})
		CHECK(failure_of("sims", {{"popularity_discount_factor", bad}}).sqlstate == "22023");

	const Failure window = failure_of("sims", {{"min_item_interaction_count_percentile", "0.95"},
													{"max_item_interaction_count_percentile", "0.9"}});
	CHECK(window.sqlstate == "22023");
	CHECK(window.message.find("must not be greater than \"max_item_interaction_count_percentile\"") !=
		  std::string::npos);
}

TEST_CASE("estimates grow with data and shrink with threads") {
	for (const RecipeSpec &recipe : recipes()) {
		CAPTURE(recipe.name);
		const Estimate small = estimate_training(recipe, 100000, 1000, 2000, 2),
					   large = estimate_training(recipe, 25000000, 160000, 60000, 2),
					   serial = estimate_training(recipe, 25000000, 160000, 60000, 1);
		CHECK(small.wall_seconds > 0);
		CHECK(large.wall_seconds > 20 * small.wall_seconds);
		CHECK(large.peak_bytes > 20 * small.peak_bytes);
		CHECK(large.wall_seconds < serial.wall_seconds);
		CHECK(large.cpu_seconds == doctest::Approx(serial.cpu_seconds));
		CHECK(serial.wall_seconds <= serial.cpu_seconds * 1.001);
		CHECK(estimate_training(recipe, 0, 0, 0, 0).wall_seconds >= 0);
	}
}

TEST_CASE("estimates are within a factor of two of what was measured") {
	// By test/bench/library.cpp on two cores: public sets of film ratings and of visits, and an invented one of their kind.
	struct Measured {
		const char *recipe;
		std::size_t events, users, items;
		double cpu_seconds, peak_mb;
	};
	for (const Measured &m : {Measured{"user-personalization", 100000, 943, 1682, 16.4, 76},
							  Measured{"user-personalization", 987531, 6040, 3416, 187, 267},
							  Measured{"sims", 100000, 943, 1682, 0.065, 7},
							  Measured{"sims", 987531, 6040, 3416, 0.53, 61},
							  Measured{"sims", 24999978, 162541, 59030, 35.6, 1584},
							  Measured{"similar-items", 987531, 6040, 3416, 4.5, 182},
							  Measured{"similar-items", 719081, 29858, 40979, 39, 1061}}) {
		const Estimate e = estimate_training(*find_recipe(m.recipe), m.events, m.users, m.items, 2);
		const double cpu = e.cpu_seconds / m.cpu_seconds, memory = static_cast<double>(e.peak_bytes) / (m.peak_mb * (1 << 20));
		CAPTURE(m.recipe);
		CAPTURE(m.events);
		MESSAGE(m.recipe, ", ", m.events, " events: predicted ", e.cpu_seconds, " s CPU, measured ", m.cpu_seconds,
				"; predicted ", e.peak_bytes >> 20, " MB, measured ", m.peak_mb);
		// The speed of products depends on the instruction set; measured with AVX-512.
		if (math::has_avx512() || std::string_view(m.recipe) == "sims") {
			CHECK(cpu > 0.5);
			CHECK(cpu < 2);
		}
		CHECK(memory > 0.5);
		CHECK(memory < 2);
	}
}
