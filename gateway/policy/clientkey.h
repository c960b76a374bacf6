// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/glob.h"

#include <QByteArray>
#include <QDateTime>
#include <QHostAddress>
#include <QJsonObject>
#include <QString>

#include <utility>
#include <vector>

namespace tidegate {

/// One client key, without the key: only its hash and a prefix to recognise it by.
///
/// Value type, shared between threads as const.
struct ClientKey
{
    qint64 id = 0; ///< row id in the database; negative for keys from file or environment
    QString name;
    QByteArray sha256;     ///< 32 bytes
    QString prefix;        ///< e.g. "tg-…f3a1", for people
    bool fromFile = false; ///< set by the file or the environment: read-only in the panel
    bool disabled = false;
    QDateTime createdAt;                                  ///< UTC
    QDateTime expiresAt;                                  ///< UTC; invalid: never
    QDateTime revokedAt;                                  ///< UTC; invalid: in force
    std::vector<Glob> models;                             ///< empty: every model
    std::vector<std::pair<QHostAddress, int>> allowedIps; ///< subnets; empty: everywhere
    QString team;
    QJsonObject limits; ///< `limits` and `budget` as configured, enforced by a later release
};

} // namespace tidegate
