// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

/// The widths of the Keys table's columns for the room there is; 0 hides a column.
QtObject {
    required property real available

    readonly property int prefix: 116
    readonly property int state: 120
    readonly property int created: available >= 760 ? 120 : 0
    readonly property int used: 120
    readonly property int action: 104
    readonly property real rest: available - prefix - state - created - used - action
    readonly property int name: Math.max(110, Math.round(rest * 0.5))
    readonly property int models: Math.max(80, Math.floor(rest - name))
}
