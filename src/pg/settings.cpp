#include "pg/settings.hpp"

#include "pg/guard.hpp"

namespace recsys::pg::settings {

int auto_update_interval = 7200;
int clock_offset = 0;
int filter_history_limit = 0;
int exploration_age = AgeFromNow;
int filter_plan = FilterAuto;
int job_retention = 30 * 86400;
int job_time_limit = 86400;
int max_workers = 2;
int model_cache_limit = 1024;
int private_model_limit = 256;
bool service_limits = false;
bool track_campaigns = true;
int train_memory_limit = 0;
int train_threads = 2;
int trending_cache = 10;

namespace {

struct IntSetting {
	const char *name, *summary, *detail;
	int *variable;
	int fallback, minimum, maximum;
	GucContext context;
	int flags;
};

void define_int(const IntSetting &s) {
	DefineCustomIntVariable(s.name, s.summary, s.detail, s.variable, s.fallback, s.minimum, s.maximum, s.context, s.flags,
							nullptr, nullptr, nullptr);
}

} // namespace

// In alphabetical order.
void define(bool preloading) {
	static const config_enum_entry filter_plans[] = {
		{"auto", FilterAuto, false}, {"post", FilterPost, false}, {"pre", FilterPre, false}, {nullptr, 0, false}};
	if (preloading) {
		define_int({"recsys.auto_update_interval", "Sets the time between automatic updates of deployed models.",
					"An update brings new items into the newest fully trained version of a solution. 0 switches automatic updates off.",
					&auto_update_interval, 7200, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S});
		define_int({"recsys.clock_offset", "Sets how far the clock of schedules and retries goes ahead of the system's.",
					"For tests: a week passes in no time.", &clock_offset, 0, 0, INT_MAX, PGC_SIGHUP,
					GUC_UNIT_S | GUC_NOT_IN_SAMPLE});
	}
	static const config_enum_entry exploration_ages[] = {
		{"now", AgeFromNow, false}, {"newest_event", AgeFromNewestEvent, false}, {nullptr, 0, false}};
	DefineCustomEnumVariable("recsys.exploration_age", "Sets from when the age of items is counted that may be explored.",
							 "newest_event counts from the newest event that the model was trained on, for data that come late or "
							 "have ended.",
							 &exploration_age, AgeFromNow, exploration_ages, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	define_int({"recsys.filter_history_limit", "Sets how many of a user's newest events of each type filters see.",
				"0 means all. The service that recsys is compatible with sees 100.", &filter_history_limit, 0, 0, INT_MAX,
				PGC_USERSET, 0});
	DefineCustomEnumVariable("recsys.filter_plan", "Sets how a filter is evaluated.",
							 "post tests candidates in the order of their scores, pre looks for all items that pass; auto begins "
							 "with post and changes when few pass. The answers are the same.",
							 &filter_plan, FilterAuto, filter_plans, PGC_USERSET, GUC_NOT_IN_SAMPLE, nullptr, nullptr, nullptr);
	if (preloading) {
		define_int({"recsys.job_retention", "Sets how long ended jobs are shown.",
					"Jobs that a user has named stay, without their runs. 0 keeps everything.", &job_retention, 30 * 86400, 0,
					INT_MAX, PGC_SIGHUP, GUC_UNIT_S});
		define_int({"recsys.job_time_limit", "Sets how long a background job may run.",
					"A job that exceeds it fails, so that work that hangs does not keep a worker for ever. 0 means no limit.",
					&job_time_limit, 86400, 0, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S});
		define_int({"recsys.max_workers", "Sets how many background workers recsys may run at a time.",
					"Each training or import job occupies one; they also count against \"max_worker_processes\". 0 runs no jobs.",
					&max_workers, 2, 0, 64, PGC_SIGHUP, 0});
		define_int({"recsys.model_cache_limit", "Sets the shared memory for models that all backends read in place.",
					"A model that does not fit is copied into each backend that uses it.", &model_cache_limit, 1024, 0,
					1 << 20, PGC_SIGHUP, GUC_UNIT_MB});
	}
	define_int({"recsys.private_model_limit", "Sets the largest model that a backend may copy into its own memory.",
				"Used only when the library is not preloaded or the shared cache is full.", &private_model_limit, 256, 0,
				1 << 20, PGC_USERSET, GUC_UNIT_MB});
	DefineCustomBoolVariable("recsys.service_limits", "Enforces the quotas of the service recsys is compatible with.",
							 "When off, only technical limits apply.", &service_limits, false, PGC_SUSET, 0, nullptr,
							 nullptr, nullptr);
	DefineCustomBoolVariable("recsys.track_campaigns", "Counts what campaigns are asked.", "See recsys.stat_campaigns.", &track_campaigns, true,
							 PGC_USERSET, 0, nullptr, nullptr, nullptr);
	define_int({"recsys.train_memory_limit", "Sets the memory that one training run may use.", "0 means no limit.",
				&train_memory_limit, 0, 0, 1 << 22, PGC_SUSET, GUC_UNIT_MB});
	define_int({"recsys.train_threads", "Sets the number of threads of one training run.",
				"Models do not depend on it.", &train_threads,
				max_parallel_maintenance_workers > 0 ? max_parallel_maintenance_workers : 1, 1, 64, PGC_USERSET, 0});
	define_int({"recsys.trending_cache", "Sets how long a session keeps the counts that trending items are made from.",
				"A transaction that has written counts anew at every request. 0 keeps nothing.", &trending_cache, 10, 0, 86400,
				PGC_USERSET, GUC_UNIT_S});
	MarkGUCPrefixReserved("recsys");
}

} // namespace recsys::pg::settings
