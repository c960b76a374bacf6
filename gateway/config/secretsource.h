// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/secret.h"
#include "gateway/config/configsnapshot.h"

#include <functional>

namespace tidegate {

/// Finds provider keys by name, for `keychain:NAME` references.
///
/// Implemented by the programs (the engine library has no keychain). Lives in the main thread; the
/// answers come there, always later, never from within the call.
class SecretSource
{
public:
    struct Answer
    {
        KeyState state = KeyState::Unavailable; ///< Ready, Missing, Locked or Unavailable
        Secret secret;
        QString message; ///< for people when not Ready
    };
    using Reply = std::function<void(Answer)>;

    virtual ~SecretSource() = default;
    virtual void read(const QString &name, Reply reply) = 0;
    /// Stores or replaces. Ready in the answer means stored.
    virtual void write(const QString &name, const Secret &secret, Reply reply) = 0;
    virtual void remove(const QString &name, Reply reply) = 0;
};

} // namespace tidegate
