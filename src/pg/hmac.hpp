// HMAC-SHA-256 as PostgreSQL itself computes it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "pg/guard.hpp"

namespace recsys::pg {

using Mac = std::array<unsigned char, 32>;
Mac hmac_sha256(std::string_view key, std::string_view message);

/// Standard base64 with "-" and "_" for "+" and "/", without padding (RFC 4648, section 5).
std::string base64url(std::string_view bytes);
/// The bytes; nothing when the text is not of this form.
std::optional<std::string> base64url_decoded(std::string_view text);

} // namespace recsys::pg
