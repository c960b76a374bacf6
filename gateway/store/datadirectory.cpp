// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/datadirectory.h"

#include <QDir>
#include <QFileInfo>

namespace tidegate {

DataDirectory::DataDirectory(QString path)
    : m_path(std::move(path))
{
}

QString DataDirectory::filePath(const QString &name) const
{
    return QDir(m_path).filePath(name);
}

Result<Done> DataDirectory::create(const QString &path)
{
    const QFileInfo info(path);
    if (info.isDir()) {
        return Done{};
    }
    if (info.exists()) {
        return Error{
            QStringLiteral("The data folder \"%1\" is a file. Choose another with --data-dir.")
                .arg(path)};
    }
    const QString parent = QFileInfo(QDir::cleanPath(info.absoluteFilePath())).path();
    const auto ownerOnly = QFileDevice::ReadOwner | QFileDevice::WriteOwner | QFileDevice::ExeOwner;
    if (!QDir().mkpath(parent) ||
        !QDir().mkdir(QDir::cleanPath(info.absoluteFilePath()), ownerOnly)) {
        return Error{
            QStringLiteral("The data folder \"%1\" cannot be created. Check that \"%2\" is "
                           "writable, or choose another with --data-dir.")
                .arg(path, parent)};
    }
    return Done{};
}

Result<Done> DataDirectory::acquire()
{
    if (auto created = create(m_path); !created) {
        return created;
    }
    auto lock = std::make_unique<QLockFile>(filePath(QStringLiteral("lock")));
    // Age says nothing: a gateway runs for months. A lock whose process is gone is taken over
    // anyway.
    lock->setStaleLockTime(0);
    if (lock->tryLock(0)) {
        m_lock = std::move(lock);
        return Done{};
    }
    if (lock->error() == QLockFile::LockFailedError) {
        qint64 pid = 0;
        QString host;
        QString program;
        if (lock->getLockInfo(&pid, &host, &program)) {
            return Error{
                QStringLiteral("The data folder \"%1\" is in use by %2 (process %3). Stop it, "
                               "or choose another folder with --data-dir.")
                    .arg(m_path, program)
                    .arg(pid)};
        }
        return Error{
            QStringLiteral("The data folder \"%1\" is in use by another process. Stop it, or "
                           "choose another folder with --data-dir.")
                .arg(m_path)};
    }
    return Error{
        QStringLiteral("The data folder \"%1\" is not writable. Check that it belongs to you, "
                       "or choose another with --data-dir.")
            .arg(m_path)};
}

} // namespace tidegate
