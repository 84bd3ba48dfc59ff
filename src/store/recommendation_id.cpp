#include "store/recommendation_id.hpp"

#include "pg/hmac.hpp"
#include "pg/settings.hpp"

namespace recsys::store {

namespace {

constexpr std::string_view kPrefix = "RID-";
constexpr char kFormat = 2;
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
	put(out, static_cast<std::uint64_t>(content.campaign_id));
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

/// Takes integers off the front of a text; `good` becomes false where there is none.
struct Taker {
	std::string_view rest;
	bool good = true;
	std::uint64_t take() {
		std::uint64_t value = 0;
		for (int shift = 0; shift < 64 && !rest.empty(); shift += 7) {
			const auto byte = static_cast<unsigned char>(rest.front());
			rest.remove_prefix(1);
			value |= std::uint64_t{byte & 0x7fu} << shift;
			if (byte < 0x80)
				return value;
		}
		good = false;
		return 0;
	}
};

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

std::optional<AnswerContent> read_recommendation_id(std::string_view id) {
	if (!id.starts_with(kPrefix))
		return std::nullopt;
	const std::optional<std::string> bytes = pg::base64url_decoded(id.substr(kPrefix.size()));
	if (!bytes || bytes->size() <= kMacSize || bytes->front() != kFormat)
		return std::nullopt;
	const std::string_view signed_part(bytes->data(), bytes->size() - kMacSize);
	if (mac(signed_part).substr(0, kMacSize) != bytes->substr(signed_part.size()))
		return std::nullopt;
	Taker taker{signed_part.substr(1)};
	AnswerContent content;
	content.campaign_id = static_cast<std::int64_t>(taker.take());
	content.version_id = static_cast<std::int64_t>(taker.take());
	content.revision = taker.take();
	content.seed = taker.take();
	const std::uint64_t count = taker.take();
	for (std::uint64_t i = 0; i < count && taker.good; ++i)
		content.items.push_back(static_cast<std::uint32_t>(taker.take()));
	if (!taker.good)
		return std::nullopt;
	return content;
}

} // namespace recsys::store
