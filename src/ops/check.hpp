// A group under examination. Everything is read as the current user and nothing is written, so a check runs on a
// standby, too.
#pragma once

#include <string>
#include <vector>

#include "ops/finding.hpp"
#include "ops/profile.hpp"

namespace recsys::ops {

/// Worst first. What cannot be read is a finding, not an error; a cancel ends the check.
Findings check(const catalog::Group &group);

struct Insight {
	std::string dataset;
	ColumnProfile column;
	std::string sample; // "" = every row was looked at
};
/// The columns of every dataset, but for optional ones of the dataset type that have no value at all. Errors: those of
/// reading them.
std::vector<Insight> insights(const catalog::Group &group);

} // namespace recsys::ops
