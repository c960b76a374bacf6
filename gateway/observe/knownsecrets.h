// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/secret.h"

#include <QByteArray>

#include <memory>
#include <string_view>

namespace tidegate {

/// The secrets of this process by their bytes, found in any text whatever surrounds them: as they
/// are, percent-encoded, with JSON's escaped slashes, in hexadecimal and in base64.
///
/// Any thread. One for the process: what is remembered once stays so until the end, because a key
/// that was replaced is a secret still. Text is searched in one pass, about a nanosecond a byte.
class KnownSecrets
{
public:
    /// Shorter ones are not remembered: they are placeholders such as "none", and words.
    static constexpr qsizetype kShortest = 8;
    /// More than any configuration has; further ones are not remembered.
    static constexpr qsizetype kMaxSecrets = 10'000;

    static void remember(const Secret &secret);
    /// Replaces each byte of each secret with '*', so that lengths stay true. True if there was
    /// one.
    static bool mask(QByteArray &text);

private:
    friend class SecretMasker;
    class Patterns;
    struct Registry;
    [[nodiscard]] static Registry &registry();
    [[nodiscard]] static std::shared_ptr<const Patterns> current();
};

/// Does the same for a text that comes in pieces, wherever they are cut.
///
/// Value type; lives where the text is relayed.
class SecretMasker
{
public:
    /// What may be passed on: all of it but the last bytes, which may begin a secret.
    [[nodiscard]] QByteArray feed(std::string_view piece);
    /// What was held back; the text has ended.
    [[nodiscard]] QByteArray rest();

private:
    std::shared_ptr<const KnownSecrets::Patterns> m_patterns; ///< of the first piece's time
    QByteArray m_held;
};

} // namespace tidegate
