// Tree to text, in one spelling.
#include "filter/parser.hpp"

#include <string_view>

namespace recsys::filter {

namespace {

std::string quoted(std::string_view value) {
	std::string out = "\"";
	for (const char c : value) {
		if (c == '"' || c == '\\')
			out += '\\';
		out += c;
	}
	return out + '"';
}

struct PrintOperand {
	bool in_list; // a placeholder of a list stands in parentheses
	std::string operator()(const TextList &list) const {
		std::string out;
		for (const Text &value : list.values)
			out += (out.empty() ? "(" : ", ") + quoted(value.value);
		return out + ")";
	}
	std::string operator()(const Placeholder &p) const { return in_list ? "($" + p.name + ")" : "$" + p.name; }
	std::string operator()(const Field &field) const { return print(field); }
	std::string operator()(const Number &number) const { return number.digits; }
	std::string operator()(const Text &value) const { return quoted(value.value); }
};

std::string print_all(const Conjunction &all_of) {
	std::string out;
	for (const Condition &c : all_of)
		out += (out.empty() ? "" : " AND ") + print(c);
	return out;
}

} // namespace

const char *to_string(Relation relation) noexcept {
	constexpr const char *names[] = {"Interactions",        "Items",       "Users",      "Actions",
									 "Action_Interactions", "CurrentUser", "CurrentItem"};
	return names[static_cast<int>(relation)];
}

const char *to_string(Operator op) noexcept {
	constexpr const char *names[] = {"IN", "NOT IN", "=", "!=", "<", "<=", ">", ">="};
	return names[static_cast<int>(op)];
}

const char *to_string(Target target) noexcept {
	constexpr const char *names[] = {"ItemID", "UserID", "ActionID"};
	return names[static_cast<int>(target)];
}

std::string print(const Field &field) {
	return std::string(to_string(field.relation)) + "." + field.name;
}

std::string print(const Condition &condition) {
	const bool in_list = condition.op == Operator::In || condition.op == Operator::NotIn;
	return print(condition.field) + " " + to_string(condition.op) + " " +
		   std::visit(PrintOperand{in_list}, condition.operand);
}

std::string print(const Expression &expression) {
	std::string out = expression.action == Action::Include ? "INCLUDE " : "EXCLUDE ";
	out += std::string(to_string(expression.target)) + " WHERE ";
	for (std::size_t i = 0; i < expression.where.size(); ++i)
		out += (i == 0 ? "" : " OR ") + print_all(expression.where[i]);
	if (!expression.only_if.empty())
		out += " IF " + print_all(expression.only_if);
	return out;
}

std::string print(const Filter &filter) {
	std::string out;
	for (const Expression &expression : filter.expressions)
		out += (out.empty() ? "" : " | ") + print(expression);
	return out;
}

} // namespace recsys::filter
