// How C++ fails in recsys. PostgreSQL's message style: lower-case message without full stop, detail and hint as sentences.
#include "base/wall.hpp"
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace recsys {

/// An error for the user. `sqlstate` is a five-character code, standard or of the domain class RS:
/// RS001 not found, RS002 in use, RS003 limit exceeded, RS004 not active, RS005 invalid filter, RS006 already exists,
/// RS007 damaged model.
class Error : public std::exception {
public:
	Error(const char *sqlstate, std::string message, std::string detail = {}, std::string hint = {})
		: message_(std::move(message)), detail_(std::move(detail)), hint_(std::move(hint)) {
		for (int i = 0; i < 5; ++i)
			sqlstate_[i] = sqlstate[i];
		sqlstate_[5] = '\0';
	}
	const char *what() const noexcept override { return message_.c_str(); }
	const char *sqlstate() const noexcept { return sqlstate_; }
	const char *detail() const noexcept { return detail_.c_str(); }
	const char *hint() const noexcept { return hint_.c_str(); }

private:
	char sqlstate_[6];
	std::string message_, detail_, hint_;
};

namespace sqlstate {
inline constexpr const char *NotFound = "RS001", *InUse = "RS002", *LimitExceeded = "RS003", *NotActive = "RS004",
							*InvalidFilter = "RS005", *AlreadyExists = "RS006", *DamagedModel = "RS007",
							*InvalidParameter = "22023", *OutOfMemory = "53200", *FeatureNotSupported = "0A000",
							*InsufficientPrivilege = "42501", *WrongState = "55000", *InvalidJson = "22030",
							*BadCopyFile = "22P04", *NameTooLong = "42622", *InvalidName = "42602";
} // namespace sqlstate

/// Thrown by StopToken::check. Not an Error: the caller at the wall turns it into the true reason of the interruption.
struct Cancelled final : std::exception {
	const char *what() const noexcept override { return "cancelled"; }
};

} // namespace recsys
