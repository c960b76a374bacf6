// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// One public model name as a card, with its targets in the order they are tried.
Card {
    id: root

    required property string name
    required property var targets
    required property string strategyText
    required property string strategyHint
    required property var notes
    required property string originText
    required property bool readOnly
    required property string accessibleText
    /// The dry run asks for it.
    property bool current: false

    property int dragIndex: -1
    property real dragOffset: 0
    readonly property int pitch: Theme.unit * 7
    readonly property int dropIndex: dragIndex < 0 ? -1 : Math.max(0, Math.min(targets.length - 1, Math.round(dragIndex + dragOffset / pitch)))

    signal editRequested
    signal removeRequested
    signal tryRequested

    /// The target that was moved by keyboard keeps the focus: its row is made anew.
    property int focusPlace: -1

    function moveByKey(from: int, by: int) {
        if (from + by < 0 || from + by >= targets.length)
            return;
        focusPlace = from + by;
        App.models.moveTarget(name, from, from + by);
    }
    function endDrag() {
        dragIndex = -1;
        dragOffset = 0;
    }

    implicitHeight: column.implicitHeight + Theme.gapM * 2
    border.color: current ? Theme.colors.accent : Theme.colors.border

    Accessible.role: Accessible.ListItem
    Accessible.name: accessibleText
    Accessible.selected: current

    ColumnLayout {
        id: column

        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.margins: Theme.gapM
        anchors.leftMargin: Theme.gapL
        spacing: Theme.gapS

        RowLayout {
            Layout.fillWidth: true
            spacing: Theme.gapS

            Label {
                Layout.fillWidth: true
                Layout.maximumWidth: implicitWidth + 1
                text: root.name
                mono: true
                strong: true
                font.pixelSize: Theme.lead
                elide: Text.ElideMiddle
            }
            Tag {
                text: root.strategyText
                mono: false

                HoverHandler {
                    id: hover
                }
                Tooltip {
                    visible: hover.hovered
                    text: root.strategyHint
                }
            }
            Item {
                Layout.fillWidth: true
                Layout.preferredWidth: 0
            }
            Icon {
                visible: root.readOnly
                name: "lock"
                size: 14
                color: Theme.colors.muted
            }
            Label {
                visible: text !== ""
                text: root.originText
                muted: true
                font.pixelSize: Theme.small
            }
            Button {
                objectName: "tryModel"
                compact: true
                kind: Button.Ghost
                iconName: "route"
                text: qsTr("Dry run")
                Accessible.name: qsTr("Dry run of %1").arg(root.name)
                onClicked: root.tryRequested()
            }
            IconButton {
                objectName: "editModel"
                visible: !root.readOnly
                iconName: "pencil"
                text: qsTr("Edit %1").arg(root.name)
                onClicked: root.editRequested()
            }
            IconButton {
                objectName: "removeModel"
                visible: !root.readOnly
                iconName: "trash-2"
                text: qsTr("Remove %1").arg(root.name)
                onClicked: root.removeRequested()
            }
        }
        Item {
            id: rows

            Layout.fillWidth: true
            implicitHeight: root.targets.length * root.pitch

            Repeater {
                model: root.targets
                onItemAdded: (index, item) => {
                    if (index !== root.focusPlace)
                        return;
                    root.focusPlace = -1;
                    (item as TargetRow).handle.forceActiveFocus(Qt.TabFocusReason);
                }

                delegate: TargetRow {
                    id: row

                    required property int index
                    required property var modelData

                    width: rows.width
                    y: index * root.pitch + (dragged ? root.dragOffset : 0)
                    z: dragged ? 1 : 0
                    dragged: root.dragIndex === index
                    place: index + 1
                    backend: modelData.backend
                    model: modelData.model
                    shareText: modelData.shareText
                    known: modelData.known
                    movable: !root.readOnly && root.targets.length > 1
                    //: %1 is a name, %2 its place in the list, %3 the length of the list
                    placeText: qsTr("%1, %2 of %3").arg(modelData.backend).arg(index + 1).arg(root.targets.length)
                    onMoveRequested: by => root.moveByKey(index, by)
                    onDragMoved: dy => {
                        root.dragIndex = index;
                        root.dragOffset = dy;
                    }
                    onDragEnded: {
                        const from = root.dragIndex;
                        const to = root.dropIndex;
                        root.endDrag();
                        App.models.moveTarget(root.name, from, to);
                    }
                    onDragCancelled: root.endDrag()
                }
            }
            Rectangle {
                visible: root.dropIndex >= 0 && root.dropIndex !== root.dragIndex
                y: root.pitch * (root.dropIndex + (root.dropIndex > root.dragIndex ? 1 : 0)) - height / 2
                width: parent.width
                height: Theme.focusWidth
                radius: 1
                color: Theme.colors.accent
            }
        }
        Flow {
            Layout.fillWidth: true
            visible: root.notes.length > 0
            spacing: Theme.gapM

            Repeater {
                model: root.notes

                delegate: Row {
                    id: note

                    required property var modelData

                    spacing: Theme.unit

                    Icon {
                        anchors.verticalCenter: parent.verticalCenter
                        name: note.modelData.icon
                        size: 14
                        color: Theme.colors.muted
                    }
                    Label {
                        text: note.modelData.label
                        muted: true
                        font.pixelSize: Theme.small
                    }
                    Label {
                        text: note.modelData.value
                        font.pixelSize: Theme.small
                    }
                }
            }
        }
    }
}
