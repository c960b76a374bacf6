// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/clientkey.h"

#include <QHash>

#include <memory>
#include <string_view>
#include <vector>

namespace tidegate {

/// All client keys in force, looked up by the hash of what the client sent.
///
/// Immutable after it was filled; shared by all threads as part of the ConfigSnapshot.
class KeyRing
{
public:
    using KeyPtr = std::shared_ptr<const ClientKey>;

    /// Of two keys with the same hash the one added later is found; all() holds both.
    void add(ClientKey key);
    /// The key whose SHA-256 is that of @p presented, or null. The work does not depend on whether
    /// it exists. Never a disabled or revoked one; says nothing about expiry or permissions.
    [[nodiscard]] KeyPtr find(std::string_view presented) const;
    [[nodiscard]] const std::vector<KeyPtr> &all() const { return m_all; }

private:
    QHash<QByteArray, KeyPtr> m_byHash;
    std::vector<KeyPtr> m_all;
};

} // namespace tidegate
