// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/clientkey.h"
#include "gateway/policy/team.h"

#include <QHash>

#include <memory>
#include <string_view>
#include <vector>

namespace tidegate {

/// All client keys in force, looked up by the hash of what the client sent, and the teams they
/// belong to.
///
/// Immutable after it was filled; shared by all threads as part of the ConfigSnapshot.
class KeyRing
{
public:
    using KeyPtr = std::shared_ptr<const ClientKey>;

    /// A key and how long what was presented stands for it.
    struct Match
    {
        KeyPtr key;
        qint64 validUntilMs = 0; ///< since 1970 UTC: expiry, or the end of a rotation's overlap if
                                 ///< that is sooner; 0: for ever

        explicit operator bool() const { return key != nullptr; }
        const ClientKey *operator->() const { return key.get(); }
    };

    /// Of two keys with the same hash the one added later is found; all() holds both.
    void add(ClientKey key);
    void add(Team team);

    /// The key whose SHA-256, now or before its last rotation, is that of @p presented, or a null
    /// one. The work does not depend on whether it exists. Never a disabled or revoked one; who
    /// asks compares the clock with validUntilMs.
    [[nodiscard]] Match find(std::string_view presented) const;
    [[nodiscard]] const std::vector<KeyPtr> &all() const { return m_all; }

    /// Null for 0 and for an id that no team has. Stays valid as long as the KeyRing.
    [[nodiscard]] const Team *team(qint64 id) const;
    [[nodiscard]] const std::vector<Team> &teams() const { return m_teams; }

private:
    QHash<QByteArray, Match> m_byHash;
    std::vector<KeyPtr> m_all;
    std::vector<Team> m_teams;
    QHash<qint64, size_t> m_teamById; ///< index into m_teams
};

} // namespace tidegate
