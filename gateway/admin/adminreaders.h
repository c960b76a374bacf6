// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/adminreply.h"

#include <QThreadPool>

#include <functional>
#include <memory>
#include <vector>

namespace tidegate {

/// The threads in which the admin API reads the ledger.
///
/// Lives in the main thread; owned by the AdminApi. Jobs capture by value and answer by their
/// AdminReply. Streams have threads of their own, so that clients which read slowly never keep a
/// query waiting.
class AdminReaders
{
public:
    AdminReaders();
    /// Cuts the streams and waits for the rest.
    ~AdminReaders();
    AdminReaders(const AdminReaders &) = delete;
    AdminReaders &operator=(const AdminReaders &) = delete;

    void query(std::function<void()> job);
    /// False when as many as may be are running; the job is not run then.
    [[nodiscard]] bool stream(const std::shared_ptr<AdminReply> &reply, std::function<void()> job);

private:
    QThreadPool m_queries;
    QThreadPool m_streams;
    std::vector<std::weak_ptr<AdminReply>> m_running;
};

} // namespace tidegate
