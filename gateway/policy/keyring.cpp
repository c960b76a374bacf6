// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/keyring.h"

#include "gateway/policy/keygenerator.h"

#include <algorithm>

namespace tidegate {

void KeyRing::add(ClientKey key)
{
    auto shared = std::make_shared<const ClientKey>(std::move(key));
    if (!shared->disabled && !shared->revokedAt.isValid()) {
        const qint64 expiry =
            shared->expiresAt.isValid() ? shared->expiresAt.toMSecsSinceEpoch() : 0;
        m_byHash.insert(shared->sha256, {shared, expiry});
        if (!shared->previousSha256.isEmpty() && shared->previousUntil.isValid()) {
            const qint64 overlap = shared->previousUntil.toMSecsSinceEpoch();
            m_byHash.insert(shared->previousSha256,
                            {shared, expiry == 0 ? overlap : std::min(expiry, overlap)});
        }
    }
    m_all.push_back(std::move(shared));
}

void KeyRing::add(Team team)
{
    m_teamById.insert(team.id, m_teams.size());
    m_teams.push_back(std::move(team));
}

KeyRing::Match KeyRing::find(std::string_view presented) const
{
    // The table is searched by hash, so what its timing could tell is about the hash, never the
    // key.
    return m_byHash.value(KeyGenerator::hash(presented));
}

const Team *KeyRing::team(qint64 id) const
{
    const auto at = m_teamById.constFind(id);
    return at == m_teamById.cend() ? nullptr : &m_teams[*at];
}

} // namespace tidegate
