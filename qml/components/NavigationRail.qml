// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate

/// The pages, at the left edge.
Rectangle {
    id: root

    required property var pages
    required property string currentPage

    signal pageChosen(string page)
    signal helpRequested

    implicitWidth: 76
    color: Theme.colors.surface

    Accessible.role: Accessible.PageTabList
    //: Name of the list of pages at the left edge
    Accessible.name: qsTr("Pages")

    ColumnLayout {
        anchors.fill: parent
        anchors.topMargin: Theme.gapS
        anchors.bottomMargin: Theme.gapS
        spacing: Theme.gapXs

        Icon {
            Layout.alignment: Qt.AlignHCenter
            Layout.bottomMargin: Theme.gapM
            name: "mark/tidegate"
            color: "transparent"
            size: 32
        }
        Repeater {
            model: root.pages

            delegate: T.Button {
                id: entry

                required property var modelData
                required property int index
                readonly property bool current: modelData.page === root.currentPage
                readonly property color ink: current ? Theme.colors.accent : hovered ? Theme.colors.text : Theme.colors.muted

                Layout.alignment: Qt.AlignHCenter
                implicitWidth: 64
                implicitHeight: 52
                text: modelData.title
                focusPolicy: Qt.StrongFocus
                hoverEnabled: true
                onClicked: root.pageChosen(modelData.page)

                Accessible.role: Accessible.PageTab
                Accessible.name: text
                Accessible.checked: current
                Accessible.onPressAction: entry.clicked()
                Keys.onReturnPressed: entry.clicked()
                Keys.onEnterPressed: entry.clicked()

                contentItem: Item {
                    Icon {
                        anchors.horizontalCenter: parent.horizontalCenter
                        y: Theme.gapS - 2
                        name: entry.modelData.icon
                        size: Theme.bigIcon
                        color: entry.ink
                    }
                    Label {
                        anchors.horizontalCenter: parent.horizontalCenter
                        y: Theme.gapXxl - 1
                        text: entry.text
                        color: entry.ink
                        strong: entry.current
                        font.pixelSize: Theme.caption
                    }
                }
                background: Rectangle {
                    radius: Theme.radius
                    color: entry.current ? Theme.colors.accentTint : entry.hovered ? Theme.colors.hover : "transparent"

                    FocusRing {
                        shown: entry.visualFocus
                        distance: 0
                    }
                }

                Tooltip {
                    visible: entry.hovered
                    x: entry.width + Theme.gapXs
                    y: Theme.gapM
                    //: Tooltip: name of a page and its shortcut
                    text: qsTr("%1  Ctrl+%2").arg(entry.text).arg(entry.index + 1)
                }
            }
        }
        Item {
            Layout.fillHeight: true
        }
        IconButton {
            Layout.alignment: Qt.AlignHCenter
            iconName: "keyboard"
            text: qsTr("Keyboard shortcuts")
            shortcutText: "F1"
            onClicked: root.helpRequested()
        }
    }
    Separator {
        anchors.right: parent.right
        width: Theme.hairline
        height: parent.height
    }
}
