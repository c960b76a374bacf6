// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/secretsource.h"

#include <QHash>
#include <QObject>
#include <QString>

namespace tidegate {

/// The keychain, with provider keys in front of it that are only kept until the program ends.
///
/// For machines without a usable keychain. Lives in the GUI thread; owned by the program, which
/// gives it to the Gateway. The keychain behind it may be null and is not owned.
class SessionSecrets : public QObject, public SecretSource
{
    Q_OBJECT

public:
    explicit SessionSecrets(SecretSource *keychain, QObject *parent = nullptr);

    void read(const QString &name, Reply reply) override;
    void write(const QString &name, const Secret &secret, Reply reply) override;
    void remove(const QString &name, Reply reply) override;

    /// Keeps a key in memory; it wins over the keychain's entry of that name.
    void keepForSession(const QString &name, const Secret &secret);
    [[nodiscard]] bool isKeptForSession(const QString &name) const { return m_kept.contains(name); }

private:
    SecretSource *m_keychain;
    QHash<QString, Secret> m_kept;
};

} // namespace tidegate
