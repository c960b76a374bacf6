// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate

/// What was done with each backend that was considered for one request, in order, and why.
ColumnLayout {
    id: root

    /// As ExchangeDetail.route.
    required property var steps
    required property string summary

    readonly property var inks: ({good: Theme.colors.good, bad: Theme.colors.bad, warn: Theme.colors.warn, info: Theme.colors.info, neutral: Theme.colors.muted})

    spacing: 0

    Accessible.role: Accessible.List
    Accessible.name: qsTr("Route")

    Repeater {
        model: root.steps

        delegate: Item {
            id: step

            required property int index
            required property var modelData
            readonly property color ink: root.inks[modelData.tone]

            Layout.fillWidth: true
            implicitHeight: lines.implicitHeight + Theme.gapS

            Accessible.role: Accessible.ListItem
            Accessible.name: modelData.spoken

            Rectangle {
                // The way on to the next one.
                visible: step.index < root.steps.length - 1
                x: 8
                y: 22
                width: Theme.hairline
                height: parent.height - 22
                color: Theme.colors.border
            }
            Rectangle {
                y: 2
                width: 18
                height: 18
                radius: 9
                color: "transparent"
                border.width: Theme.hairline
                border.color: step.ink

                Icon {
                    anchors.centerIn: parent
                    name: step.modelData.icon
                    size: 12
                    color: step.ink
                }
            }
            ColumnLayout {
                id: lines

                x: 18 + Theme.gapS
                width: parent.width - x
                spacing: 0

                RowLayout {
                    Layout.fillWidth: true
                    spacing: Theme.gapS

                    Label {
                        text: step.modelData.backend
                        strong: step.modelData.tone === "good"
                    }
                    Label {
                        Layout.fillWidth: true
                        text: step.modelData.model
                        mono: true
                        muted: true
                        font.pixelSize: Theme.small
                        elide: Text.ElideMiddle
                    }
                    Label {
                        text: step.modelData.duration !== "" ? step.modelData.duration : step.modelData.what
                        mono: step.modelData.duration !== ""
                        font.pixelSize: Theme.small
                    }
                }
                RowLayout {
                    Layout.fillWidth: true
                    spacing: Theme.gapS

                    Label {
                        Layout.fillWidth: true
                        text: step.modelData.status !== "" ? step.modelData.status + "  " + step.modelData.why : step.modelData.why
                        color: step.modelData.tone === "good" ? Theme.colors.muted : step.ink
                        font.pixelSize: Theme.small
                        wrapMode: Text.Wrap
                    }
                    Label {
                        Layout.alignment: Qt.AlignTop
                        text: step.modelData.at
                        mono: true
                        muted: true
                        font.pixelSize: Theme.caption
                    }
                }
            }
        }
    }
    Label {
        Layout.fillWidth: true
        text: root.summary
        muted: true
        font.pixelSize: Theme.small
        wrapMode: Text.Wrap
    }
}
