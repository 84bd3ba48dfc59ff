// Where the library begins: settings, shared memory and workers are set up here, in this order, and only as far as the
// situation allows. Without shared_preload_libraries everything works except the shared model cache, live statistics and
// background jobs; those say so.
//
//   settings, their prefix reserved     always: a typing error in recsys.… is refused
//   job handlers                        always: a pending job can be stopped in any session
//   ── pg_upgrade's server stops here: it must not run jobs over half-restored tables
//   ── a session that loads the library by itself stops here: shared memory can be asked for at the start only
//   shared areas and their hooks, the launcher
#include "serve/batch_job.hpp"
#include "store/model_cache.hpp"

#include "ops/watch.hpp"
#include "stats/campaigns.hpp"
#include "stats/progress.hpp"
#include "stats/shared.hpp"

#include "ingest/data_job.hpp"
#include "jobs/launcher.hpp"
#include "pg/function.hpp"
#include "pg/settings.hpp"
#include "train/automatic.hpp"
#include "train/training.hpp"

extern "C" {
#include "storage/ipc.h"

PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

namespace {

shmem_request_hook_type next_shmem_request = nullptr;
shmem_startup_hook_type next_shmem_startup = nullptr;

void shmem_request() {
	if (next_shmem_request != nullptr)
		next_shmem_request();
	recsys::pg::entry([] { recsys::stats::request_shared_memory(); });
}

void shmem_startup() {
	if (next_shmem_startup != nullptr)
		next_shmem_startup();
	recsys::pg::entry([] { recsys::stats::attach_shared_memory(); });
}

// Each room that works in the background names its handlers here.
void register_handlers() {
	recsys::ingest::register_data_jobs();
	recsys::serve::register_batch_jobs();
	recsys::train::register_jobs();
	recsys::train::register_automatic_jobs();
	recsys::ops::register_watch();
}

void declare_shared_areas() {
	recsys::stats::declare_progress();
	recsys::stats::declare_campaigns();
	recsys::jobs::declare_board();
	recsys::store::declare_model_cache();
}

} // namespace

extern "C" void _PG_init(void) {
	recsys::pg::entry([] {
		const bool preloading = process_shared_preload_libraries_in_progress;
		recsys::pg::settings::define(preloading);
		register_handlers();
		if (IsBinaryUpgrade || !preloading)
			return;
		declare_shared_areas();
		next_shmem_request = shmem_request_hook;
		shmem_request_hook = shmem_request;
		next_shmem_startup = shmem_startup_hook;
		shmem_startup_hook = shmem_startup;
		recsys::jobs::register_launcher();
	});
}

RECSYS_FUNCTION(version) { return call.result(RECSYS_VERSION); }
