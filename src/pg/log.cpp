#include "pg/log.hpp"

namespace recsys::pg {

void log(const std::string &message, const std::string &detail, const std::string &hint) {
	const char *m = message.c_str(), *d = detail.c_str(), *h = hint.c_str();
	call([m, d, h] {
		ereport(LOG, (errmsg_internal("%s", m), d[0] != '\0' ? errdetail_internal("%s", d) : 0,
					  h[0] != '\0' ? errhint("%s", h) : 0));
	});
}

} // namespace recsys::pg
