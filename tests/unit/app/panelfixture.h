// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/desktop/demolink.h"
#include "app/viewmodels/appcontroller.h"

#include <QHash>
#include <QTemporaryDir>

namespace tidegate {

/// A keychain in memory that can be told to be locked or away.
class MemoryKeychain : public QObject, public SecretSource
{
    Q_OBJECT

public:
    void read(const QString &name, Reply reply) override
    {
        const bool there = entries.contains(name);
        answer({state != KeyState::Ready ? state
                : there                  ? KeyState::Ready
                                         : KeyState::Missing,
                entries.value(name), message},
               std::move(reply));
    }
    void write(const QString &name, const Secret &secret, Reply reply) override
    {
        if (state == KeyState::Ready) {
            entries.insert(name, secret);
        }
        answer({state, {}, message}, std::move(reply));
    }
    void remove(const QString &name, Reply reply) override
    {
        entries.remove(name);
        answer({state, {}, message}, std::move(reply));
    }

    KeyState state = KeyState::Ready;
    QString message;
    QHash<QString, Secret> entries;

private:
    void answer(const Answer &what, Reply reply)
    {
        QMetaObject::invokeMethod(
            this, [what, reply = std::move(reply)] { reply(what); }, Qt::QueuedConnection);
    }
};

inline DemoLink::Options quietDemo(bool empty = false)
{
    DemoLink::Options options;
    options.quiet = true;
    options.empty = empty;
    return options;
}

/// The whole panel but its window, on a played gateway without traffic.
struct PanelFixture
{
    explicit PanelFixture(bool empty = false)
        : link(quietDemo(empty))
    {
        link.start();
    }

    QTemporaryDir dir;
    DemoLink link;
    MemoryKeychain keychain;
    SessionSecrets secrets{&keychain};
    AppSettings settings{
        link, dir.filePath(QStringLiteral("panel.ini")),
        Autostart(dir.filePath(QStringLiteral("autostart")), QStringLiteral("/usr/bin/tidegate"))};
    AppController app{link, secrets, settings, {}};
};

} // namespace tidegate
