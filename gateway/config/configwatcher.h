// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QFileSystemWatcher>
#include <QObject>
#include <QString>
#include <QTimer>

namespace tidegate {

/// Says when the content of the configuration file has changed.
///
/// Lives in the main thread, owned by the Gateway. Watches the file and its folder, so that editors
/// which write a new file and rename it over the old one, and symbolic links that are pointed
/// elsewhere, are seen too. A file that is gone is waited for: many programs delete before they
/// write.
class ConfigWatcher : public QObject
{
    Q_OBJECT

public:
    /// Changes within this time are told once.
    static constexpr int kDebounceMs = 100;

    /// @p file may be empty: then nothing is watched.
    explicit ConfigWatcher(const QString &file, QObject *parent = nullptr);

Q_SIGNALS:
    void changed();

private:
    void schedule();
    void compare();
    void watch();
    /// A digest of the content; empty when there is no readable file.
    [[nodiscard]] QByteArray fingerprint() const;

    QString m_file;
    QFileSystemWatcher m_watcher;
    QTimer m_debounce;
    QByteArray m_fingerprint;
};

} // namespace tidegate
