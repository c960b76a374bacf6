// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/common/signalwatcher.h"

#include <QSocketNotifier>

#ifdef Q_OS_UNIX
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>
#endif

namespace tidegate {

#ifdef Q_OS_UNIX

namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

int g_readEnd = -1;
int g_writeEnd = -1; // written before the handlers are installed, read by them

/// Only what may be done in a signal handler: one byte into a pipe that never blocks.
void handleSignal(int number)
{
    const int savedErrno = errno;
    const auto byte = static_cast<unsigned char>(number);
    // A full pipe has the same news in it already.
    [[maybe_unused]] const auto written = ::write(g_writeEnd, &byte, 1);
    errno = savedErrno;
}

} // namespace

SignalWatcher::SignalWatcher(QObject *parent)
    : QObject(parent)
{
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
        qWarning("Signals cannot be handled: no pipe.");
        return;
    }
    for (const int end : ends) {
        ::fcntl(end, F_SETFD, FD_CLOEXEC);
        ::fcntl(end, F_SETFL, O_NONBLOCK);
    }
    g_readEnd = ends[0];
    g_writeEnd = ends[1];
    m_notifier = std::make_unique<QSocketNotifier>(g_readEnd, QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, &SignalWatcher::readPipe);

    struct sigaction action
    {
    };
    action.sa_handler = handleSignal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (const int number : kSignals) {
        ::sigaction(number, &action, nullptr);
    }
    // A reader of our output that goes away must not end the gateway.
    std::signal(SIGPIPE, SIG_IGN);
}

SignalWatcher::~SignalWatcher()
{
    if (!m_notifier) {
        return;
    }
    for (const int number : kSignals) {
        std::signal(number, SIG_DFL);
    }
    m_notifier.reset();
    ::close(g_readEnd);
    ::close(g_writeEnd);
}

void SignalWatcher::readPipe()
{
    unsigned char byte = 0;
    while (::read(g_readEnd, &byte, 1) == 1) {
        if (byte == SIGHUP) {
            Q_EMIT reloadRequested();
        } else if (!m_stopping) {
            m_stopping = true;
            Q_EMIT stopRequested();
        } else {
            Q_EMIT stopNowRequested();
        }
    }
}

#else

SignalWatcher::SignalWatcher(QObject *parent)
    : QObject(parent)
{
}
SignalWatcher::~SignalWatcher() = default;
void SignalWatcher::readPipe() {}

#endif

} // namespace tidegate
