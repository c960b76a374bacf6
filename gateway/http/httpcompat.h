// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractHttpServer>
#include <QHttpServerRequest>
#include <QHttpServerResponder>
#include <QTcpServer>
#include <QTcpSocket>

/// The one place that knows how QtHttpServer's interface changed: 6.4 hands the socket to the
/// handler, 6.5 to 6.7 a responder that missingHandler() takes by rvalue, 6.8 and later by lvalue.
/// Any thread; nothing here has state.
namespace tidegate::httpcompat {

#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
using HandlerTarget = QHttpServerResponder &;
using MissingTarget = QHttpServerResponder &;
#elif QT_VERSION >= QT_VERSION_CHECK(6, 5, 0)
using HandlerTarget = QHttpServerResponder &;
using MissingTarget = QHttpServerResponder &&;
#else
using HandlerTarget = QTcpSocket *;
using MissingTarget = QTcpSocket *;
#endif

/// Makes @p server serve the connections of @p listener, which must be listening, and own it.
[[nodiscard]] inline bool bind(QAbstractHttpServer &server, QTcpServer *listener)
{
#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
    return server.bind(listener);
#else
    server.bind(listener);
    return true;
#endif
}

} // namespace tidegate::httpcompat
