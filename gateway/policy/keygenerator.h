// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

#include <string_view>

namespace tidegate {

/// A new client key. The plaintext goes to the person who asked and nowhere else.
struct GeneratedKey
{
    QByteArray plaintext; ///< "tg-" and 43 characters
    QByteArray sha256;    ///< 32 bytes
    QString prefix;       ///< "tg-…f3a1"
};

/// Makes client keys, and the hash and short form they are known by. Any thread, no state.
class KeyGenerator
{
public:
    /// 256 bits from the operating system's random source, in letters that need no quoting in a
    /// header, URL, shell or YAML.
    [[nodiscard]] static GeneratedKey generate();
    /// SHA-256 of @p key, 32 bytes. A plain hash is enough because keys are random and long.
    [[nodiscard]] static QByteArray hash(std::string_view key);
    /// What people recognise @p key by: the first three and last four characters, or only "…" when
    /// the key is so short that this would give too much of it away.
    [[nodiscard]] static QString prefix(std::string_view key);
};

} // namespace tidegate
