// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// One backend as a card: what it is, how it is doing, and how that went in the last minutes.
Card {
    id: root

    required property string name
    required property string typeLabel
    required property string url
    required property bool readOnly
    required property int rank
    required property string priorityText
    required property int condition
    required property string conditionText
    required property string reasonText
    required property string loadText
    required property var latencies
    required property var errors
    required property string latencyText
    required property string errorText
    required property string rateText
    required property string accessibleText
    /// Unknown models go here.
    required property bool fallback
    property bool current: false
    property bool focused: false
    property alias handle: handle
    /// "openai, 2 of 5"
    required property string placeText

    readonly property bool failing: condition === BackendsModel.Condition.Open || condition === BackendsModel.Condition.Unhealthy || condition === BackendsModel.Condition.Broken

    signal chosen
    signal moveRequested(int by)
    signal dragMoved(real dy)
    signal dragEnded(real dy)
    signal dragCancelled

    color: current ? Theme.colors.selection : hover.hovered ? Theme.colors.raised : Theme.colors.surface
    border.color: current ? Theme.colors.accent : Theme.colors.border

    Accessible.role: Accessible.ListItem
    Accessible.name: accessibleText
    Accessible.selected: current
    Accessible.onPressAction: root.chosen()

    component Figure: RowLayout {
        id: figure

        required property string label
        required property string value
        required property var values
        property color ink: Theme.colors.accent
        property bool bars: false

        spacing: Theme.gapS

        ColumnLayout {
            Layout.fillWidth: false
            Layout.preferredWidth: 68
            spacing: 0

            Label {
                Layout.fillWidth: true
                text: figure.label
                muted: true
                font.pixelSize: Theme.caption
                elide: Text.ElideRight
            }
            Label {
                Layout.fillWidth: true
                text: figure.value
                mono: true
                font.pixelSize: Theme.small
                elide: Text.ElideRight
            }
        }
        Sparkline {
            Layout.fillWidth: true
            Layout.preferredHeight: 28
            values: figure.values
            bars: figure.bars
            ceiling: figure.bars ? 1 : 0
            color: figure.ink
            baseColor: Theme.colors.border
        }
    }

    HoverHandler {
        id: hover
    }
    TapHandler {
        onTapped: root.chosen()
    }
    FocusRing {
        shown: root.focused
        distance: 1
        radius: Theme.cardRadius + 3
    }
    RowLayout {
        anchors.fill: parent
        anchors.leftMargin: Theme.gapS
        anchors.rightMargin: Theme.gapL
        spacing: Theme.gapS

        ColumnLayout {
            Layout.alignment: Qt.AlignTop
            Layout.topMargin: Theme.gapM
            spacing: Theme.gapXs

            ReorderHandle {
                id: handle

                objectName: "backendHandle"
                name: root.placeText
                enabled: !root.readOnly
                onMoveRequested: by => root.moveRequested(by)
                onDragMoved: dy => root.dragMoved(dy)
                onDragEnded: dy => root.dragEnded(dy)
                onDragCancelled: root.dragCancelled()
            }
            Label {
                Layout.alignment: Qt.AlignHCenter
                text: root.rank
                mono: true
                muted: true
                font.pixelSize: Theme.small

                HoverHandler {
                    id: rankHover
                }
                Tooltip {
                    visible: rankHover.hovered
                    text: root.priorityText
                }
            }
        }
        ColumnLayout {
            Layout.alignment: Qt.AlignTop
            Layout.topMargin: Theme.gapM
            spacing: Theme.gapXs

            RowLayout {
                Layout.fillWidth: true
                Layout.minimumHeight: Theme.unit * 6
                spacing: Theme.gapS

                Label {
                    Layout.fillWidth: true
                    Layout.maximumWidth: implicitWidth + 1
                    text: root.name
                    strong: true
                    font.pixelSize: Theme.lead
                    elide: Text.ElideRight
                }
                Tag {
                    text: root.typeLabel
                    mono: false
                }
                Tag {
                    visible: root.fallback
                    //: Tag: unknown models go to this backend
                    text: qsTr("Default")
                    mono: false
                }
                Icon {
                    visible: root.readOnly
                    name: "lock"
                    size: 14
                    color: Theme.colors.muted
                }
                Item {
                    Layout.fillWidth: true
                    Layout.preferredWidth: 0
                }
                ConditionPill {
                    condition: root.condition
                    text: root.conditionText
                }
            }
            RowLayout {
                Layout.fillWidth: true
                spacing: Theme.gapM

                Label {
                    Layout.fillWidth: true
                    text: root.reasonText !== "" ? root.reasonText : root.url !== "" ? root.url : qsTr("Built in, no network")
                    mono: root.reasonText === "" && root.url !== ""
                    muted: true
                    font.pixelSize: Theme.small
                    elide: Text.ElideRight
                }
                Label {
                    text: root.loadText
                    font.pixelSize: Theme.small
                }
            }
            RowLayout {
                Layout.fillWidth: true
                Layout.topMargin: Theme.gapXs
                spacing: Theme.gapL

                Figure {
                    Layout.fillWidth: true
                    Layout.preferredWidth: 1
                    //: Short for: time to the first byte
                    label: qsTr("First byte")
                    value: root.latencyText
                    values: root.latencies
                    ink: Theme.colors.accent
                }
                Figure {
                    Layout.fillWidth: true
                    Layout.preferredWidth: 1
                    label: qsTr("Errors")
                    value: root.errorText
                    values: root.errors
                    ink: Theme.colors.bad
                    bars: true
                }
                ColumnLayout {
                    Layout.fillWidth: false
                    Layout.preferredWidth: 64
                    spacing: 0

                    Label {
                        text: qsTr("Requests")
                        muted: true
                        font.pixelSize: Theme.caption
                    }
                    Label {
                        text: root.rateText
                        mono: true
                        font.pixelSize: Theme.small
                    }
                }
            }
        }
    }
}
