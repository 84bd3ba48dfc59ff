#include "serve/recommendation_id.hpp"

#include "pg/hmac.hpp"
#include "pg/settings.hpp"

namespace recsys::serve {

namespace {

constexpr std::string_view kPrefix = "RID-";
constexpr char kFormat = 1;
constexpr std::size_t kMacSize = 16, kServiceLength = 40;

// The database's key, kept while nothing in the catalog changes: DROP EXTENSION counts as a change.
const std::string &signing_key() {
	static std::string &key = *new std::string;
	static std::uint64_t generation = 0;
	const std::uint64_t now = catalog::cache_generation();
	if (key.empty() || generation != now) {
		static pg::Plan select{"SELECT encode(key, 'hex') FROM recsys_internal.secret WHERE purpose = 'recommendation_id'", {}};
		pg::AsOwner owner;
		const auto row = select.row({}, pg::Access::Read);
		if (!row)
			throw Error("XX000", "the key of recommendation ids is missing");
		key = row->text(0);
		generation = now;
	}
	return key;
}

void put(std::string &out, std::uint64_t value) {
	for (; value >= 0x80; value >>= 7)
		out += static_cast<char>(value | 0x80);
	out += static_cast<char>(value);
}

std::string encode(const AnswerContent &content) {
	std::string out(1, kFormat);
	put(out, static_cast<std::uint64_t>(content.version_id));
	put(out, content.revision);
	put(out, content.seed);
	put(out, content.items.size());
	for (const std::uint32_t item : content.items)
		put(out, item);
	return out;
}

std::string mac(std::string_view bytes) {
	const pg::Mac full = pg::hmac_sha256(signing_key(), bytes);
	return {reinterpret_cast<const char *>(full.data()), full.size()};
}

// One per answer, so the moment and the process are part of what is hashed.
std::string service_id(std::string bytes) {
	static std::uint64_t answers = 0;
	put(bytes, static_cast<std::uint64_t>(GetCurrentTimestamp()));
	put(bytes, static_cast<std::uint64_t>(MyProcPid));
	put(bytes, ++answers);
	const std::string id = std::string(kPrefix) + pg::base64url(mac(bytes));
	return id.substr(0, kServiceLength);
}

} // namespace

std::string recommendation_id(const AnswerContent &content) {
	std::string bytes = encode(content);
	if (pg::settings::service_limits)
		return service_id(std::move(bytes));
	bytes += mac(bytes).substr(0, kMacSize);
	return std::string(kPrefix) + pg::base64url(bytes);
}

} // namespace recsys::serve
