// Whether a deployed model still fits what happens: the events since those it was trained on against as many before them, and the lists
// that it gives to users who were active lately.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"

namespace recsys::ops {

struct DriftMeasure {
	std::string name;
	std::optional<double> value; // absent: too little to tell
	std::optional<double> limit; // above it the model should be trained again; absent: for information
	std::string evidence;
	bool breached() const { return value && limit && *value > *limit; }
};

/// Reads as the current user; the requests for lists are not counted. Errors: RS004 when the campaign has no version; RS007.
std::vector<DriftMeasure> drift(const catalog::Found &campaign);

} // namespace recsys::ops
