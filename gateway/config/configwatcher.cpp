// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configwatcher.h"

#include <QCryptographicHash>
#include <QFile>
#include <QFileInfo>

namespace tidegate {

ConfigWatcher::ConfigWatcher(const QString &file, QObject *parent)
    : QObject(parent)
    , m_file(file.isEmpty() ? QString() : QFileInfo(file).absoluteFilePath())
{
    if (m_file.isEmpty()) {
        return;
    }
    m_debounce.setSingleShot(true);
    m_debounce.setInterval(kDebounceMs);
    connect(&m_debounce, &QTimer::timeout, this, &ConfigWatcher::compare);
    connect(&m_watcher, &QFileSystemWatcher::fileChanged, this, &ConfigWatcher::schedule);
    connect(&m_watcher, &QFileSystemWatcher::directoryChanged, this, &ConfigWatcher::schedule);
    watch();
    m_fingerprint = fingerprint();
}

void ConfigWatcher::schedule()
{
    // Not restarted when running: in a folder where something changes all the time, such as a
    // database next to the file, the timer would never end.
    if (!m_debounce.isActive()) {
        m_debounce.start();
    }
}

void ConfigWatcher::compare()
{
    watch();
    const QByteArray now = fingerprint();
    if (now.isEmpty() || now == m_fingerprint) {
        return;
    }
    m_fingerprint = now;
    Q_EMIT changed();
}

void ConfigWatcher::watch()
{
    // A path is dropped from the watcher when its file is removed or renamed over.
    const QString folder = QFileInfo(m_file).absolutePath();
    if (!m_watcher.directories().contains(folder) && QFileInfo::exists(folder)) {
        m_watcher.addPath(folder);
    }
    if (!m_watcher.files().contains(m_file) && QFileInfo::exists(m_file)) {
        m_watcher.addPath(m_file);
    }
}

QByteArray ConfigWatcher::fingerprint() const
{
    QFile file(m_file);
    if (!QFileInfo(m_file).isFile() || !file.open(QIODevice::ReadOnly)) {
        return {};
    }
    QCryptographicHash hash(QCryptographicHash::Sha256);
    return hash.addData(&file) ? hash.result() : QByteArray();
}

} // namespace tidegate
