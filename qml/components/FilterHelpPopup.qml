// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The filter language by example; a click takes the example.
T.Popup {
    id: root

    signal exampleChosen(string example)

    padding: Theme.gapS
    margins: Theme.gapS
    focus: true
    width: 440
    height: contentItem.implicitHeight + topPadding + bottomPadding

    contentItem: ColumnLayout {
        spacing: 0

        Repeater {
            model: App.live.filterHelp

            delegate: T.AbstractButton {
                id: line

                required property var modelData

                Layout.fillWidth: true
                implicitHeight: Theme.rowHeight
                text: modelData.example + ", " + modelData.meaning
                hoverEnabled: true
                focusPolicy: Qt.StrongFocus
                onClicked: {
                    root.exampleChosen(modelData.example);
                    root.close();
                }

                Accessible.role: Accessible.Button
                Accessible.name: text
                Keys.onReturnPressed: line.clicked()

                contentItem: RowLayout {
                    spacing: Theme.gapM

                    Label {
                        Layout.preferredWidth: 150
                        Layout.leftMargin: Theme.gapS
                        text: line.modelData.example
                        mono: true
                        color: Theme.colors.accent
                        font.pixelSize: Theme.small
                        elide: Text.ElideRight
                    }
                    Label {
                        Layout.fillWidth: true
                        Layout.rightMargin: Theme.gapS
                        text: line.modelData.meaning
                        font.pixelSize: Theme.small
                        elide: Text.ElideRight
                    }
                }
                background: Rectangle {
                    radius: Theme.smallRadius
                    color: line.hovered || line.visualFocus ? Theme.colors.hover : "transparent"
                }
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
