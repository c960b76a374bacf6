// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <vector>

namespace tidegate {

/// A set of request ids in ten bits each, which sometimes (1 %) says yes to one that is not in it.
///
/// No state, any thread. The format is in the database: it must not change.
class BloomFilter
{
public:
    [[nodiscard]] static quint64 hash(QByteArrayView text);
    [[nodiscard]] static QByteArray make(const std::vector<quint64> &hashes);
    [[nodiscard]] static bool mayContain(QByteArrayView filter, quint64 hash);
};

} // namespace tidegate
