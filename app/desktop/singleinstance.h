// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QLocalServer>
#include <QObject>
#include <QString>

namespace tidegate {

/// One panel for each data directory: a second start raises the window of the first.
///
/// Lives in the GUI thread, owned by the program.
class SingleInstance : public QObject
{
    Q_OBJECT

public:
    explicit SingleInstance(const QString &dataDir, QObject *parent = nullptr);

    enum class Role
    {
        First,
        Second
    };
    /// Second: the first one was asked for its window and has answered. Blocks for up to two
    /// seconds.
    Result<Role> claim();
    [[nodiscard]] QString socketPath() const { return m_path; }

Q_SIGNALS:
    /// Somebody started the program again.
    void raiseRequested();

private:
    void answer();

    QString m_path;
    QLocalServer m_server;
};

} // namespace tidegate
