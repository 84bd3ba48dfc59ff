// Any text as a filter, and any text as the value of its placeholders (after a NUL): parse, check, print, compile,
// bind. Whatever is refused must be refused by an Error with message and hint; what is accepted must print to a
// fixpoint, and nothing but digits, quoted names and operators may be in its SQL.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "filter/compile.hpp"
#include "filter/parser.hpp"
#include "unit/filter/shop.hpp"

using namespace recsys;
using namespace recsys::filter;

namespace {

void require(bool holds) {
	if (!holds)
		std::abort();
}

std::string rows_of(const WantedRows &rows) {
	std::string list;
	for (const std::string &column : rows.columns)
		list += (list.empty() ? "" : ", ") + column;
	return "SELECT " + list + " FROM " + to_string(rows.dataset) + " WHERE " + rows.of_request + " " + rows.of_candidate;
}

void check_printer(const Filter &filter) {
	const std::string text = print(filter);
	const Filter again = parse(text, text.size());
	require(print(again) == text);
	require(field_names(again) == field_names(filter) && placeholder_names(again) == placeholder_names(filter));
}

void check_statement(const Filter &filter, const Fields &fields, const std::string &value) {
	Values values;
	for (const std::string &name : placeholder_names(filter))
		if (!value.empty())
			values[name] = value;
	const Applied applied = apply_values(filter, values);
	const SqlPredicate predicate =
		compile(applied.filter, fields, {"c", 3, value.size() % 2 == 0 ? Form::PerCandidate : Form::Joined, rows_of});
	const std::string sql = predicate.joins + predicate.sql;
	require(std::all_of(sql.begin(), sql.end(), [](char c) {
		return std::isalnum(static_cast<unsigned char>(c)) || std::strchr(" _.,'\"()[]{}<>=!&|$", c) != nullptr;
	}));
	require(bind_values(predicate.parameters, values).size() == predicate.parameters.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
	const std::string_view input(reinterpret_cast<const char *>(data), size);
	const std::size_t nul = input.find('\0');
	const std::string value(nul == std::string_view::npos ? std::string_view() : input.substr(nul + 1));
	static const Fields fields = shop_fields();
	try {
		const Filter filter = parse(input.substr(0, nul));
		require(!filter.expressions.empty());
		check_printer(filter);
		check(filter, fields);
		check_statement(filter, fields, value);
	} catch (const Error &e) {
		// An unnamed piece of the grammar would be reported by the name of its type.
		const bool type_name =
			std::strstr(e.detail(), "boost") != nullptr && input.find("boost") == std::string_view::npos;
		require(e.what()[0] != '\0' && !type_name);
	}
	return 0;
}
