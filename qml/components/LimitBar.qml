// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// How much of one limit is used: figures, a bar, and where the pace leads.
Item {
    id: root

    /// See usebar: text, ratio, note, tone, limited, spoken, and of budgets period and shadow.
    required property var bar
    property int columnWidth: 120

    readonly property color ink: [Theme.colors.accent, Theme.colors.warn, Theme.colors.bad][bar.tone]
    readonly property string caption: {
        if (bar.shadow)
            //: Under the bar of a budget that refuses nothing
            return bar.note !== "" ? qsTr("%1 · only reports").arg(bar.note) : qsTr("only reports");
        return bar.note || (bar.period ?? "");
    }

    width: columnWidth
    height: parent ? parent.height : implicitHeight
    implicitHeight: column.implicitHeight
    visible: columnWidth > 0

    Accessible.role: Accessible.ProgressBar
    Accessible.name: bar.spoken

    Column {
        id: column

        anchors.verticalCenter: parent.verticalCenter
        width: parent.width - Theme.gapL
        spacing: Theme.unit

        Label {
            width: parent.width
            text: root.bar.text
            mono: true
            muted: !root.bar.limited
            color: root.bar.tone > 0 ? root.ink : muted ? Theme.colors.muted : Theme.colors.text
            font.pixelSize: Theme.small
            elide: Text.ElideRight
        }
        Rectangle {
            width: parent.width
            height: Theme.unit
            radius: height / 2
            visible: root.bar.limited
            color: Theme.colors.border

            Rectangle {
                width: Math.max(root.bar.ratio > 0 ? parent.height : 0, parent.width * root.bar.ratio)
                height: parent.height
                radius: height / 2
                color: root.ink
            }
        }
        Label {
            width: parent.width
            visible: root.bar.limited && text !== ""
            text: root.caption
            color: root.bar.tone > 0 ? root.ink : Theme.colors.muted
            font.pixelSize: Theme.caption
            elide: Text.ElideRight
        }
    }
    HoverHandler {
        id: hover
    }
    Tooltip {
        visible: hover.hovered && root.bar.limited
        text: root.bar.spoken
    }
}
