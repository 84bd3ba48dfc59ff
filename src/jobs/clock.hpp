// The clock of schedules and retries: the system's, put forward by recsys.clock_offset. Only what is due is asked of it; what is
// recorded (created_at, started_at, finished_at) is the time on the wall.
#pragma once

#include "pg/guard.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace recsys::jobs {

inline constexpr TimestampTz kSecond = USECS_PER_SEC;

inline TimestampTz clock_now() { return GetCurrentTimestamp() + pg::settings::clock_offset * kSecond; }

} // namespace recsys::jobs
