// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate
import Tidegate.App

/// One exchange in the Live table. Cheap: no timers, no popups; the pulse is shared by all rows.
Rectangle {
    id: root

    required property int index
    required property string timeText
    required property string method
    required property string path
    required property string keyName
    required property string modelText
    required property string backend
    required property int status
    required property int phase
    required property string phaseText
    required property bool streaming
    required property bool running
    required property string ttftText
    required property string totalText
    required property string tokensInText
    required property string tokensOutText
    required property string tokensPerSecondText
    required property string costText
    required property int attempts
    required property string accessibleText

    required property LiveColumns columns
    required property bool selected
    /// Runs from 0 to 1 and on; only looked at while streaming.
    required property real pulse

    signal chosen
    signal opened

    readonly property bool wordy: running || status === 0 || phase === LiveModel.Phase.Cancelled
    readonly property bool failed: phase === LiveModel.Phase.Failed
    readonly property color ink: {
        if (failed)
            return Theme.colors.bad;
        if (phase === LiveModel.Phase.Cancelled)
            return Theme.colors.warn;
        return running ? Theme.colors.info : Theme.colors.good;
    }
    readonly property string glyph: ["circle-dashed", "waves", "check", "x", "ban"][phase]

    implicitHeight: Theme.rowHeight
    color: selected ? Theme.colors.selection : area.containsMouse ? Theme.colors.hover : "transparent"

    Accessible.role: Accessible.ListItem
    Accessible.name: accessibleText
    Accessible.selected: selected

    Rectangle {
        width: 3
        height: parent.height
        visible: root.selected
        color: Theme.colors.accent
    }
    Row {
        x: root.columns.edge
        height: parent.height

        LiveCell {
            columnWidth: root.columns.time
            text: root.columns.time > 80 ? root.timeText : root.timeText.slice(0, 8)
            number: true
            muted: true
            horizontalAlignment: Text.AlignLeft
        }
        Item {
            width: root.columns.status
            height: parent.height

            Icon {
                anchors.verticalCenter: parent.verticalCenter
                name: root.glyph
                size: 14
                color: root.ink
            }
            LiveCell {
                x: 20
                columnWidth: parent.width - 20
                text: root.wordy ? root.phaseText : root.status
                number: !root.wordy
                horizontalAlignment: Text.AlignLeft
                color: root.ink
                font.pixelSize: Theme.small
            }
        }
        LiveCell {
            columnWidth: root.columns.request
            text: root.columns.request >= 180 ? root.method + " " + root.path : root.path.replace("/v1/", "")
        }
        LiveCell {
            columnWidth: root.columns.model
            text: root.modelText
        }
        LiveCell {
            columnWidth: root.columns.key
            text: root.keyName
            muted: true
        }
        LiveCell {
            columnWidth: root.columns.backend
            text: root.backend
            muted: true
        }
        LiveCell {
            columnWidth: root.columns.attempts
            text: root.attempts > 1 ? "×" + root.attempts : ""
            number: true
            color: Theme.colors.warn
        }
        LiveCell {
            columnWidth: root.columns.ttft
            text: root.ttftText
            number: true
            muted: true
        }
        LiveCell {
            columnWidth: root.columns.total
            text: root.totalText
            number: true
        }
        LiveCell {
            columnWidth: root.columns.tokens
            text: root.tokensInText + " / " + root.tokensOutText
            number: true
        }
        LiveCell {
            columnWidth: root.columns.speed
            text: root.tokensPerSecondText
            number: true
            muted: true
        }
        LiveCell {
            columnWidth: root.columns.cost
            text: root.costText
            number: true
        }
    }
    Rectangle {
        readonly property real track: root.columns.status - Theme.gapL

        anchors.bottom: parent.bottom
        anchors.bottomMargin: 2
        x: root.columns.edge + root.columns.time + (Theme.reducedMotion ? 0 : (track - width) * root.pulse)
        width: Theme.reducedMotion ? track : 28
        height: 2
        radius: 1
        visible: root.streaming
        color: Theme.colors.info
    }
    MouseArea {
        id: area

        anchors.fill: parent
        hoverEnabled: true
        onClicked: root.chosen()
        onDoubleClicked: root.opened()
    }
}
