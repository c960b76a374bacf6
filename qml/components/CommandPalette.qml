// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate

/// Everything that can be done, found by a few letters (Ctrl+K).
Dialog {
    id: root

    /// Maps with text, icon, keys (may be empty) and run, a function.
    required property var commands

    readonly property var found: {
        const words = field.text.toLowerCase().split(" ").filter(word => word !== "");
        return commands.filter(command => words.every(word => command.text.toLowerCase().includes(word)));
    }

    function run(index: int) {
        const command = found[index];
        if (command === undefined)
            return;
        close();
        command.run();
    }

    //: Title of a list of everything that can be done
    title: qsTr("Do something")
    width: 520
    onAboutToShow: field.text = ""
    onOpened: field.forceActiveFocus()

    SearchField {
        id: field

        Layout.fillWidth: true
        objectName: "paletteField"
        name: qsTr("What to do")
        placeholderText: qsTr("Type a few letters")
        onTextChanged: list.currentIndex = 0
        Keys.onDownPressed: list.incrementCurrentIndex()
        Keys.onUpPressed: list.decrementCurrentIndex()
        Keys.onReturnPressed: root.run(list.currentIndex)
        Keys.onEnterPressed: root.run(list.currentIndex)
        Keys.onEscapePressed: root.close()
    }
    ListView {
        id: list

        Layout.fillWidth: true
        Layout.preferredHeight: 10 * Theme.rowHeight
        objectName: "paletteList"
        model: root.found
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        T.ScrollBar.vertical: ScrollBar {}

        Accessible.role: Accessible.List
        Accessible.name: qsTr("Commands")

        delegate: T.ItemDelegate {
            id: row

            required property var modelData
            required property int index

            width: ListView.view.width
            height: Theme.rowHeight
            text: modelData.text
            focusPolicy: Qt.NoFocus
            hoverEnabled: true
            onClicked: root.run(index)

            Accessible.role: Accessible.ListItem
            Accessible.name: text

            contentItem: RowLayout {
                spacing: Theme.gapS

                Icon {
                    Layout.leftMargin: Theme.gapS
                    name: row.modelData.icon
                    color: row.ListView.isCurrentItem ? Theme.colors.accent : Theme.colors.muted
                }
                Label {
                    Layout.fillWidth: true
                    text: row.text
                    elide: Text.ElideRight
                }
                Label {
                    Layout.rightMargin: Theme.gapS
                    text: row.modelData.keys
                    mono: true
                    muted: true
                    font.pixelSize: Theme.small
                }
            }
            background: Rectangle {
                radius: Theme.smallRadius
                color: row.ListView.isCurrentItem ? Theme.colors.selection : row.hovered ? Theme.colors.hover : "transparent"
            }
        }
    }
}
