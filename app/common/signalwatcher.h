// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include <memory>

class QSocketNotifier;

namespace tidegate {

/// Turns SIGINT, SIGTERM and SIGHUP into Qt signals, and ignores SIGPIPE.
///
/// Lives in the main thread, owned by main(); one in a process. Does nothing on Windows.
class SignalWatcher : public QObject
{
    Q_OBJECT

public:
    explicit SignalWatcher(QObject *parent = nullptr);
    ~SignalWatcher() override;

Q_SIGNALS:
    /// The first SIGINT or SIGTERM: finish what runs, then end.
    void stopRequested();
    /// Any later one: end now.
    void stopNowRequested();
    /// SIGHUP.
    void reloadRequested();

private:
    void readPipe();

    std::unique_ptr<QSocketNotifier> m_notifier;
    bool m_stopping = false;
};

} // namespace tidegate
