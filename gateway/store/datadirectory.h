// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QLockFile>
#include <QString>

#include <memory>

namespace tidegate {

/// The folder for everything Tidegate keeps, held by one process at a time.
///
/// Any thread; owned by Store. The lock is given back when the object goes.
class DataDirectory
{
public:
    explicit DataDirectory(QString path);

    /// Makes the folder (mode 0700) when it is not there, and takes the lock. An existing folder
    /// keeps its mode. The error names the folder or the process that holds it.
    Result<Done> acquire();
    void release() { m_lock.reset(); }

    [[nodiscard]] const QString &path() const { return m_path; }
    [[nodiscard]] QString filePath(const QString &name) const;

    /// Makes the folder alone, for those who need it before the store does.
    static Result<Done> create(const QString &path);

private:
    QString m_path;
    std::unique_ptr<QLockFile> m_lock;
};

} // namespace tidegate
