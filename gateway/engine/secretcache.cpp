// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/secretcache.h"

#include "gateway/config/configvalidator.h"
#include "gateway/observe/knownsecrets.h"

#include <QPointer>
#include <QUrl>

namespace tidegate {

namespace {

// What a backend is sent must not come back to clients, nor get into a log, when it is quoted.
void rememberSecrets(const BackendConfig &backend)
{
    for (const Secret &key : backend.keys) {
        KnownSecrets::remember(key);
    }
    for (const auto &[name, value] : backend.headers) {
        if (isSecretHeader(QString::fromLatin1(name))) {
            // Without its scheme, which may be quoted without it.
            KnownSecrets::remember(Secret(value.mid(value.lastIndexOf(' ') + 1)));
        }
    }
    for (const QByteArray &url : {backend.baseUrl, backend.proxy}) {
        const QUrl parsed(QString::fromUtf8(url));
        KnownSecrets::remember(Secret(parsed.password(QUrl::FullyDecoded).toUtf8()));
        KnownSecrets::remember(Secret(parsed.userName(QUrl::FullyDecoded).toUtf8()));
    }
}

} // namespace

SecretCache::SecretCache(SecretSource *source, QObject *parent)
    : QObject(parent)
    , m_source(source)
{
}

const SecretSource::Answer *SecretCache::find(const QString &name)
{
    if (!m_source) {
        m_answers.insert(name, {});
    }
    if (const auto it = m_answers.constFind(name); it != m_answers.cend()) {
        return &*it;
    }
    if (!m_asked.contains(name)) {
        m_asked.insert(name);
        m_source->read(name, [self = QPointer<SecretCache>(this), name,
                              generation = m_generation](const SecretSource::Answer &answer) {
            if (self && self->m_generation == generation) {
                self->m_answers.insert(name, answer);
                Q_EMIT self->changed();
            }
        });
    }
    return nullptr;
}

void SecretCache::resolve(ConfigSnapshot &config)
{
    for (BackendConfig &backend : config.backends) {
        bool usesKeychain = false;
        KeyState worst = KeyState::Ready;
        std::vector<Secret> keys;
        for (const SecretRef &ref : backend.keyRefs) {
            if (ref.kind != SecretRef::Kind::Keychain) {
                continue;
            }
            usesKeychain = true;
            const SecretSource::Answer *answer = find(ref.name);
            if (answer && answer->state == KeyState::Ready) {
                keys.push_back(answer->secret);
            } else {
                worst = answer ? answer->state : KeyState::Pending;
            }
        }
        if (usesKeychain) {
            backend.keys.insert(backend.keys.end(), keys.begin(), keys.end());
            backend.keyState = backend.keys.empty() ? worst : KeyState::Ready;
        }
        rememberSecrets(backend);
    }
}

void SecretCache::forget()
{
    ++m_generation;
    m_answers.clear();
    m_asked.clear();
}

} // namespace tidegate
