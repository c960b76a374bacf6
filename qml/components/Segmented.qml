// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A choice of one out of a few, all of them visible.
Rectangle {
    id: root

    /// List of {value, text, icon}; the icon may be left out.
    required property var options
    required property var value
    required property string name

    signal chosen(var value)

    implicitWidth: row.implicitWidth + 4
    implicitHeight: Theme.controlHeight
    radius: Theme.radius
    color: Theme.colors.window
    border.width: Theme.hairline
    border.color: Theme.colors.border

    Accessible.role: Accessible.Grouping
    Accessible.name: name

    Row {
        id: row

        anchors.centerIn: parent

        Repeater {
            model: root.options

            delegate: T.Button {
                id: option

                required property var modelData
                readonly property bool current: modelData.value === root.value

                implicitWidth: implicitContentWidth + Theme.gapM * 2
                implicitHeight: Theme.controlHeight - 4
                leftPadding: Theme.gapM
                rightPadding: Theme.gapM
                text: modelData.text
                focusPolicy: Qt.StrongFocus
                hoverEnabled: true
                onClicked: root.chosen(modelData.value)

                Accessible.role: Accessible.RadioButton
                Accessible.name: root.name + ": " + text
                Accessible.checked: current
                Keys.onReturnPressed: option.clicked()
                Keys.onLeftPressed: nextItemInFocusChain(false).forceActiveFocus(Qt.BacktabFocusReason)
                Keys.onRightPressed: nextItemInFocusChain(true).forceActiveFocus(Qt.TabFocusReason)

                contentItem: Row {
                    spacing: Theme.unit + 2

                    Icon {
                        anchors.verticalCenter: parent.verticalCenter
                        visible: name !== ""
                        name: option.modelData.icon ?? ""
                        size: 14
                        color: option.current ? Theme.colors.accent : Theme.colors.muted
                    }
                    Label {
                        anchors.verticalCenter: parent.verticalCenter
                        text: option.text
                        strong: option.current
                        color: option.current ? Theme.colors.accent : Theme.colors.text
                        font.pixelSize: Theme.small
                    }
                }
                background: Rectangle {
                    radius: Theme.smallRadius
                    color: option.current ? Theme.colors.accentTint : option.hovered ? Theme.colors.hover : "transparent"

                    FocusRing {
                        shown: option.visualFocus
                        distance: -1
                    }
                }
            }
        }
    }
}
