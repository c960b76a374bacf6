// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/config/secretsource.h"

#include <QHash>
#include <QObject>
#include <QSet>

namespace tidegate {

/// Keychain entries asked for once and remembered in memory, so that a new snapshot needs no wait.
///
/// Lives in the main thread, owned by the Gateway.
class SecretCache : public QObject
{
    Q_OBJECT

public:
    /// @p source may be null (no keychain in this program); not owned.
    explicit SecretCache(SecretSource *source, QObject *parent = nullptr);

    /// Fills in the keys that backends refer to. What is not known yet is asked for: the backend is
    /// Pending until changed(). All secrets of backends are made known to KnownSecrets.
    void resolve(ConfigSnapshot &config);
    /// Everything is asked for again at the next resolve().
    void forget();

Q_SIGNALS:
    void changed();

private:
    [[nodiscard]] const SecretSource::Answer *find(const QString &name);

    SecretSource *m_source;
    QHash<QString, SecretSource::Answer> m_answers;
    QSet<QString> m_asked;
    quint64 m_generation = 0; ///< answers to questions of before forget() are of no use
};

} // namespace tidegate
