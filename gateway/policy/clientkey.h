// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/glob.h"
#include "gateway/policy/limits.h"

#include <QByteArray>
#include <QDateTime>
#include <QHostAddress>
#include <QJsonObject>
#include <QString>

#include <optional>
#include <utility>
#include <vector>

namespace tidegate {

/// One client key, without the key: only its hash and a prefix to recognise it by.
///
/// Value type, shared between threads as const. The store fills identity and config; what stands
/// below "read from config" is filled by gateway/config, for keys of file and database alike.
struct ClientKey
{
    qint64 id = 0; ///< row id in the database; negative for keys from file or environment
    QString name;
    QByteArray sha256;         ///< 32 bytes
    QString prefix;            ///< e.g. "tg-…f3a1", for people
    QByteArray previousSha256; ///< of the key before the last rotation; empty: none
    QDateTime previousUntil;   ///< UTC; until then the key before works too; invalid: it does not
    bool fromFile = false;     ///< set by the file or the environment: read-only in the panel
    QDateTime createdAt;       ///< UTC
    QDateTime revokedAt;       ///< UTC; invalid: in force
    QJsonObject config;        ///< as in the file's `keys:` entry, without the key itself

    // Read from config.
    bool disabled = false;
    QDateTime expiresAt;                                  ///< UTC; invalid: never
    std::vector<Glob> models;                             ///< empty: every model
    std::vector<std::pair<QHostAddress, int>> allowedIps; ///< subnets; empty: everywhere
    QString team;
    qint64 teamId = 0; ///< of a Team in the same KeyRing; 0: none
    Limits limits;     ///< the key's own, or rate_limits.default when it names none
    std::optional<BudgetRule> budget;
};

} // namespace tidegate
