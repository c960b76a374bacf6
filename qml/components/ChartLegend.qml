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
        // By number, so that an entry keeps the focus when it changes.
        model: root.entries.length

        delegate: T.Button {
            id: entry

            required property int index
            readonly property var series: root.entries[index] ?? ({name: "", colorIndex: 0, hidden: false, value: ""})
            readonly property bool shown: !series.hidden

            objectName: "legendEntry"
            implicitWidth: implicitContentWidth + leftPadding + rightPadding
            implicitHeight: Theme.smallControlHeight
            leftPadding: Theme.gapS
            rightPadding: Theme.gapS
            text: series.name
            focusPolicy: Qt.StrongFocus
            hoverEnabled: true
            opacity: shown ? 1 : 0.55
            onClicked: root.toggled(series.name)

            Accessible.role: Accessible.CheckBox
            //: Read aloud: a series of a chart and its total
            Accessible.name: qsTr("%1, %2").arg(text).arg(series.value)
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
                    color: entry.shown ? Theme.series[entry.series.colorIndex] : "transparent"
                    border.width: Theme.hairline
                    border.color: Theme.series[entry.series.colorIndex]
                }
                Label {
                    anchors.verticalCenter: parent.verticalCenter
                    text: entry.text
                    font.pixelSize: Theme.small
                    font.strikeout: !entry.shown
                }
                Label {
                    anchors.verticalCenter: parent.verticalCenter
                    text: entry.series.value
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
