// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

namespace tidegate {

/// @p text with everything that looks like a secret replaced by "[redacted]": Bearer and Basic
/// credentials, keys with the prefixes of providers and of Tidegate, JSON web tokens, the values of
/// `key=`, `api_key=`, `token=` and the like, of key and cookie fields, and passwords in URLs; also
/// percent-encoded and in JSON. What KnownSecrets remembers is masked whatever it looks like.
///
/// A safety net at the sink, for texts that come from elsewhere; nobody should log a secret on
/// purpose. Linear in the size of the text, any thread.
[[nodiscard]] QByteArray redacted(const QByteArray &text);

} // namespace tidegate
