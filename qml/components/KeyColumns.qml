// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

/// The widths of the Keys table's columns for the room there is; 0 hides a column.
QtObject {
    required property real available

    readonly property int state: 112
    readonly property int models: available >= 1060 ? 132 : 0
    readonly property int used: available >= 780 ? 104 : 0
    readonly property int action: 44
    readonly property real rest: available - state - models - used - action
    readonly property int name: Math.max(150, Math.round(rest * 0.29))
    readonly property int bar: Math.max(96, Math.floor((rest - name) / 3))
}
