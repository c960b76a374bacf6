// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

namespace tidegate {

/// What a try-out of a backend found.
struct BackendTest
{
    bool reachable = false; ///< it answered over HTTP
    int status = 0;         ///< HTTP status of the model list, 0 when there was no answer
    qint64 latencyUs = 0;   ///< from the call to the end of the answer
    QStringList models;     ///< in the backend's order
    QString message;        ///< one sentence for people, also on success
};

} // namespace tidegate
