// Before a sale, after a restart, on a new standby: what requests of a campaign read is brought into memory before the first comes.
#include "serve/endpoint.hpp"

#include "store/model_store.hpp"

#include "pg/buffers.hpp"
#include "pg/function.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace {

using namespace recsys;

constexpr std::int64_t kShare = 2; // more than half of the shared buffers would throw out what others need

std::string qualified(Oid relation) {
	const char *name = pg::call([relation]() -> const char * {
		char *schema = get_namespace_name(get_rel_namespace(relation)), *rel = get_rel_name(relation);
		return schema == nullptr || rel == nullptr ? nullptr : quote_qualified_identifier(schema, rel);
	});
	return name == nullptr ? std::to_string(relation) : name;
}

} // namespace

RECSYS_FUNCTION(prewarm) {
	pg::ResultTable out(call);
	const pg::SpiScope spi;
	const std::shared_ptr<serve::Endpoint> endpoint = serve::find_endpoint(call.text(0, "campaign"));
	const store::Revision revision = store::newest_revision(endpoint->version_id());
	out.row({pg::text("model"), pg::text(endpoint->called()), pg::int8(static_cast<std::int64_t>(revision.layout.total))});
	std::int64_t left = NBuffers / kShare;
	// Indexes first: they are small, and every request goes through them.
	std::vector<Oid> relations;
	for (const Oid table : endpoint->rights().relations)
		for (const Oid index : pg::indexes_of(table))
			relations.push_back(index);
	relations.insert(relations.end(), endpoint->rights().relations.begin(), endpoint->rights().relations.end());
	for (const Oid relation : relations) {
		const std::int64_t blocks = pg::read_into_buffers(relation, left);
		left -= blocks;
		if (blocks != 0)
			out.row({pg::text("relation"), pg::text(qualified(relation)), pg::int8(blocks * BLCKSZ)});
	}
	return call.result_void();
}
