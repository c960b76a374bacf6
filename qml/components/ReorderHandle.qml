// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// The grip of a list entry: drag it, or move the entry with the arrow keys while it has the focus.
T.Button {
    id: control

    /// "openai, 2 of 5"
    required property string name
    property bool dragging: area.drags

    /// By keyboard: -1 up, 1 down.
    signal moveRequested(int by)
    /// While dragging, since it began.
    signal dragMoved(real dy)
    signal dragEnded(real dy)
    signal dragCancelled

    implicitWidth: Theme.target
    implicitHeight: Theme.target
    padding: 0
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    opacity: enabled ? 1 : 0.35

    Accessible.role: Accessible.Button
    Accessible.name: qsTr("Move %1").arg(name)
    Accessible.description: qsTr("Use the up and down keys, or drag.")
    Accessible.onIncreaseAction: control.moveRequested(1)
    Accessible.onDecreaseAction: control.moveRequested(-1)
    Keys.onUpPressed: control.moveRequested(-1)
    Keys.onDownPressed: control.moveRequested(1)
    Keys.onEscapePressed: event => {
        event.accepted = area.drags;
        area.cancel();
    }

    contentItem: Item {
        Icon {
            anchors.centerIn: parent
            name: "grip-vertical"
            color: control.hovered || area.drags || control.visualFocus ? Theme.colors.text : Theme.colors.muted
        }
    }
    background: Rectangle {
        radius: Theme.smallRadius
        color: area.drags ? Theme.colors.pressed : control.hovered ? Theme.colors.hover : "transparent"

        FocusRing {
            shown: control.visualFocus
            distance: 0
        }
    }

    MouseArea {
        id: area

        property real startY: 0
        property bool drags: false

        function cancel() {
            if (!drags)
                return;
            drags = false;
            control.dragCancelled();
        }

        anchors.fill: parent
        preventStealing: true
        cursorShape: drags ? Qt.ClosedHandCursor : Qt.OpenHandCursor
        onPressed: mouse => {
            startY = mapToItem(null, mouse.x, mouse.y).y;
            control.forceActiveFocus(Qt.MouseFocusReason);
        }
        onPositionChanged: mouse => {
            const dy = mapToItem(null, mouse.x, mouse.y).y - startY;
            if (!drags && Math.abs(dy) < Theme.unit)
                return;
            drags = true;
            control.dragMoved(dy);
        }
        onReleased: mouse => {
            if (!drags)
                return;
            drags = false;
            control.dragEnded(mapToItem(null, mouse.x, mouse.y).y - startY);
        }
        onCanceled: cancel()
    }
    Tooltip {
        visible: (control.hovered || control.visualFocus) && !area.drags
        text: qsTr("Drag, or move with the arrow keys")
    }
}
