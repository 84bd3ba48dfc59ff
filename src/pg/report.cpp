#include "pg/report.hpp"

namespace recsys::pg {

namespace {

void report(int level, const char *message, const char *detail, const char *hint) {
	call([=] {
		ereport(level, (errmsg("%s", message), detail[0] != '\0' ? errdetail("%s", detail) : 0,
						hint[0] != '\0' ? errhint("%s", hint) : 0));
	});
}

} // namespace

void warning(const std::string &message, const std::string &detail, const std::string &hint) {
	report(WARNING, message.c_str(), detail.c_str(), hint.c_str());
}

void notice(const std::string &message, const std::string &detail, const std::string &hint) {
	report(NOTICE, message.c_str(), detail.c_str(), hint.c_str());
}

} // namespace recsys::pg
