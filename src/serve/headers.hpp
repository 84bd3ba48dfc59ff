// Context out of the headers of an HTTP request, as browsers and content delivery networks send them, so that an application
// need not work out a visitor's device or country.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"

namespace recsys::serve {

/// device, country, region, city, language, hour and weekday, as far as the headers tell them; only those of `columns` if given,
/// under the names given there. Errors: 22023 unless the headers are a JSON object.
catalog::Json context_from_headers(const catalog::Json &headers, const std::optional<std::vector<std::string>> &columns);

} // namespace recsys::serve
