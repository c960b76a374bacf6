// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import Tidegate

/// What stands around a chart over time: grid, axis texts, and a cursor for pointer and arrow keys.
FocusScope {
    id: root

    /// Maps with position (0 to 1, from the bottom) and text.
    required property var valueTicks
    /// Maps with position (0 to 1, from the left) and text.
    required property var timeTicks
    required property int stepCount
    /// What the chart shows, as one sentence.
    required property string summary
    /// What is under the cursor: see ChartHover. Asked for with `current`.
    required property var details
    default property alias chart: slot.data

    /// The step under the cursor; -1: none.
    property int current: -1

    readonly property int leftRoom: 72
    readonly property int bottomRoom: 24
    readonly property real stepWidth: stepCount > 0 ? slot.width / stepCount : 0

    implicitHeight: 250
    activeFocusOnTab: true
    // Time goes from left to right everywhere.
    LayoutMirroring.enabled: false
    LayoutMirroring.childrenInherit: true

    Accessible.role: Accessible.Graphic
    Accessible.name: summary
    Accessible.focusable: true

    onActiveFocusChanged: if (!activeFocus)
        current = -1
    onStepCountChanged: current = -1
    Keys.onLeftPressed: current = Math.max(0, current < 0 ? stepCount - 1 : current - 1)
    Keys.onRightPressed: current = Math.min(stepCount - 1, current + 1)
    Keys.onEscapePressed: event => {
        event.accepted = current >= 0;
        current = -1;
    }

    Repeater {
        model: root.valueTicks

        delegate: Item {
            id: valueTick

            required property var modelData

            y: Math.round(slot.y + slot.height * (1 - modelData.position))
            width: root.width

            Label {
                anchors.right: parent.left
                anchors.rightMargin: -root.leftRoom + Theme.gapS
                anchors.verticalCenter: parent.top
                text: valueTick.modelData.text
                mono: true
                muted: true
                font.pixelSize: Theme.caption
            }
            Rectangle {
                x: root.leftRoom
                width: slot.width
                height: Theme.hairline
                color: Theme.colors.border
            }
        }
    }
    Repeater {
        model: root.timeTicks

        delegate: Label {
            required property var modelData

            x: Math.round(Math.max(root.leftRoom - Theme.gapS, Math.min(root.width - width, root.leftRoom + slot.width * modelData.position - width / 2)))
            y: slot.y + slot.height + Theme.unit + 2
            text: modelData.text
            mono: true
            muted: true
            font.pixelSize: Theme.caption
        }
    }
    Rectangle {
        x: root.leftRoom + root.stepWidth * root.current
        y: slot.y
        width: Math.max(1, root.stepWidth)
        height: slot.height
        visible: root.current >= 0
        color: Theme.colors.hover
    }
    Item {
        id: slot

        anchors.fill: parent
        anchors.leftMargin: root.leftRoom
        anchors.topMargin: Theme.gapS
        anchors.bottomMargin: root.bottomRoom
    }
    MouseArea {
        anchors.fill: slot
        hoverEnabled: true
        acceptedButtons: Qt.NoButton
        onPositionChanged: mouse => root.current = Math.min(root.stepCount - 1, Math.floor(mouse.x / Math.max(1, root.stepWidth)))
        onExited: root.current = -1
    }
    ChartHover {
        readonly property real middle: root.leftRoom + root.stepWidth * (root.current + 0.5)

        x: middle + width + Theme.gapL < root.width ? middle + Theme.gapM : middle - width - Theme.gapM
        y: slot.y
        visible: root.current >= 0
        details: root.details
    }
    FocusRing {
        shown: root.activeFocus
        distance: 0
    }
}
