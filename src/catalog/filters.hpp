// Filters as resources. A filter is its text and never changes: it is checked against the group's datasets when it is made, and
// again whenever it is used, since datasets do change.
#pragma once

#include "filter/ast.hpp"

#include "catalog/filter_language.hpp"

namespace recsys::catalog {

/// Returns the name. Errors: RS005 with the place in the expression; RS001, RS003, RS006, 42602.
std::string create_filter(const std::string &name, const std::string &group, const std::string &expression);
/// Errors: RS002 while a job that is not finished or a recommender uses it.
void delete_filter(const std::string &name);
Json describe_filter(const std::string &name);
/// All filters of groups that the caller may read, by group and name.
std::vector<Json> list_filters();

/// The text of a filter of this group; `name` may be written "group.name".
/// Errors: RS001; 22023 for a filter of another group.
std::string filter_expression(const Group &group, std::string_view name);

} // namespace recsys::catalog
