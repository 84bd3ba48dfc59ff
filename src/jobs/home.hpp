// Jobs and schedules belong to the database they were made in. In a copy of it (CREATE DATABASE … TEMPLATE) and in a restored
// dump they are foreign: nobody there has asked for them, and two databases must not do one database's work twice. A standby
// that is promoted and a cluster that is upgraded are still the same home. See recsys_internal.home.
#pragma once

#include <optional>
#include <string>

namespace recsys::jobs {

/// This database's id; nothing in a copy that has none of its own yet. Within AsOwner.
std::optional<std::string> find_home();
/// As find_home; gives a copy its own id, and records where pg_upgrade has moved the database. Within AsOwner.
std::string settle_home();

inline constexpr const char *kForeign = "belongs to the database that this one was copied or restored from";

} // namespace recsys::jobs
