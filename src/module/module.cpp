// Where the library begins: settings, shared memory and workers are set up here, in this order, and only as far as the
// situation allows. Without shared_preload_libraries everything works except the shared model cache, live statistics and
// background jobs; those say so.
#include "pg/settings.hpp"

#include "pg/guard.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

extern "C" void _PG_init(void) {
	recsys::pg::entry([] {
		const bool preloading = process_shared_preload_libraries_in_progress;
		recsys::pg::settings::define(preloading);
	});
}
