#include "pg/user.hpp"

#include "pg/spi.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace recsys::pg {

AsUser::AsUser(Oid user, bool restricted) {
	GetUserIdAndSecContext(&user_, &context_);
	SetUserIdAndSecContext(user, context_ | SECURITY_LOCAL_USERID_CHANGE |
									 (restricted ? SECURITY_RESTRICTED_OPERATION : 0));
}

AsUser::~AsUser() { SetUserIdAndSecContext(user_, context_); }

SafeSearchPath::SafeSearchPath() : nest_level_(NewGUCNestLevel()) {
	call([] {
		set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	});
}

// As an abort would: a SET by somebody's trigger or function in between is undone, too.
SafeSearchPath::~SafeSearchPath() { AtEOXact_GUC(false, nest_level_); }

AsOwner::AsOwner() : user_(extension_owner()) {}

// Read from the catalog each time: the call sites are the control plane, and an index scan of pg_extension is cheap.
Oid extension_owner() {
	const Oid owner = call([] {
		Relation rel = table_open(ExtensionRelationId, AccessShareLock);
		ScanKeyData key;
		ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("recsys"));
		SysScanDesc scan = systable_beginscan(rel, ExtensionNameIndexId, true, nullptr, 1, &key);
		HeapTuple tuple = systable_getnext(scan);
		const Oid result =
			HeapTupleIsValid(tuple) ? reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple))->extowner : InvalidOid;
		systable_endscan(scan);
		table_close(rel, AccessShareLock);
		return result;
	});
	if (!OidIsValid(owner))
		throw Error("55000", "extension \"recsys\" is not installed in this database", {},
					"Run \"CREATE EXTENSION recsys\".");
	return owner;
}

std::string user_name(Oid role) {
	const char *name = call([role] { return GetUserNameFromId(role, true); });
	return name == nullptr ? std::string() : std::string(name);
}

} // namespace recsys::pg
