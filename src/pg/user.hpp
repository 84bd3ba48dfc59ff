// Whose rights apply. User relations are always read as the caller; the extension's own tables grant nothing and are
// reached only inside an AsOwner scope, with fixed statements.
#pragma once

#include <string>

#include "pg/guard.hpp"

namespace recsys::pg {

/// Switches to `user` until destroyed; PostgreSQL's abort does the same after an error.
class AsUser {
public:
	/// `restricted`: also SECURITY_RESTRICTED_OPERATION, for work that may run other people's triggers and functions.
	explicit AsUser(Oid user, bool restricted = false);
	~AsUser();
	AsUser(const AsUser &) = delete;
	AsUser &operator=(const AsUser &) = delete;

private:
	Oid user_;
	int context_;
};

/// Fixes search_path to pg_catalog, pg_temp until destroyed, so that no name or operator of a caller's schema is met. At the
/// end all settings are as before, whatever ran meanwhile: in a worker the next job is somebody else's.
class SafeSearchPath {
public:
	SafeSearchPath();
	~SafeSearchPath();
	SafeSearchPath(const SafeSearchPath &) = delete;
	SafeSearchPath &operator=(const SafeSearchPath &) = delete;

private:
	int nest_level_;
};

/// The extension owner's rights and a safe search path: the only way to recsys_internal.
class AsOwner {
public:
	AsOwner();

private:
	AsUser user_;
	SafeSearchPath path_;
};

/// Owner of the extension in this database. Errors: 55000 when it is not installed.
Oid extension_owner();

std::string user_name(Oid role); // "" when the role is gone

} // namespace recsys::pg
