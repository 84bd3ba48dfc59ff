// The extension's settings (GUCs): one alphabetical list in settings.cpp, read everywhere through these variables.
#pragma once

namespace recsys::pg::settings {

extern int auto_update_interval; // seconds between automatic updates of deployed models; 0 = none
extern int clock_offset;		 // seconds by which the clock of schedules and retries goes ahead; for tests
extern int filter_history_limit; // newest events of a user and type that filters see; 0 = all
extern int exploration_age;		 // ExplorationAge
extern int filter_plan;			 // FilterPlan
extern int job_retention;		 // seconds for which ended jobs are kept; 0 = for ever
extern int job_time_limit;		 // seconds a job may run; 0 = no limit
extern int max_workers;			 // background workers of recsys at a time; 0 = none
extern int model_cache_limit;	 // MB of shared memory for models
extern int private_model_limit;	 // MB of a model's private copy in one backend
extern bool service_limits;		 // enforce the quotas of the service
extern bool track_campaigns;	 // count requests
extern int train_memory_limit;	 // MB a training run may use; 0 = no limit
extern int train_threads;		 // threads of a training run
extern int trending_cache;		 // seconds for which a session keeps the counts of trending items

/// How a filter finds the best candidates that pass; the answers are the same.
enum ExplorationAge { AgeFromNow, AgeFromNewestEvent };
enum FilterPlan { FilterAuto, FilterPost, FilterPre };

/// Defines all settings; those that size shared memory only while preloading.
void define(bool preloading);

} // namespace recsys::pg::settings
