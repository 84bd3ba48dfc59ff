#include "train/solution.hpp"

#include <algorithm>
#include <cmath>

#include "jobs/clock.hpp"
#include "pg/settings.hpp"
#include "train/automatic.hpp"

namespace recsys::train {

namespace {

using pg::AsOwner;
using pg::Plan;
using pg::Row;

constexpr std::size_t kMaxEventType = 256; // characters of an event type
constexpr int kMaxSolutions = 10;          // of a group, under recsys.service_limits

void check_event_type(std::string_view type, const char *argument) {
	if (type.empty() || type.size() > kMaxEventType * 4)
		throw Error(sqlstate::InvalidParameter,
					"argument \"" + std::string(argument) + "\" must have 1 to 256 characters");
}

void check_events(const SolutionRequest &request) {
	if (request.event_type)
		check_event_type(*request.event_type, "event_type");
	if (request.event_value_threshold && !std::isfinite(*request.event_value_threshold))
		throw Error(sqlstate::InvalidParameter, "argument \"event_value_threshold\" must be finite");
	for (const std::string &type : request.negative_event_types) {
		check_event_type(type, "negative_event_types");
		if (std::count(request.negative_event_types.begin(), request.negative_event_types.end(), type) > 1)
			throw Error(sqlstate::InvalidParameter, "negative event type \"" + type + "\" is given twice");
		if (type == request.event_type)
			throw Error(sqlstate::InvalidParameter, "event type \"" + type + "\" must not be both wanted and negative");
	}
}

void check_keep_versions(std::int32_t keep) {
	if (keep < 0)
		throw Error(sqlstate::InvalidParameter, "argument \"keep_versions\" must not be negative", {}, "0 keeps all versions.");
}

void check_quota(const catalog::Group &group) {
	static Plan count{"SELECT count(*) FROM recsys_internal.solution WHERE group_id = $1", {INT8OID}};
	if (pg::settings::service_limits && count.row({pg::int8(group.id)})->int8(0) >= kMaxSolutions)
		throw Error(sqlstate::LimitExceeded, "dataset group \"" + group.name + "\" has 10 solutions already",
					"This maximum holds while \"recsys.service_limits\" is on.");
}

// The names of fields by dataset type, in the datasets' own spelling.
Json check_excluded(const catalog::Group &group, const Json &given) {
	if (!given.is_object())
		throw Error(sqlstate::InvalidParameter, "excluded_columns must be a JSON object", {},
					"Write, for example, '{\"items\": [\"plot\"], \"users\": [\"zip\"]}'.");
	Json out = Json::object();
	for (const auto &[key, names] : given.items()) {
		const catalog::Dataset dataset = catalog::require_dataset(group, catalog::parse_dataset_type(key));
		Json &list = out[catalog::to_string(dataset.type)] = Json::array();
		if (!names.is_array())
			throw Error(sqlstate::InvalidParameter, "columns of \"" + key + "\" in excluded_columns must be an array");
		for (const Json &name : names) {
			const catalog::Field *field = name.is_string() ? dataset.field(name.get_ref<const std::string &>()) : nullptr;
			if (field == nullptr)
				throw Error("42703",
							std::string(catalog::to_string(dataset.type)) + " dataset of group \"" + group.name +
								"\" has no field " + name.dump(),
							"Only fields can be excluded: ids, times, event types and values are always read.",
							"recsys.describe_dataset shows the fields.");
			list.push_back(field->name);
		}
	}
	return out;
}

} // namespace

void create_solution(const catalog::Group &group, const SolutionRequest &request) {
	static Plan insert{
		"INSERT INTO recsys_internal.solution (group_id, name, recipe, event_type, event_value_threshold,"
		" negative_event_types, hyperparameters, config, keep_versions) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
		" ON CONFLICT (group_id, name) DO NOTHING RETURNING id",
		{INT8OID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, TEXTARRAYOID, JSONBOID, JSONBOID, INT4OID}};
	catalog::check_name(request.name, "solution");
	const recipe::RecipeSpec *given = request.tuning.perform_auto_ml ? nullptr : &require_recipe(request.recipe);
	const Json tuning = check_tuning(request.tuning, given);
	const recipe::RecipeSpec &recipe = given != nullptr ? *given : *tuned_recipes(tuning).front();
	if (given == nullptr && !request.hyperparameters.empty())
		throw Error(sqlstate::InvalidParameter, "argument \"hyperparameters\" needs a recipe", {},
					"With perform_auto_ml recipes are compared at their defaults.");
	if (!recipe.domain.empty() && !request.of_recommender)
		throw Error(sqlstate::InvalidParameter, "recipe \"" + std::string(recipe.name) + "\" is a use case of domain " + std::string(recipe.domain),
					{}, "Use cases are set up by recsys.create_recommender.");
	const Json hyperparameters = hyperparameters_json(recipe, parse_hyperparameters(recipe, request.hyperparameters));
	check_events(request);
	check_keep_versions(request.keep_versions);
	const Json config = {{"excluded_columns", check_excluded(group, request.excluded_columns)}, {"tuning", tuning}};
	AsOwner owner;
	check_quota(group);
	const std::optional<Row> row =
		insert.row({pg::int8(group.id), pg::text(request.name), pg::text(recipe.name), pg::text(request.event_type),
					request.event_value_threshold ? pg::float8(*request.event_value_threshold) : pg::null(),
					pg::text_array(request.negative_event_types), pg::jsonb(hyperparameters.dump()), pg::jsonb(config.dump()),
					pg::int4(request.keep_versions)});
	if (!row)
		throw Error(sqlstate::AlreadyExists, "solution \"" + request.name + "\" already exists", {},
					"Delete it with recsys.delete_solution, or choose another name.");
	bool updates = recipe.update != nullptr;
	if (given == nullptr)
		for (const recipe::RecipeSpec *other : tuned_recipes(tuning))
			updates = updates || other->update != nullptr;
	schedule_solution({row->int8(0), request.name, group}, updates, request.auto_training_interval);
}

void update_solution(const catalog::Found &solution, const SolutionUpdate &update) {
	static Plan change{"UPDATE recsys_internal.solution SET keep_versions = coalesce($2, keep_versions), updated_at = clock_timestamp()"
					   " WHERE id = $1",
					   {INT8OID, INT4OID}};
	if (update.keep_versions)
		check_keep_versions(*update.keep_versions);
	if (update.stop_auto_training && update.auto_training_interval)
		throw Error(sqlstate::InvalidParameter, "argument \"auto_training_interval\" contradicts perform_auto_training => false");
	AsOwner owner;
	if (change.run({pg::int8(solution.id), update.keep_versions ? pg::int4(*update.keep_versions) : pg::null()}) == 0)
		return;
	if (update.stop_auto_training || update.auto_training_interval)
		schedule_training(solution, update.auto_training_interval);
}

void check_datasets(const catalog::Group &group, const recipe::RecipeSpec &recipe) {
	for (const std::string_view type : recipe.required_datasets)
		catalog::require_dataset(group, catalog::parse_dataset_type(type));
}

Spec solution_spec(const catalog::Found &solution, bool search_again) {
	static Plan find{
		"SELECT recipe, event_type, event_value_threshold, pg_catalog.to_jsonb(negative_event_types), hyperparameters,"
		" coalesce(config->'excluded_columns', '{}'), config->'tuning', config->'tuned'"
		" FROM recsys_internal.solution WHERE id = $1",
		{INT8OID}};
	AsOwner owner;
	const Row row = find.row({pg::int8(solution.id)}).value();
	Spec spec;
	spec.recipe = &require_recipe(row.text(0));
	spec.filter.event_type = row.optional_text(1);
	if (!row.null(2))
		spec.filter.value_threshold = row.float8(2);
	spec.filter.negative_types = Json::parse(row.text(3)).get<std::vector<std::string>>();
	spec.hyperparameters = parse_hyperparameters(*spec.recipe, Json::parse(row.text(4)));
	spec.excluded_columns = Json::parse(row.text(5));
	spec.tuning = row.null(6) ? Json() : Json::parse(row.text(6));
	if (!search_again && !row.null(7)) {
		const Json tuned = Json::parse(row.text(7));
		spec.tuning = nullptr;
		spec.recipe = &require_recipe(tuned.at("recipe").get<std::string>());
		spec.hyperparameters = parse_hyperparameters(*spec.recipe, tuned.at("hyperparameters"));
	}
	return spec;
}

void note_tuned(std::int64_t version_id, const Spec &spec, const Json &tuning) {
	static Plan note{"UPDATE recsys_internal.solution AS s SET recipe = $2, config = s.config || jsonb_build_object('tuned', jsonb_build_object("
					 "'solution_version', s.name || '/' || v.number, 'recipe', $2, 'hyperparameters', $3, 'tuned_hpo_params', $4,"
					 " 'tuned_at', clock_timestamp())) FROM recsys_internal.solution_version AS v WHERE v.id = $1 AND s.id = v.solution_id",
					 {INT8OID, TEXTOID, JSONBOID, JSONBOID}};
	const Json values = hyperparameters_json(*spec.recipe, spec.hyperparameters);
	AsOwner owner;
	note.run({pg::int8(version_id), pg::text(spec.recipe->name), pg::jsonb(values.dump()), pg::jsonb(tuning.at("tuned_hpo_params").dump())});
}

bool tuned_lately(const catalog::Found &solution) {
	static Plan find{"SELECT (config->'tuned'->>'tuned_at')::timestamptz > $2 - interval '90 days' FROM recsys_internal.solution WHERE id = $1",
					 {INT8OID, TIMESTAMPTZOID}};
	AsOwner owner;
	return find.row({pg::int8(solution.id), pg::timestamptz(jobs::clock_now())}).value().boolean(0);
}

int next_number(const catalog::Found &solution) {
	static Plan find{"SELECT last_version + 1 FROM recsys_internal.solution WHERE id = $1", {INT8OID}};
	AsOwner owner;
	return static_cast<int>(find.row({pg::int8(solution.id)}).value().int8(0));
}

void delete_solution(const catalog::Found &solution) {
	// The lock keeps new versions and campaigns from appearing before the deletion.
	static Plan lock{"SELECT FROM recsys_internal.solution WHERE id = $1 FOR UPDATE", {INT8OID}};
	static Plan user{"SELECT name FROM recsys_internal.campaign WHERE solution_id = $1 ORDER BY name LIMIT 1",
					 {INT8OID}};
	static Plan training{
		"SELECT number FROM recsys_internal.solution_version WHERE solution_id = $1"
		" AND status IN ('CREATE PENDING', 'CREATE IN_PROGRESS', 'CREATE STOPPING') ORDER BY number LIMIT 1",
		{INT8OID}};
	static Plan remove{"DELETE FROM recsys_internal.solution WHERE id = $1", {INT8OID}};
	AsOwner owner;
	lock.row({pg::int8(solution.id)});
	if (const std::optional<Row> campaign = user.row({pg::int8(solution.id)}))
		throw Error(sqlstate::InUse, "solution \"" + solution.name + "\" is in use",
					"Campaign \"" + campaign->text(0) + "\" uses it.", "Delete its campaigns first.");
	if (const std::optional<Row> version = training.row({pg::int8(solution.id)}))
		throw Error(sqlstate::InUse, "solution \"" + solution.name + "\" is in use",
					"Version \"" + solution.name + "/" + version->text(0) + "\" is in training.",
					"Stop it with recsys.stop_solution_version_creation, or wait for it with recsys.wait_for.");
	drop_schedules(solution);
	remove.run({pg::int8(solution.id)});
	catalog::invalidate_caches();
}

std::string describe_solution(const catalog::Found &solution) {
	static Plan describe{
		"SELECT pg_catalog.jsonb_build_object('name', s.name, 'dataset_group', g.name, 'recipe', s.recipe, 'status', "
		"s.status,"
		" 'event_type', s.event_type, 'event_value_threshold', s.event_value_threshold,"
		" 'negative_event_types', s.negative_event_types, 'hyperparameters', s.hyperparameters,"
		" 'excluded_columns', coalesce(s.config->'excluded_columns', '{}'),"
		" 'perform_hpo', coalesce(s.config->'tuning'->'perform_hpo', 'false'), 'perform_auto_ml', coalesce("
		"s.config->'tuning'->'perform_auto_ml', 'false'), 'hpo_config', nullif(s.config->'tuning', 'null') - '{perform_hpo,perform_auto_ml}'::text[],"
		" 'tuned', s.config->'tuned', 'auto_training_interval', (SELECT c.every FROM recsys_internal.schedule AS c"
		" WHERE c.kind = 'auto_training' AND c.resource_id = s.id), 'keep_versions', s.keep_versions, 'latest_solution_version', (SELECT pg_catalog.jsonb_build_object("
		"'name', s.name || '/' || v.number, 'status', v.status, 'failure_reason', v.failure_reason,"
		" 'training_mode', v.training_mode, 'training_type', v.training_type, 'created_at', v.created_at,"
		" 'updated_at', v.updated_at) FROM recsys_internal.solution_version AS v WHERE v.solution_id = s.id"
		" ORDER BY v.number DESC LIMIT 1), 'created_at', s.created_at, 'updated_at', s.updated_at)::text"
		" FROM recsys_internal.solution AS s JOIN recsys_internal.dataset_group AS g ON g.id = s.group_id WHERE s.id = "
		"$1",
		{INT8OID}};
	AsOwner owner;
	return describe.row({pg::int8(solution.id)}, pg::Access::Read).value().text(0);
}

void list_solutions(const catalog::Group &group, pg::ResultTable &out) {
	static Plan list{
		"SELECT $2, name, recipe, status, event_type, event_value_threshold, negative_event_types,"
		" hyperparameters, (SELECT max(v.number) FROM recsys_internal.solution_version AS v"
		" WHERE v.solution_id = s.id), created_at, updated_at FROM recsys_internal.solution AS s WHERE group_id = $1",
		{INT8OID, TEXTOID}};
	pg::SpiScope rows;
	AsOwner owner;
	out.append(list.fetch({pg::int8(group.id), pg::text(group.name)}, pg::Access::Read));
}

} // namespace recsys::train
