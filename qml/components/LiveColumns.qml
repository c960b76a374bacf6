// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

/// The widths of the Live table's columns for the room there is; 0 hides a column.
///
/// The less a column tells, the sooner it goes: key, tokens per second, backend, first byte.
QtObject {
    required property real available

    readonly property int edge: 12
    readonly property int time: available >= 900 ? 104 : 76
    readonly property int status: 108
    readonly property int key: available >= 980 ? 104 : 0
    readonly property int backend: available >= 840 ? 96 : 0
    readonly property int ttft: available >= 700 ? 76 : 0
    readonly property int total: 76
    readonly property int tokens: available >= 560 ? 112 : 0
    readonly property int speed: available >= 860 ? 64 : 0
    readonly property int cost: available >= 760 ? 76 : 0
    readonly property int attempts: available >= 1060 ? 40 : 0
    readonly property real rest: Math.max(0, available - edge * 2 - time - status - key - backend - ttft - total - tokens - speed - cost - attempts)
    readonly property int request: Math.max(90, Math.round(rest * 0.52))
    readonly property int model: Math.max(90, Math.floor(rest - request))
}
