// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// Filters that were given a name: take one, keep the present one, throw one away.
T.Popup {
    id: root

    readonly property var views: App.settings.liveViews

    function take(view: var) {
        App.live.filterText = view.filter;
        App.live.chip = view.chip;
        close();
    }
    function keep() {
        if (nameField.text.trim() === "")
            return;
        App.settings.saveLiveView(nameField.text, App.live.filterText, App.live.chip);
        nameField.text = "";
    }

    padding: Theme.gapS
    margins: Theme.gapS
    focus: true
    width: 380
    height: contentItem.implicitHeight + topPadding + bottomPadding
    onOpened: (views.length > 0 ? list.itemAt(0) : nameField).forceActiveFocus()

    contentItem: ColumnLayout {
        spacing: Theme.gapXs

        Label {
            Layout.fillWidth: true
            Layout.margins: Theme.gapS
            visible: root.views.length === 0
            text: qsTr("No saved view yet. Filter the list, then give the filter a name to find it here again.")
            muted: true
            wrapMode: Text.Wrap
        }
        Repeater {
            id: list

            model: root.views

            delegate: T.AbstractButton {
                id: line

                required property var modelData

                objectName: "savedView"
                Layout.fillWidth: true
                implicitHeight: Theme.rowHeight
                text: modelData.name
                hoverEnabled: true
                focusPolicy: Qt.StrongFocus
                onClicked: root.take(modelData)

                Accessible.role: Accessible.Button
                //: Read aloud: a saved view and its filter
                Accessible.name: qsTr("%1, %2").arg(modelData.name).arg(modelData.text)
                Keys.onReturnPressed: line.clicked()
                Keys.onDeletePressed: App.settings.removeLiveView(modelData.name)

                contentItem: RowLayout {
                    spacing: Theme.gapM

                    Label {
                        Layout.leftMargin: Theme.gapS
                        Layout.maximumWidth: 150
                        text: line.modelData.name
                        elide: Text.ElideRight
                    }
                    Label {
                        Layout.fillWidth: true
                        text: line.modelData.text
                        mono: true
                        muted: true
                        font.pixelSize: Theme.small
                        elide: Text.ElideRight
                    }
                    IconButton {
                        objectName: "removeView"
                        iconName: "trash-2"
                        //: %1 is the name of a saved view
                        text: qsTr("Forget “%1”").arg(line.modelData.name)
                        onClicked: App.settings.removeLiveView(line.modelData.name)
                    }
                }
                background: Rectangle {
                    radius: Theme.smallRadius
                    color: line.hovered || line.visualFocus ? Theme.colors.hover : "transparent"
                }
            }
        }
        Separator {
            Layout.fillWidth: true
            visible: root.views.length > 0
        }
        RowLayout {
            Layout.margins: Theme.gapXs
            spacing: Theme.gapS

            TextField {
                id: nameField

                Layout.fillWidth: true
                objectName: "viewName"
                enabled: App.live.filtered
                name: qsTr("Name of the view")
                placeholderText: App.live.filtered ? qsTr("Name of this view") : qsTr("No filter to save")
                onAccepted: root.keep()
            }
            Button {
                objectName: "saveView"
                enabled: App.live.filtered && nameField.text.trim() !== ""
                //: Button: keeps the present filter under a name
                text: qsTr("Save")
                onClicked: root.keep()
            }
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: Theme.colors.raised
        border.width: Theme.hairline
        border.color: Theme.colors.border
    }
}
