// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate

/// The shortcut sheet (F1).
Dialog {
    id: root

    title: qsTr("Keyboard shortcuts")
    width: 460

    readonly property var shortcuts: [
        {keys: "Ctrl+1 … Ctrl+6", meaning: qsTr("Live, Keys, Backends, Models, Usage, Settings")},
        {keys: "Ctrl+K", meaning: qsTr("Find something to do")},
        {keys: "Ctrl+E", meaning: qsTr("Export what the page shows as CSV")},
        {keys: "Ctrl+,", meaning: qsTr("Settings")},
        {keys: "Ctrl+F", meaning: qsTr("Filter the requests")},
        {keys: "J  K  ↓  ↑", meaning: qsTr("Next and previous request")},
        {keys: "Home  End", meaning: qsTr("Oldest and newest request")},
        {keys: "Enter", meaning: qsTr("Open the details")},
        {keys: "Esc", meaning: qsTr("Close the details, clear the filter")},
        {keys: "Space", meaning: qsTr("Pause the view")},
        {keys: "Ctrl+L", meaning: qsTr("Clear the view")},
        {keys: "Ctrl+C", meaning: qsTr("Copy the request as cURL")},
        {keys: "Ctrl+Shift+C", meaning: qsTr("Copy the request as JSON")},
        {keys: "Alt+↑  Alt+↓", meaning: qsTr("Move a backend up or down")},
        {keys: "Ctrl+Q", meaning: qsTr("Quit")},
        {keys: "F1", meaning: qsTr("This list")}
    ]

    Repeater {
        model: root.shortcuts

        delegate: RowLayout {
            id: line

            required property var modelData

            spacing: Theme.gapL

            Label {
                Layout.preferredWidth: 140
                text: line.modelData.keys
                mono: true
                font.pixelSize: Theme.small
            }
            Label {
                Layout.fillWidth: true
                text: line.modelData.meaning
                muted: true
                elide: Text.ElideRight
            }
        }
    }
    buttons: [
        Item {
            Layout.fillWidth: true
        },
        Button {
            text: qsTr("Close")
            focus: true
            onClicked: root.close()
        }
    ]
}
