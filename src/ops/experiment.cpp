#include "base/hash.hpp"

#include "ops/experiment.hpp"

#include <algorithm>
#include <cmath>

extern "C" {
#include "utils/timestamp.h"
}

namespace recsys::ops {

namespace {

constexpr std::int64_t kEpoch = 946684800; // seconds from 1970 to 2000

[[noreturn]] void refuse(const std::string &message, const std::string &detail = {}, const std::string &hint = {}) {
	throw Error(sqlstate::InvalidParameter, message, detail, hint);
}

// "schema"."name" of what a caller has written, found as he would find it.
std::string resolve(const Arm &arm) {
	const bool relation = !arm.source.empty();
	const std::string written = relation ? arm.source : arm.function;
	const pg::Rows rows =
		relation ? pg::query("SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n"
							 " ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)",
							 {TEXTOID}, {pg::text(written)}, pg::Access::Read)
				 : pg::query("SELECT format('%I.%I', n.nspname, p.proname) FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n"
							 " ON n.oid = p.pronamespace WHERE p.oid = pg_catalog.to_regprocedure($1 || '(text,integer)')",
							 {TEXTOID}, {pg::text(written)}, pg::Access::Read);
	if (rows.empty())
		throw Error(relation ? "42P01" : "42883",
					std::string(relation ? "relation" : "function") + " \"" + written + "\" of arm \"" + arm.name + "\" does not exist", {},
					relation ? "It needs the columns user_id, item_id and rank." : "It takes a user id as text and a number of results as integer.");
	if (relation)
		for (const char *column : {"user_id", "item_id", "rank"})
			if (pg::query("SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass($1) AND attname = $2 AND NOT attisdropped",
						  {TEXTOID, TEXTOID}, {pg::text(written), pg::text(column)}, pg::Access::Read)
					.empty())
				throw Error("42703", "relation \"" + written + "\" of arm \"" + arm.name + "\" has no column \"" + column + "\"", {},
							"It needs the columns user_id, item_id and rank.");
	return rows.front().text(0);
}

double weight_of(const std::string &arm, const Json &value) {
	if (!value.is_number() || !(value.get<double>() >= 0) || !std::isfinite(value.get<double>()))
		refuse("weight of arm \"" + arm + "\" must be a number that is not negative");
	return value.get<double>();
}

Arm parse_arm(const Json &given, const catalog::Group &group) {
	if (!given.is_object() || !given.contains("name") || !given.at("name").is_string())
		refuse("each arm must be a JSON object with a \"name\"", {}, R"(Write, for example, {"name": "personal", "campaign": "home", "weight": 50}.)");
	Arm arm{given.at("name").get<std::string>(), {}, {}, {}, 1};
	if (arm.name.empty())
		refuse("name of an arm must not be empty");
	std::size_t kinds = 0;
	for (const auto &[key, value] : given.items()) {
		std::string *text = key == "campaign" ? &arm.campaign : key == "source" ? &arm.source : key == "function" ? &arm.function : nullptr;
		if (key == "weight")
			arm.weight = weight_of(arm.name, value);
		else if (text != nullptr && value.is_string() && ++kinds == 1)
			*text = value.get<std::string>();
		else if (key != "name")
			refuse("arm \"" + arm.name + "\" has no valid \"" + key + "\"", {}, "An arm has one of \"campaign\", \"source\" and \"function\", or none.");
	}
	if (!arm.campaign.empty()) {
		const catalog::Found campaign = catalog::require_resource("campaign", arm.campaign, catalog::Right::Read);
		if (campaign.group.id != group.id)
			refuse("campaign \"" + arm.campaign + "\" belongs to another dataset group");
		arm.campaign = campaign.name;
	} else if (kinds != 0) {
		(arm.source.empty() ? arm.function : arm.source) = resolve(arm);
	}
	return arm;
}

std::vector<Arm> parse_arms(const Json &given, const catalog::Group &group) {
	if (!given.is_array() || given.size() < 2 || given.size() > 20)
		refuse("arms must be a JSON array of 2 to 20 arms");
	std::vector<Arm> arms;
	double sum = 0;
	for (const Json &one : given) {
		arms.push_back(parse_arm(one, group));
		sum += arms.back().weight;
		for (std::size_t i = 0; i + 1 < arms.size(); ++i)
			if (arms[i].name == arms.back().name)
				refuse("arm \"" + arms[i].name + "\" is given twice");
	}
	if (!(sum > 0))
		refuse("weights of the arms must not all be 0");
	return arms;
}

Json stored_arms(const std::vector<Arm> &arms) {
	Json out = Json::array();
	for (const Arm &arm : arms) {
		Json one = {{"name", arm.name}};
		for (const auto &[key, value] : {std::pair{"campaign", &arm.campaign}, {"source", &arm.source}, {"function", &arm.function}})
			if (!value->empty())
				one[key] = *value;
		out.push_back(std::move(one));
	}
	return out;
}

Json stored_weights(const std::vector<Arm> &arms) {
	Json out = Json::object();
	for (const Arm &arm : arms)
		out[arm.name] = arm.weight;
	return out;
}

void add_weights(std::int64_t id, const std::vector<Arm> &arms) {
	static pg::Plan add{"INSERT INTO recsys_internal.experiment_weights VALUES ($1, clock_timestamp(), $2)", {INT8OID, JSONBOID}};
	add.run({pg::int8(id), pg::jsonb(stored_weights(arms).dump())});
}

} // namespace

std::size_t Experiment::arm_at(std::string_view user, TimestampTz time) const {
	// Before the first weights there were none: those come nearest.
	const std::vector<double> *valid = &weights.front().second;
	for (const auto &[since, then] : weights)
		if (since <= time)
			valid = &then;
	const std::uint64_t salt = hash64(name, hash64(group.name));
	const double place = static_cast<double>(hash64(user, salt) >> 11) * 0x1.0p-53;
	double sum = 0, until = 0;
	for (const double weight : *valid)
		sum += weight;
	for (std::size_t i = 0; i < arms.size(); ++i)
		if (until += (*valid)[i]; place * sum < until)
			return i;
	std::size_t last = arms.size() - 1;
	while ((*valid)[last] == 0)
		--last;
	return last;
}

std::size_t Experiment::find_arm(const std::string &arm) const {
	for (std::size_t i = 0; i < arms.size(); ++i)
		if (arms[i].name == arm)
			return i;
	refuse("experiment \"" + name + "\" has no arm \"" + arm + "\"");
}

Experiment find_experiment(const std::string &name, catalog::Right right) {
	static pg::Plan find{"SELECT arms, measure, status, conversion_event_type, exposure_event_type, expected_lift,"
						 " extract(epoch FROM measure_from) * 1000000, extract(epoch FROM stopped_at) * 1000000"
						 " FROM recsys_internal.experiment WHERE id = $1",
						 {INT8OID}};
	static pg::Plan find_weights{"SELECT extract(epoch FROM since) * 1000000, weights FROM recsys_internal.experiment_weights"
								 " WHERE experiment_id = $1 ORDER BY since",
								 {INT8OID}};
	const catalog::Found found = catalog::require_resource("experiment", name, right);
	const pg::AsOwner owner;
	const pg::Row row = find.row({pg::int8(found.id)}, pg::Access::Read).value();
	const auto time = [](const pg::Row &r, std::size_t i) { return static_cast<TimestampTz>(r.float8(i)) - kEpoch * USECS_PER_SEC; };
	Experiment out{found.id, found.group, found.name, row.text(1), row.text(2), row.text(3), row.optional_text(4), row.float8(5), time(row, 6),
				   row.null(7) ? std::nullopt : std::optional(time(row, 7)), {}, {}};
	for (const Json &arm : Json::parse(row.text(0)))
		out.arms.push_back({arm.at("name").get<std::string>(), arm.value("campaign", ""), arm.value("source", ""), arm.value("function", ""), 0});
	for (const pg::Row &w : find_weights.rows({pg::int8(found.id)}, pg::Access::Read)) {
		const Json weights = Json::parse(w.text(1));
		std::vector<double> &then = out.weights.emplace_back(time(w, 0), std::vector<double>()).second;
		for (Arm &arm : out.arms)
			then.push_back(arm.weight = weights.at(arm.name).get<double>());
	}
	return out;
}

const Arm &arm_of(const Experiment &experiment, const std::string &user) {
	static pg::Plan find{"SELECT arm FROM recsys_internal.experiment_assignment WHERE experiment_id = $1 AND user_id = $2", {INT8OID, TEXTOID}};
	std::optional<pg::Row> row;
	{
		const pg::AsOwner owner;
		row = find.row({pg::int8(experiment.id), pg::text(user)}, pg::Access::Read);
	}
	return experiment.arms[row ? experiment.find_arm(row->text(0)) : experiment.arm_at(user, GetCurrentTimestamp())];
}

std::map<std::string, std::size_t, std::less<>> assignments(const Experiment &experiment) {
	static pg::Plan list{"SELECT user_id, arm FROM recsys_internal.experiment_assignment WHERE experiment_id = $1", {INT8OID}};
	std::map<std::string, std::size_t, std::less<>> out;
	const pg::AsOwner owner;
	for (const pg::Row &row : list.rows({pg::int8(experiment.id)}, pg::Access::Read))
		out.emplace(row.text(0), experiment.find_arm(row.text(1)));
	return out;
}

void create_experiment(const catalog::Group &group, const ExperimentRequest &request) {
	static pg::Plan insert{"INSERT INTO recsys_internal.experiment (group_id, name, arms, conversion_event_type, exposure_event_type, measure,"
						   " expected_lift, measure_from) VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, clock_timestamp()))"
						   " ON CONFLICT (group_id, name) DO NOTHING RETURNING id",
						   {INT8OID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, TIMESTAMPTZOID}};
	catalog::check_name(request.name, "experiment");
	if (request.conversion_event_type.empty())
		refuse("argument \"conversion_event_type\" must not be empty");
	if (request.measure != "users" && request.measure != "events" && request.measure != "value")
		refuse("unrecognized measure \"" + request.measure + "\"", {}, "Measures are users, events and value.");
	if (!(request.expected_lift > 0) || !std::isfinite(request.expected_lift))
		refuse("argument \"expected_lift\" must be positive");
	catalog::require_dataset(group, catalog::DatasetType::Interactions);
	const std::vector<Arm> arms = parse_arms(request.arms, group);
	const pg::AsOwner owner;
	const std::optional<pg::Row> row =
		insert.row({pg::int8(group.id), pg::text(request.name), pg::jsonb(stored_arms(arms).dump()), pg::text(request.conversion_event_type),
					pg::text(request.exposure_event_type), pg::text(request.measure), pg::float8(request.expected_lift),
					request.measure_from ? pg::timestamptz(*request.measure_from) : pg::null()});
	if (!row)
		throw Error(sqlstate::AlreadyExists, "experiment \"" + request.name + "\" already exists", {},
					"Delete it with recsys.delete_experiment, or choose another name.");
	add_weights(row->int8(0), arms);
}

void update_experiment(const Experiment &experiment, const std::optional<Json> &weights, std::optional<TimestampTz> measure_from) {
	static pg::Plan update{"UPDATE recsys_internal.experiment SET measure_from = coalesce($2, measure_from), updated_at = clock_timestamp()"
						   " WHERE id = $1",
						   {INT8OID, TIMESTAMPTZOID}};
	if (experiment.status != "ACTIVE")
		throw Error(sqlstate::WrongState, "experiment \"" + experiment.name + "\" was stopped");
	std::vector<Arm> arms = experiment.arms;
	if (weights) {
		if (!weights->is_object())
			refuse("weights must be a JSON object", {}, R"(Write, for example, {"control": 0, "personal": 100}.)");
		double sum = 0;
		for (const auto &[name, value] : weights->items())
			arms[experiment.find_arm(name)].weight = weight_of(name, value);
		for (const Arm &arm : arms)
			sum += arm.weight;
		if (!(sum > 0))
			refuse("weights of the arms must not all be 0");
	}
	const pg::AsOwner owner;
	update.run({pg::int8(experiment.id), measure_from ? pg::timestamptz(*measure_from) : pg::null()});
	if (weights)
		add_weights(experiment.id, arms);
}

} // namespace recsys::ops
