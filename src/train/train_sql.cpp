// The SQL-callable functions of training: arguments in, rights checked, one call, an answer out.
#include <cmath>

#include "train/recipes.hpp"
#include "train/solution.hpp"
#include "train/training.hpp"
#include "train/evaluation.hpp"
#include "train/version.hpp"

#include "train/automatic.hpp"

#include "pg/settings.hpp"

namespace recsys::train {

namespace {

using catalog::Right;

// Features that an argument asks for and that are not there: refused, because ignoring them would train something else.
[[noreturn]] void unsupported(const char *argument) {
	throw Error(sqlstate::FeatureNotSupported, "argument \"" + std::string(argument) + "\" is not supported yet", {},
				"Leave it at its default.");
}

void forbid_read_only(const char *function) {
	pg::call([function] { PreventCommandIfReadOnly(function); });
}

TrainingMode parse_training_mode(const std::string &mode, const recipe::RecipeSpec &recipe) {
	if (mode == "FULL")
		return TrainingMode::Full;
	if (mode != "UPDATE")
		throw Error(sqlstate::InvalidParameter, "unrecognized training mode \"" + mode + "\"", {},
					"Training modes are FULL and UPDATE.");
	require_updates(recipe);
	return TrainingMode::Update;
}

// As text; absent for NULL. Errors: 22023; RS003 for what the service does not offer, under recsys.service_limits.
std::optional<std::string> training_interval(const pg::Call &call, int position) {
	if (call.null(position))
		return std::nullopt;
	const Interval *given = DatumGetIntervalP(call.datum(position));
	const std::int64_t days = given->month * std::int64_t{DAYS_PER_MONTH} + given->day;
	const double seconds = static_cast<double>(days) * SECS_PER_DAY + static_cast<double>(given->time) / USECS_PER_SEC;
	if (!(seconds >= 60))
		throw Error(sqlstate::InvalidParameter, "argument \"auto_training_interval\" must be at least one minute");
	if (pg::settings::service_limits && (seconds < SECS_PER_DAY || seconds > 30.0 * SECS_PER_DAY))
		throw Error(sqlstate::LimitExceeded, "argument \"auto_training_interval\" must be between 1 and 30 days", {},
					"This minimum and maximum hold while \"recsys.service_limits\" is on.");
	return pg::output(call.datum(position), INTERVALOID);
}

constexpr const char *kDefaultInterval = "7 days"; // of automatic training, as the service's

// "solution/N" of a training that runs in another session's transaction: the number is the solution's next one.
bool stop_invisible(const std::string &version) {
	const std::size_t slash = version.find('/');
	if (slash == std::string::npos)
		return false;
	const catalog::Found solution = catalog::require_resource("solution", version.substr(0, slash), Right::Train);
	return version.substr(slash + 1) == std::to_string(next_number(solution)) && stop_training_here(solution);
}

} // namespace

RECSYS_FUNCTION(list_recipes) {
	pg::ResultTable out(call);
	list_recipes(out);
	return call.result_void();
}

RECSYS_FUNCTION(describe_recipe) {
	return call.result_json(describe_recipe(require_recipe(call.text(0, "name"))).dump());
}

RECSYS_FUNCTION(create_solution) {
	forbid_read_only("recsys.create_solution()");
	if (!call.null(9))
		unsupported("optimization_objective");
	SolutionRequest request;
	request.name = call.text(0, "name");
	const catalog::Group group = catalog::require_group(call.text(1, "dataset_group"), Right::Own);
	request.tuning = {call.boolean(6, "perform_hpo"), call.boolean(8, "perform_auto_ml"), Json()};
	if (const auto config = call.optional_json(7))
		request.tuning.hpo_config = Json::parse(*config);
	if (!request.tuning.perform_auto_ml)
		request.recipe = call.text(2, "recipe");
	else if (!call.null(2))
		throw Error(sqlstate::InvalidParameter, "argument \"recipe\" contradicts perform_auto_ml", {},
					"Recipes to compare are named by \"recipes\" of hpo_config.");
	request.event_type = call.optional_text(3);
	if (!call.null(4))
		request.event_value_threshold = call.float8(4, "event_value_threshold");
	request.hyperparameters = Json::parse(call.json(5, "hyperparameters"));
	if (const auto excluded = call.optional_json(10))
		request.excluded_columns = Json::parse(*excluded);
	request.auto_training_interval = training_interval(call, 11);
	request.negative_event_types = call.text_array(12, "negative_event_types");
	request.keep_versions = call.int4(13, "keep_versions");
	create_solution(group, request);
	return call.result(request.name);
}

RECSYS_FUNCTION(update_solution) {
	forbid_read_only("recsys.update_solution()");
	const catalog::Found solution = catalog::require_resource("solution", call.text(0, "name"), Right::Own);
	SolutionUpdate update;
	update.auto_training_interval = training_interval(call, 1);
	if (!call.null(2))
		update.keep_versions = call.int4(2, "keep_versions");
	if (!call.null(3)) {
		update.stop_auto_training = !call.boolean(3, "perform_auto_training");
		if (!update.stop_auto_training && !update.auto_training_interval)
			update.auto_training_interval = kDefaultInterval;
	}
	update_solution(solution, update);
	return call.result_void();
}

RECSYS_FUNCTION(run_automatic_training) {
	const catalog::Found solution = catalog::require_resource("solution", call.text(0, "solution"), Right::Train);
	return call.result_int8(train_now_if_new(solution));
}

RECSYS_FUNCTION(run_automatic_update) {
	const catalog::Found solution = catalog::require_resource("solution", call.text(0, "solution"), Right::Train);
	return call.result_int8(update_now_if_new(solution));
}

RECSYS_FUNCTION(describe_solution) {
	return call.result_json(
		describe_solution(catalog::require_resource("solution", call.text(0, "name"), Right::Read)));
}

RECSYS_FUNCTION(delete_solution) {
	forbid_read_only("recsys.delete_solution()");
	const catalog::Found solution = catalog::require_resource("solution", call.text(0, "name"), Right::Own);
	delete_solution(solution);
	return call.result(solution.name);
}

RECSYS_FUNCTION(list_solutions) {
	pg::ResultTable out(call);
	for (const catalog::Group &group : catalog::groups_with(Right::Read))
		list_solutions(group, out);
	return call.result_void();
}

RECSYS_FUNCTION(create_solution_version) {
	forbid_read_only("recsys.create_solution_version()");
	const catalog::Found solution = catalog::require_resource("solution", call.text(0, "solution"), Right::Train);
	const bool wait = call.boolean(2, "wait");
	const Spec spec = solution_spec(solution);
	const TrainingMode mode = parse_training_mode(call.text(1, "training_mode"), *spec.recipe);
	check_datasets(solution.group, *spec.recipe);
	if (mode == TrainingMode::Full && !spec.tuning.is_null())
		for (const recipe::RecipeSpec *recipe : tuned_recipes(spec.tuning))
			check_datasets(solution.group, *recipe);
	return call.result(wait ? train_here(solution, mode) : train_later(solution, mode));
}

RECSYS_FUNCTION(describe_solution_version) {
	return call.result_json(describe_version(catalog::require_version(call.text(0, "version"), Right::Read)));
}

RECSYS_FUNCTION(delete_solution_version) {
	forbid_read_only("recsys.delete_solution_version()");
	const catalog::FoundVersion version = catalog::require_version(call.text(0, "version"), Right::Own);
	delete_version(version);
	return call.result(version.name);
}

RECSYS_FUNCTION(list_solution_versions) {
	pg::ResultTable out(call);
	for (const catalog::Group &group : catalog::groups_with(Right::Read))
		list_versions(group, out);
	return call.result_void();
}

RECSYS_FUNCTION(stop_solution_version_creation) {
	const std::string name = call.text(0, "version");
	if (stop_invisible(name))
		return call.result("CREATE STOPPING");
	forbid_read_only("recsys.stop_solution_version_creation()");
	return call.result(stop_version(catalog::require_version(name, Right::Train)));
}

RECSYS_FUNCTION(get_solution_metrics) {
	const catalog::FoundVersion version = catalog::require_version(call.text(0, "version"), Right::Read);
	pg::ResultTable out(call);
	const auto number = [](const Json &metric, const char *key) {
		const auto it = metric.find(key);
		return it == metric.end() || it->is_null() ? pg::null() : pg::float8(it->get<double>());
	};
	for (const Json &metric : version_metrics(version))
		out.row({pg::text(metric.at("metric").get<std::string>()), number(metric, "value"), number(metric, "low"), number(metric, "high")});
	return call.result_void();
}

RECSYS_FUNCTION(evaluate) {
	EvaluationRequest request{catalog::require_version(call.text(0, "solution_version"), Right::Train), std::nullopt,
							  call.timestamptz(1, "as_of"), std::nullopt};
	if (const auto compared = call.optional_text(2))
		request.compared = catalog::require_version(*compared, Right::Train);
	if (request.compared && request.compared->group.id != request.version.group.id)
		throw Error(sqlstate::InvalidParameter, "solution versions of different dataset groups cannot be compared",
					"\"" + request.version.name + "\" belongs to \"" + request.version.group.name + "\", \"" + request.compared->name +
						"\" to \"" + request.compared->group.name + "\".");
	if (!call.null(3)) {
		const Datum from = call.datum(1), horizon = call.datum(3);
		request.until = DatumGetTimestampTz(pg::call([from, horizon] { return DirectFunctionCall2(timestamptz_pl_interval, from, horizon); }));
		if (*request.until <= request.as_of)
			throw Error(sqlstate::InvalidParameter, "argument \"horizon\" must be positive");
	}
	if (TIMESTAMP_NOT_FINITE(request.as_of))
		throw Error(sqlstate::InvalidParameter, "argument \"as_of\" must be finite");
	pg::ResultTable out(call);
	evaluate(request, out);
	return call.result_void();
}

RECSYS_FUNCTION(estimate_training) {
	const catalog::Found solution = catalog::require_resource("solution", call.text(0, "solution"), Right::Train);
	const Spec spec = solution_spec(solution);
	const store::DatasetSize size = store::count_training_rows(solution.group, spec.filter);
	const recipe::Estimate estimate = recipe::estimate_training(*spec.recipe, size.interactions, size.users, size.items,
																static_cast<std::size_t>(pg::settings::train_threads));
	const auto up = [](double x, double parts) { return pg::float8(std::ceil(x * parts) / parts); }; // digits an estimate has
	const auto number = [](std::uint64_t n) { return pg::int8(static_cast<std::int64_t>(n)); };
	pg::ResultTable out(call);
	out.row({up(estimate.wall_seconds, 1e3), up(estimate.cpu_seconds / 3600, 1e6), number(estimate.peak_bytes),
			 number(size.interactions), number(size.users), number(size.items)});
	return call.result_void();
}

RECSYS_FUNCTION(wait_for) {
	const catalog::FoundVersion version = catalog::require_version(call.text(0, "version"), Right::Read);
	if (call.null(1))
		throw Error("22004", "argument \"timeout\" must not be null");
	const Interval *timeout = DatumGetIntervalP(call.datum(1));
	const std::int64_t days = timeout->month * std::int64_t{30} + timeout->day;
	return call.result(wait_for(version, timeout->time + days * USECS_PER_DAY));
}

} // namespace recsys::train
