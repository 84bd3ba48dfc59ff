#include "pg/expression.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
}

namespace recsys::pg {

namespace {

// Runs inside pg::call: plain C.
bool is_one_value(const List *tree) {
	if (list_length(tree) != 1)
		return false;
	const Node *statement = linitial_node(RawStmt, tree)->stmt;
	if (!IsA(statement, SelectStmt))
		return false;
	const auto *select = castNode(SelectStmt, const_cast<Node *>(statement));
	if (select->op != SETOP_NONE || list_length(select->targetList) != 1 || select->distinctClause != NIL ||
		select->intoClause != nullptr || select->fromClause != NIL || select->whereClause != nullptr ||
		select->groupClause != NIL || select->havingClause != nullptr || select->windowClause != NIL ||
		select->valuesLists != NIL || select->sortClause != NIL || select->limitOffset != nullptr ||
		select->limitCount != nullptr || select->lockingClause != NIL || select->withClause != nullptr)
		return false;
	const auto *target = linitial_node(ResTarget, select->targetList);
	if (target->name != nullptr)
		return false;
	return !IsA(target->val, ColumnRef) || !IsA(llast(castNode(ColumnRef, target->val)->fields), A_Star);
}

bool has_parameter(Node *node, void *) {
	if (node == nullptr)
		return false;
	return IsA(node, ParamRef) || raw_expression_tree_walker(node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(has_parameter)), nullptr);
}

} // namespace

void check_expression(const std::string &text, const char *argument) {
	const std::string statement = "SELECT " + text + "\n";
	const char *sql = statement.c_str();
	call([sql, argument] {
		const List *tree = raw_parser(sql, RAW_PARSE_DEFAULT);
		// A semicolon is not part of the tree; what may follow it is nothing but a comment.
		if (!is_one_value(tree) || linitial_node(RawStmt, tree)->stmt_len != 0)
			ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("argument \"%s\" must be one SQL expression", argument),
							errhint("Write what could stand after WHERE, such as price < 10 AND brand = 'Acme'.")));
		if (has_parameter(linitial_node(RawStmt, tree)->stmt, nullptr))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"%s\" must not have parameters", argument),
							errhint("Write values as literals, with quote_literal() or format('%%L').")));
	});
}

} // namespace recsys::pg
