// Experiments: users are divided among arms, each of which answers with a campaign, with lists of the caller's own, or with nothing
// (what there was before). The division is a hash, so it is the same everywhere, on standbys too, and needs no row for a user.
//
//   place = hash of (group, experiment, user) in [0, 1);   arm = the first whose weights, added up, exceed place
//
// When weights change, as few users as possible change arms; results count a user in the arm that he was in when he was first exposed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"

namespace recsys::ops {

using catalog::Json;

struct Arm {
	std::string name;
	std::string campaign, source, function; // one of them, or none
	double weight = 0;						// as of the newest weights
};

struct Experiment {
	std::int64_t id = 0;
	catalog::Group group;
	std::string name, measure, status, conversion_event_type;
	std::optional<std::string> exposure_event_type;
	double expected_lift = 0;
	TimestampTz measure_from = 0;
	std::optional<TimestampTz> stopped;
	std::vector<Arm> arms; // the first is the control
	/// Weights by arm since a time, oldest first.
	std::vector<std::pair<TimestampTz, std::vector<double>>> weights;

	/// The arm by hash under the weights of that time.
	std::size_t arm_at(std::string_view user, TimestampTz time) const;
	/// Errors: 22023 for a name that no arm has.
	std::size_t find_arm(const std::string &arm) const;
};

/// Errors: RS001, 42501, 42725.
Experiment find_experiment(const std::string &name, catalog::Right right);
/// The arm of a user now: the assignment from elsewhere, else by hash.
const Arm &arm_of(const Experiment &experiment, const std::string &user);
/// All assignments from elsewhere.
std::map<std::string, std::size_t, std::less<>> assignments(const Experiment &experiment);

struct ExperimentRequest {
	std::string name, conversion_event_type, measure;
	std::optional<std::string> exposure_event_type;
	double expected_lift;
	std::optional<TimestampTz> measure_from; // absent = now
	Json arms;
};
/// Errors: 42602, 22023, RS001 for a campaign, 42P01 for a relation, 42883 for a function, RS006.
void create_experiment(const catalog::Group &group, const ExperimentRequest &request);
/// Errors: 22023; 55000 when it was stopped.
void update_experiment(const Experiment &experiment, const std::optional<Json> &weights, std::optional<TimestampTz> measure_from);

/// One row an arm, in the columns of recsys.get_experiment_results. Reads events as the current user.
void write_results(const Experiment &experiment, pg::ResultTable &out);

} // namespace recsys::ops
