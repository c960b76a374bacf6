// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// One target of a model on its card: a backend, and the name by which it knows the model.
Item {
    id: root

    required property int place
    required property string backend
    required property string model
    required property string shareText
    /// There is a backend of that name.
    required property bool known
    required property bool movable
    property bool dragged: false
    /// "openai, 2 of 5"
    required property string placeText
    property alias handle: handle

    signal moveRequested(int by)
    signal dragMoved(real dy)
    signal dragEnded(real dy)
    signal dragCancelled

    implicitHeight: Theme.unit * 7

    Rectangle {
        anchors.fill: parent
        visible: root.dragged
        radius: Theme.smallRadius
        color: Theme.colors.raised
        border.width: Theme.hairline
        border.color: Theme.colors.border
    }
    RowLayout {
        anchors.fill: parent
        spacing: Theme.gapS

        Item {
            visible: !root.movable
            implicitWidth: Theme.target
        }
        ReorderHandle {
            id: handle

            objectName: "targetHandle"
            visible: root.movable
            name: root.placeText
            onMoveRequested: by => root.moveRequested(by)
            onDragMoved: dy => root.dragMoved(dy)
            onDragEnded: dy => root.dragEnded(dy)
            onDragCancelled: root.dragCancelled()
        }
        Label {
            Layout.preferredWidth: Theme.gapL
            text: root.place
            mono: true
            muted: true
            font.pixelSize: Theme.small
            horizontalAlignment: Text.AlignHCenter
        }
        Label {
            Layout.preferredWidth: 112
            text: root.backend
            color: root.known ? Theme.colors.text : Theme.colors.warn
            elide: Text.ElideRight
        }
        Label {
            Layout.fillWidth: true
            text: root.model
            mono: true
            font.pixelSize: Theme.small
            elide: Text.ElideMiddle
        }
        Icon {
            visible: !root.known
            name: "triangle-alert"
            size: 14
            color: Theme.colors.warn
        }
        Label {
            visible: !root.known
            text: qsTr("no such backend")
            color: Theme.colors.warn
            font.pixelSize: Theme.small
        }
        Label {
            visible: text !== ""
            text: root.shareText
            mono: true
            font.pixelSize: Theme.small
        }
    }
}
