// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A row of tabs; `titles` are their texts, `currentIndex` the open one.
T.TabBar {
    id: control

    property alias titles: repeater.model
    property string name: ""

    implicitWidth: contentItem.implicitWidth
    implicitHeight: Theme.controlHeight
    spacing: Theme.gapL

    Accessible.role: Accessible.PageTabList
    Accessible.name: name

    contentItem: ListView {
        implicitWidth: contentWidth
        model: control.contentModel
        currentIndex: control.currentIndex
        spacing: control.spacing
        orientation: ListView.Horizontal
        boundsBehavior: Flickable.StopAtBounds
        interactive: contentWidth > width
        keyNavigationEnabled: false
    }
    background: Item {
        Separator {
            anchors.bottom: parent.bottom
            width: parent.width
        }
    }

    Repeater {
        id: repeater

        delegate: T.TabButton {
            id: tab

            required property string modelData

            implicitWidth: implicitContentWidth
            implicitHeight: Theme.controlHeight
            width: implicitWidth
            text: modelData
            focusPolicy: Qt.StrongFocus
            hoverEnabled: true

            Accessible.role: Accessible.PageTab
            Accessible.name: text
            Accessible.checked: checked

            contentItem: Label {
                text: tab.text
                strong: tab.checked
                color: tab.checked || tab.hovered ? Theme.colors.text : Theme.colors.muted
                horizontalAlignment: Text.AlignHCenter
            }
            background: Item {
                Rectangle {
                    anchors.bottom: parent.bottom
                    width: parent.width
                    height: Theme.focusWidth
                    visible: tab.checked
                    color: Theme.colors.accent
                }
                FocusRing {
                    shown: tab.visualFocus
                }
            }
        }
    }
}
