#include "pg/hmac.hpp"

#include <algorithm>
#include <string>

extern "C" {
#include "common/base64.h"
#include "common/hmac.h"
#include "common/sha2.h"
}

namespace recsys::pg {

Mac hmac_sha256(std::string_view key, std::string_view message) {
	Mac out{};
	unsigned char *to = out.data();
	const bool ok = call([key, message, to] {
		pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);
		if (context == nullptr)
			return false;
		const auto bytes = [](std::string_view s) { return reinterpret_cast<const uint8 *>(s.data()); };
		const bool done = pg_hmac_init(context, bytes(key), key.size()) >= 0 &&
						  pg_hmac_update(context, bytes(message), message.size()) >= 0 &&
						  pg_hmac_final(context, to, PG_SHA256_DIGEST_LENGTH) >= 0;
		pg_hmac_free(context);
		return done;
	});
	if (!ok)
		throw Error("XX000", "could not compute a message authentication code");
	return out;
}

std::string base64url(std::string_view bytes) {
	std::string out(static_cast<std::size_t>(pg_b64_enc_len(static_cast<int>(bytes.size()))), '\0');
	const int n = pg_b64_encode(bytes.data(), static_cast<int>(bytes.size()), out.data(), static_cast<int>(out.size()));
	out.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
	while (!out.empty() && out.back() == '=')
		out.pop_back();
	std::replace(out.begin(), out.end(), '+', '-');
	std::replace(out.begin(), out.end(), '/', '_');
	return out;
}

std::optional<std::string> base64url_decoded(std::string_view text) {
	std::string padded(text);
	std::replace(padded.begin(), padded.end(), '-', '+');
	std::replace(padded.begin(), padded.end(), '_', '/');
	padded.resize((padded.size() + 3) / 4 * 4, '=');
	std::string out(static_cast<std::size_t>(pg_b64_dec_len(static_cast<int>(padded.size()))), '\0');
	const int n = pg_b64_decode(padded.data(), static_cast<int>(padded.size()), out.data(), static_cast<int>(out.size()));
	if (n < 0)
		return std::nullopt;
	out.resize(static_cast<std::size_t>(n));
	return out;
}

} // namespace recsys::pg
