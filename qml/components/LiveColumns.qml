// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate.App

/// The widths of the Live table's columns for the room there is; 0 hides a column.
///
/// What the user took out is gone. Of the rest, the less a column tells, the sooner it goes: attempts, key,
/// tokens per second, backend, cost, first byte.
QtObject {
    id: root

    required property real available

    readonly property var hidden: App.settings.hiddenLiveColumns

    readonly property int edge: 12
    readonly property int time: room("time", 0, available >= 900 ? 104 : 76)
    readonly property int status: 108
    readonly property int key: room("key", 980, 104)
    readonly property int backend: room("backend", 840, 96)
    readonly property int ttft: room("ttft", 700, 76)
    readonly property int total: room("total", 0, 76)
    readonly property int tokens: room("tokens", 560, 112)
    readonly property int speed: room("speed", 860, 64)
    readonly property int cost: room("cost", 760, 84)
    readonly property int attempts: room("attempts", 1060, 40)
    readonly property real rest: Math.max(0, available - edge * 2 - time - status - key - backend - ttft - total - tokens - speed - cost - attempts)
    readonly property bool modelShown: !hidden.includes("model")
    readonly property int request: Math.max(90, Math.round(rest * (modelShown ? 0.52 : 1)))
    readonly property int model: modelShown ? Math.max(90, Math.floor(rest - request)) : 0

    function room(name: string, least: real, width: int): int {
        return available >= least && !hidden.includes(name) ? width : 0;
    }
}
