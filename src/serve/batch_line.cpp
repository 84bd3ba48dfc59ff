#include "serve/batch_line.hpp"

#include "base/error.hpp"

namespace recsys::serve {

namespace {

constexpr int kMaxDepth = 32; // deeper values could not be stored as jsonb within any stack

[[noreturn]] void fail(const std::string &reason) { throw Error(sqlstate::InvalidParameter, reason); }

std::string id_text(const LineJson &value, const char *name) {
	if (value.is_string())
		return value.get<std::string>();
	if (value.is_number_integer())
		return value.dump();
	fail(std::string("\"") + name + "\" must be a string");
}

std::optional<std::string> optional_id(const LineJson &line, const char *name) {
	const auto at = line.find(name);
	return at == line.end() || at->is_null() ? std::nullopt : std::optional(id_text(*at, name));
}

LineJson parse(std::string_view line) {
	// A zero character is valid JSON and no valid text.
	if (line.find("\\u0000") != std::string_view::npos)
		fail("line contains a zero character");
	try {
		return LineJson::parse(line, [](int depth, LineJson::parse_event_t, LineJson &) {
			if (depth > kMaxDepth)
				fail("line is nested more than " + std::to_string(kMaxDepth) + " levels deep");
			return true;
		});
	} catch (const LineJson::exception &) {
		fail("line is not valid JSON");
	}
}

// Of a line that is no object: its text, with what is no character replaced.
LineJson as_text(std::string_view line) {
	LineJson text = std::string(line);
	std::string &bytes = text.get_ref<std::string &>();
	for (std::size_t at = bytes.find('\0'); at != std::string::npos; at = bytes.find('\0', at))
		bytes.replace(at, 1, "\xEF\xBF\xBD");
	return text;
}

std::string write(const LineJson &line) { return line.dump(-1, ' ', false, LineJson::error_handler_t::replace); }

} // namespace

void parse_batch_line(std::string_view line, BatchLine &out) {
	out.input = as_text(line);
	LineJson parsed = parse(line);
	if (!parsed.is_object())
		fail("line is not a JSON object");
	out.input = std::move(parsed);
	out.user = optional_id(out.input, "userId");
	out.item = optional_id(out.input, "itemId");
	out.attributes = optional_id(out.input, "itemAttributes");
	if (const auto list = out.input.find("itemList"); list != out.input.end() && !list->is_null()) {
		if (!list->is_array())
			fail("\"itemList\" must be an array");
		out.items.emplace();
		for (const LineJson &item : *list)
			out.items->push_back(id_text(item, "itemList"));
	}
	if (const auto values = out.input.find("filterValues"); values != out.input.end() && !values->is_null())
		out.filter_values = values->dump();
}

std::string batch_answer(const LineJson &input, const LineJson &output, NoError no_error) {
	LineJson line{{"input", input}, {"output", output}};
	if (no_error == NoError::Null)
		line["error"] = nullptr;
	return write(line);
}

std::string batch_failure(const LineJson &input, std::string_view error) {
	return write({{"input", input}, {"output", nullptr}, {"error", error}});
}

bool LineCutter::next(std::string_view &line) {
	if (rest_.empty())
		return false;
	const std::size_t end = rest_.find('\n');
	line = rest_.substr(0, end);
	rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
	if (!line.empty() && line.back() == '\r')
		line.remove_suffix(1);
	return true;
}

} // namespace recsys::serve
