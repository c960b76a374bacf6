// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/pipeline/routes.h"

#include <QJsonObject>

#include <utility>
#include <vector>

namespace tidegate {

/// A request that is only thought of.
struct RouteQuestion
{
    QByteArray model;
    const ClientKey *key = nullptr; ///< null: as without a key
    QByteArray backend = {};        ///< as x-tidegate-backend
    bool hasTools = false;
    std::vector<std::pair<QByteArray, QByteArray>> headers = {}; ///< for affinity
    QByteArray body = {}; ///< JSON, for affinity; may be empty
    qint64 nowNs = 0;     ///< monotonic
};

/// What would happen to it now: the lanes in their most likely order, what state each is in, and
/// how often each would be the one that is used. Takes nothing from any lane: no probe, no key, no
/// place, no turn. The fields are in docs/routing.md.
[[nodiscard]] QJsonObject explainRoute(const Routes &routes, const RouteQuestion &question);

} // namespace tidegate
