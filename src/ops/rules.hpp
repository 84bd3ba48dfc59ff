// The rules: from what the rows are like (ops/profile.hpp) to findings. Each adds to a list what it has to say.
#pragma once

#include "ops/finding.hpp"
#include "ops/profile.hpp"

namespace recsys::ops {

/// What a check knows when it judges the group as a whole.
struct Picture {
	const catalog::Group &group;
	const catalog::Dataset &interactions;
	bool has_items = false, has_users = false; // as datasets that could be read
	Json events, users;                        // event_profile, user_profile
};

/// Times, types, values and repeated rows of events.
void judge_events(const catalog::Dataset &events, const Json &profile, const Json &repeats, const Sample &sample,
				  Findings &out);
/// Ids of events that have no row, rows without events, ids that come twice. `user_profile` may be empty.
void judge_ids(const catalog::Dataset &events, const Json &profile, bool has_records, const Json &user_profile,
			   bool has_users, Findings &out);
/// Each own column by itself, and the fixed ones where they matter.
void judge_columns(const catalog::Group &group, const catalog::Dataset &dataset,
				   const std::vector<ColumnProfile> &columns, const Sample &sample, Findings &out);
/// Columns of events that tell what is known only after the event.
void judge_context(const catalog::Dataset &events, const Json &profile, Findings &out);
/// The group's own table and the sources of a mapped dataset: whether all rows are seen, and the access paths that
/// serving needs.
void judge_relations(const catalog::Group &group, const catalog::Dataset &dataset, Findings &out);
/// Columns that the owner's table has and the dataset does not read.
void judge_unused_columns(const catalog::Group &group, const catalog::Dataset &dataset, Findings &out);
/// A verdict for every row of the table of good and bad fits.
void judge_fit(const Picture &picture, Findings &out);
/// Which recipes the data suffice for, and what the group's solutions ask of them.
void judge_recipes(const Picture &picture, const std::vector<catalog::Dataset> &datasets, Findings &out);

/// The first of these recipes that this version has, in quotes; for advice.
std::string recipe_to_use(std::initializer_list<const char *> names);

} // namespace recsys::ops
