// Models in tables: written section by section in chunks of at most 1 MB, so that WAL, backups, pg_dump and standbys carry
// them like any other row. A section whose hash is already stored for the version is not written again.
#pragma once

#include "artifact/artifact.hpp"

#include "catalog/catalog.hpp"

namespace recsys::store {

/// What the revision of a model would be known by: equal exactly for equal bytes.
std::string content_hash(const artifact::Writer &model);
/// Writes the next revision of a version, in the caller's transaction; returns its number (1, 2, …). Older revisions and
/// sections that only they used are deleted.
int save_model(std::int64_t version_id, const artifact::Writer &model);

struct Revision {
	std::int64_t version_id;
	int revision;
	std::string content_hash; // hex of the artifact's hash: the key of the shared cache
	artifact::Layout layout;
};
/// The newest revision. Errors: RS004 when the version has none.
Revision newest_revision(std::int64_t version_id);
/// Reads all sections of a revision into `out` (revision.layout.total bytes, 64-byte aligned), header included.
/// Errors: RS007 when chunks are missing or have other sizes than promised. Checksums are the view's business.
void read_model(const Revision &revision, std::span<std::byte> out);

} // namespace recsys::store
