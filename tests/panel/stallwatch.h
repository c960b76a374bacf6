// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include <atomic>
#include <thread>

namespace tidegate {

/// Tells how long a thread with an event loop left an event waiting: what a click or a key press
/// would have had to wait.
///
/// Made and owned in the thread that it watches; a thread of its own asks that one for a sign of
/// life every two milliseconds.
class StallWatch
{
public:
    StallWatch();
    ~StallWatch();
    Q_DISABLE_COPY_MOVE(StallWatch)

    /// Forgets what was, up to now.
    void restart();
    /// The longest wait since the start or restart(), in milliseconds.
    [[nodiscard]] double longestMs() const;

private:
    void ask();

    QObject m_watched;
    std::atomic<qint64> m_longestNs = 0;
    std::atomic<bool> m_answered = true;
    std::atomic<bool> m_ended = false;
    std::atomic<qint64> m_sinceNs = 0; ///< what was asked before does not count
    std::thread m_asker;
};

} // namespace tidegate
