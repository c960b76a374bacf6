// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/upstream/upstreamclient.h"

#include <QCoreApplication>
#include <QTest>

#ifdef Q_OS_LINUX
#include "gateway/base/epolldispatcher.h"
#endif

namespace tidegate {

/// Runs the test class on the event dispatcher of the engine threads, or on Qt's own when the
/// environment has TIDEGATE_TEST_QT_DISPATCHER.
template <typename TestClass>
int runUpstreamTest(int argc, char **argv)
{
    UpstreamClient::initialiseLibrary();
#ifdef Q_OS_LINUX
    if (!qEnvironmentVariableIsSet("TIDEGATE_TEST_QT_DISPATCHER")) {
        QCoreApplication::setEventDispatcher(new EpollDispatcher);
    }
#endif
    const QCoreApplication app(argc, argv);
    TestClass test;
    return QTest::qExec(&test, argc, argv);
}

} // namespace tidegate
