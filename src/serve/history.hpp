// The user's side of a request: his newest events, read by index as the caller under the caller's snapshot. An event written
// earlier in the transaction counts, and a rollback takes it back; deleted and changed events act at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/endpoint.hpp"

namespace recsys::serve {

/// Reads into `out` (cleared first), oldest first, at most as many events as the model's scorer looks at. Items unknown to the
/// model do not count. Events stored under the user's aliases are his. An unknown user has no events.
/// Must be called within a SpiScope.
void read_history(Endpoint &endpoint, std::string_view user, std::vector<recipe::Event> &out);

/// The same for a reader of many users: what read_history makes of the events `out` of all of a user's ids, in any order; those of
/// one id were cut by cut_newest.
void settle_history(Endpoint &endpoint, std::vector<recipe::Event> &out);
/// Of one id's events, newest first, those that read_history would read: data::kNone stands for an item that the model does not know.
void cut_newest(Endpoint &endpoint, std::vector<recipe::Event> &events);
/// Sessions are only told apart from one another: a hash does.
std::uint32_t session_ordinal(std::string_view session);
/// Whether users of the group have further ids at all.
bool has_aliases(const Endpoint &endpoint);

/// Whether the caller sees all rows of his users' histories. What the model keeps of a user may come from rows that row-level
/// security hides. Must be called within a SpiScope.
bool sees_all_events(Endpoint &endpoint);
/// What the model is asked for a user, or for nobody: reads his history into `events`, which must outlive the answer.
/// Must be called within a SpiScope.
recipe::Query ask_for(Endpoint &endpoint, const std::optional<std::string> &user, std::vector<recipe::Event> &events);

/// The ids under which a user has events, himself and his aliases, as an array for `user_id = ANY($1)`; null for an id that
/// nobody can have. Must be called within a SpiScope.
pg::Param user_ids_param(Endpoint &endpoint, std::string_view user);

} // namespace recsys::serve
