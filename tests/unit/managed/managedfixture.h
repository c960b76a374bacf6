// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/managed/managedsupervisor.h"

#include <QByteArray>
#include <QString>
#include <QTemporaryDir>

#include <memory>

namespace tidegate {

/// A supervisor with short times, one backend named "b", and what a test wants to know of both.
///
/// Main thread, on a test's stack. What still runs at its end is killed.
class ManagedFixture
{
public:
    ManagedFixture();

    /// A backend with that start command.
    void manage(const QString &start, const QString &stop = {});
    /// Hands `config` to the supervisor. What runs may run.
    void apply(bool confirmed = true);
    /// Without the backend.
    void applyNothing();

    [[nodiscard]] ManagedStatus status() const;
    [[nodiscard]] qint64 processId() const;
    /// Waits until it is in that state.
    [[nodiscard]] bool reaches(ManagedState state, int ms = 10'000) const;
    /// The command of a server that is ready after @p seconds.
    [[nodiscard]] QString serverCommand(double seconds = 0) const;
    [[nodiscard]] QString path(const QString &file) const { return dir.filePath(file); }
    [[nodiscard]] QByteArray contents(const QString &file) const;
    [[nodiscard]] int lineCount(const QString &file) const;

    /// A zombie does not count.
    [[nodiscard]] static bool isAlive(qint64 processId);
    [[nodiscard]] static quint16 freePort();

    QTemporaryDir dir;
    BackendConfig config;
    ManagedTimings timings;
    ManagedBackend::Load load;                     ///< as the supervisor sees it
    std::unique_ptr<ManagedSupervisor> supervisor; ///< made by the first apply()
    quint16 port = freePort();                     ///< of the backend's URL
};

} // namespace tidegate
