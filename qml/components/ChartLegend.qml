// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate

/// The series of a chart; a click hides or shows one.
Flow {
    id: root

    /// Maps with name, colorIndex, hidden and value.
    required property var entries

    signal toggled(string name)

    spacing: Theme.gapXs

    Repeater {
        model: root.entries

        delegate: T.Button {
            id: entry

            required property var modelData
            readonly property bool shown: !modelData.hidden

            objectName: "legendEntry"
            implicitWidth: implicitContentWidth + leftPadding + rightPadding
            implicitHeight: Theme.smallControlHeight
            leftPadding: Theme.gapS
            rightPadding: Theme.gapS
            text: modelData.name
            focusPolicy: Qt.StrongFocus
            hoverEnabled: true
            opacity: shown ? 1 : 0.55
            onClicked: root.toggled(modelData.name)

            Accessible.role: Accessible.CheckBox
            //: Read aloud: a series of a chart and its total
            Accessible.name: qsTr("%1, %2").arg(text).arg(modelData.value)
            Accessible.checkable: true
            Accessible.checked: shown
            Accessible.onToggleAction: entry.clicked()
            Keys.onReturnPressed: entry.clicked()
            Keys.onEnterPressed: entry.clicked()

            contentItem: Row {
                spacing: Theme.unit + 2

                Rectangle {
                    anchors.verticalCenter: parent.verticalCenter
                    width: 10
                    height: 10
                    radius: 2
                    color: entry.shown ? Theme.series[entry.modelData.colorIndex] : "transparent"
                    border.width: Theme.hairline
                    border.color: Theme.series[entry.modelData.colorIndex]
                }
                Label {
                    anchors.verticalCenter: parent.verticalCenter
                    text: entry.text
                    font.pixelSize: Theme.small
                    font.strikeout: !entry.shown
                }
                Label {
                    anchors.verticalCenter: parent.verticalCenter
                    text: entry.modelData.value
                    mono: true
                    muted: true
                    font.pixelSize: Theme.caption
                }
            }
            background: Rectangle {
                radius: Theme.smallRadius
                color: entry.hovered ? Theme.colors.hover : "transparent"

                FocusRing {
                    shown: entry.visualFocus
                    distance: 0
                }
            }
        }
    }
}
