// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/keyring.h"

#include "gateway/policy/keygenerator.h"

namespace tidegate {

void KeyRing::add(ClientKey key)
{
    auto shared = std::make_shared<const ClientKey>(std::move(key));
    if (!shared->disabled && !shared->revokedAt.isValid()) {
        m_byHash.insert(shared->sha256, shared);
    }
    m_all.push_back(std::move(shared));
}

KeyRing::KeyPtr KeyRing::find(std::string_view presented) const
{
    // The table is searched by hash, so what its timing could tell is about the hash, never the
    // key.
    return m_byHash.value(KeyGenerator::hash(presented));
}

} // namespace tidegate
