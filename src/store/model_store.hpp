// Models in tables: written section by section in chunks of at most 1 MB, so that WAL, backups, pg_dump and standbys carry
// them like any other row. A section whose hash is already stored for the version is not written again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/artifact.hpp"

#include "catalog/catalog.hpp"

namespace recsys::store {

/// What the revision of a model would be known by: equal exactly for equal bytes.
std::string content_hash(const artifact::Writer &model);
/// Writes the next revision of a version, in the caller's transaction; returns its number (1, 2, …). Of older revisions only the
/// items' ids stay, for two weeks after they were replaced, so that an answer that was given from one can still be read.
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

/// The ids that a revision's ordinals stood for.
struct ItemIds {
	std::vector<std::uint64_t> offsets; // size() + 1
	std::string bytes;
	std::size_t size() const noexcept { return offsets.empty() ? 0 : offsets.size() - 1; }
	std::string_view operator[](std::size_t item) const noexcept {
		return std::string_view(bytes).substr(offsets[item], offsets[item + 1] - offsets[item]);
	}
};
/// Nothing when the revision is not kept any more, or is of another group.
std::optional<ItemIds> read_item_ids(std::int64_t group_id, std::int64_t version_id, std::uint64_t revision);

} // namespace recsys::store
