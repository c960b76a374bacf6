// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/routingrules.h"

#include <QtGlobal>

#include <optional>
#include <string_view>

namespace tidegate {

struct HttpRequest;

// Which requests belong together, and which of several targets is theirs. Pure; any thread; the
// same on every machine and after a restart, so that an inference server's cache stays of use.

/// What the request belongs to; nothing when it does not say, or has no prompt.
[[nodiscard]] std::optional<quint64> sessionOf(const AffinityRule &rule,
                                               const HttpRequest &request);
/// The raw JSON of a request's prompt up to the end of its first user message, so that it stays the
/// same while a conversation grows. At most @p maxBytes; empty when there is none.
[[nodiscard]] std::string_view promptStart(std::string_view body, size_t maxBytes);

[[nodiscard]] quint64 hashOf(std::string_view bytes, quint64 seed = 0);
/// Rendezvous hashing: of all targets the one with the highest score takes the session. When one
/// leaves only its sessions move, to their second. @p weight 0 gives 0.
[[nodiscard]] double rendezvousScore(quint64 session, quint64 targetHash, int weight);

} // namespace tidegate
