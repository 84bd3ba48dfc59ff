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

std::optional<std::uint64_t> take(std::string_view &in) {
	std::uint64_t value = 0;
	for (int shift = 0; !in.empty() && shift < 64; shift += 7) {
		const auto byte = static_cast<unsigned char>(in.front());
		in.remove_prefix(1);
		value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	return std::nullopt;
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

std::optional<AnswerContent> read_recommendation_id(std::string_view id) {
	if (!id.starts_with(kPrefix))
		return std::nullopt;
	const std::string bytes = pg::from_base64url(id.substr(kPrefix.size()));
	if (bytes.size() <= kMacSize || bytes[0] != kFormat)
		return std::nullopt;
	std::string_view in = std::string_view(bytes).substr(0, bytes.size() - kMacSize);
	if (mac(in).substr(0, kMacSize) != bytes.substr(in.size()))
		return std::nullopt;
	in.remove_prefix(1);
	const auto version = take(in), revision = take(in), seed = take(in), count = take(in);
	if (!version || !revision || !seed || !count || *count > in.size())
		return std::nullopt;
	AnswerContent content{static_cast<std::int64_t>(*version), *revision, *seed, {}};
	for (std::uint64_t i = 0; i < *count; ++i) {
		const auto item = take(in);
		if (!item)
			return std::nullopt;
		content.items.push_back(static_cast<std::uint32_t>(*item));
	}
	return content;
}

} // namespace recsys::serve
