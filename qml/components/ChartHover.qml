// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import Tidegate

/// The values at one place of a chart.
Rectangle {
    id: root

    /// A map with title, lines (maps with name, colorIndex and value) and total.
    required property var details

    width: Math.max(160, column.implicitWidth + Theme.gapM * 2)
    height: column.implicitHeight + Theme.gapS * 2
    radius: Theme.radius
    color: Theme.colors.raised
    border.width: Theme.hairline
    border.color: Theme.colors.border

    Accessible.role: Accessible.AlertMessage
    Accessible.name: (details.title ?? "") + ": " + (details.total ?? "")

    Column {
        id: column

        x: Theme.gapM
        y: Theme.gapS
        spacing: Theme.unit

        Item {
            width: Math.max(root.width - Theme.gapM * 2, implicitWidth)
            height: title.implicitHeight
            implicitWidth: title.implicitWidth + total.implicitWidth + Theme.gapL

            Label {
                id: title

                text: root.details.title ?? ""
                strong: true
                font.pixelSize: Theme.small
            }
            Label {
                id: total

                anchors.right: parent.right
                text: root.details.total ?? ""
                mono: true
                strong: true
                font.pixelSize: Theme.small
            }
        }
        Repeater {
            model: root.details.lines ?? []

            delegate: Item {
                id: line

                required property var modelData

                width: root.width - Theme.gapM * 2
                height: name.implicitHeight
                implicitWidth: name.implicitWidth + value.implicitWidth + Theme.gapXxl

                Rectangle {
                    width: 8
                    height: 8
                    radius: 2
                    anchors.verticalCenter: parent.verticalCenter
                    color: Theme.series[line.modelData.colorIndex]
                }
                Label {
                    id: name

                    x: Theme.gapL
                    text: line.modelData.name
                    font.pixelSize: Theme.small
                }
                Label {
                    id: value

                    anchors.right: parent.right
                    text: line.modelData.value
                    mono: true
                    font.pixelSize: Theme.small
                }
            }
        }
    }
}
