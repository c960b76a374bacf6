// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import Tidegate

/// Where the time of one exchange went, as bars under each other.
Column {
    id: root

    required property var segments
    required property real totalUs
    required property string summary

    readonly property int labelWidth: 112
    readonly property int valueWidth: 72

    spacing: 2

    Accessible.role: Accessible.Graphic
    Accessible.name: summary

    Repeater {
        model: root.segments

        delegate: Item {
            id: line

            required property var modelData
            readonly property real scaleUs: Math.max(1, root.totalUs)

            width: root.width
            height: Theme.unit * 6

            Label {
                width: root.labelWidth
                height: parent.height
                text: line.modelData.label
                muted: true
                font.pixelSize: Theme.small
                elide: Text.ElideRight
            }
            Item {
                id: track

                x: root.labelWidth
                width: root.width - root.labelWidth - root.valueWidth
                height: parent.height

                Rectangle {
                    anchors.verticalCenter: parent.verticalCenter
                    width: parent.width
                    height: Theme.hairline
                    color: Theme.colors.border
                }
                Rectangle {
                    anchors.verticalCenter: parent.verticalCenter
                    x: Math.min(track.width - 2, track.width * line.modelData.startUs / line.scaleUs)
                    width: Math.max(2, Math.min(track.width - x, track.width * line.modelData.durationUs / line.scaleUs))
                    height: 10
                    radius: 2
                    color: {
                        switch (line.modelData.kind) {
                        case "failed":
                            return Theme.colors.bad;
                        case "answered":
                        case "stream":
                            return Theme.colors.accent;
                        case "connect":
                        case "tls":
                        case "wait":
                            return Theme.colors.info;
                        default:
                            return Theme.colors.muted;
                        }
                    }
                }
            }
            Label {
                x: root.width - width
                width: root.valueWidth
                height: parent.height
                text: line.modelData.text
                mono: true
                font.pixelSize: Theme.small
                horizontalAlignment: Text.AlignRight
            }
        }
    }
}
