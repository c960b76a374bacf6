// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/sessionsecrets.h"

#include <QMetaObject>

#include <utility>

namespace tidegate {

namespace {

SecretSource::Answer noKeychain()
{
    return {KeyState::Unavailable, {}, SessionSecrets::tr("There is no keychain on this machine.")};
}

} // namespace

SessionSecrets::SessionSecrets(SecretSource *keychain, QObject *parent)
    : QObject(parent)
    , m_keychain(keychain)
{
}

void SessionSecrets::read(const QString &name, Reply reply)
{
    const auto kept = m_kept.constFind(name);
    if (kept == m_kept.cend() && m_keychain != nullptr) {
        m_keychain->read(name, std::move(reply));
        return;
    }
    const Answer answer =
        kept == m_kept.cend() ? noKeychain() : Answer{KeyState::Ready, *kept, QString()};
    QMetaObject::invokeMethod(
        this, [answer, reply = std::move(reply)] { reply(answer); }, Qt::QueuedConnection);
}

void SessionSecrets::write(const QString &name, const Secret &secret, Reply reply)
{
    if (m_keychain == nullptr) {
        QMetaObject::invokeMethod(
            this, [reply = std::move(reply)] { reply(noKeychain()); }, Qt::QueuedConnection);
        return;
    }
    m_keychain->write(name, secret, [this, name, reply = std::move(reply)](const Answer &answer) {
        if (answer.state == KeyState::Ready) {
            m_kept.remove(name);
        }
        reply(answer);
    });
}

void SessionSecrets::remove(const QString &name, Reply reply)
{
    m_kept.remove(name);
    if (m_keychain == nullptr) {
        QMetaObject::invokeMethod(
            this, [reply = std::move(reply)] { reply(noKeychain()); }, Qt::QueuedConnection);
        return;
    }
    m_keychain->remove(name, std::move(reply));
}

void SessionSecrets::keepForSession(const QString &name, const Secret &secret)
{
    m_kept.insert(name, secret);
}

} // namespace tidegate
