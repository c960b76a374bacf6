// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// What would happen now to a request: pick a model and a key, see the lanes in order and why.
Card {
    id: root

    readonly property DryRun run: App.dryRun
    //: The request shows no client key
    readonly property var noKey: [qsTr("no key")]

    ColumnLayout {
        id: head

        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.margins: Theme.gapL
        anchors.topMargin: Theme.gapM
        spacing: Theme.gapM

        ColumnLayout {
            Layout.fillWidth: true
            spacing: 2

            Label {
                text: qsTr("Dry run")
                strong: true
                font.pixelSize: Theme.lead
                Accessible.role: Accessible.Heading
                Accessible.name: text
            }
            Label {
                Layout.fillWidth: true
                text: qsTr("What would happen to a request right now. Nothing is sent.")
                muted: true
                font.pixelSize: Theme.small
                wrapMode: Text.Wrap
            }
        }
        RowLayout {
            Layout.fillWidth: true
            spacing: Theme.gapM

            Field {
                Layout.fillWidth: true
                Layout.preferredWidth: 3
                label: qsTr("Model")

                TextField {
                    id: modelField

                    Layout.fillWidth: true
                    objectName: "dryRunModel"
                    mono: true
                    name: qsTr("Model to ask for")
                    placeholderText: qsTr("any name")
                    text: root.run.model
                    onTextEdited: root.run.model = text
                    Keys.onDownPressed: picker.openAt(modelField)

                    IconButton {
                        anchors.right: parent.right
                        anchors.rightMargin: 2
                        anchors.verticalCenter: parent.verticalCenter
                        iconName: "chevron-down"
                        text: qsTr("Choose a known model")
                        onClicked: picker.openAt(modelField)
                    }
                }
            }
            Field {
                Layout.fillWidth: true
                Layout.preferredWidth: 2
                label: qsTr("Client key")

                ComboBox {
                    Layout.fillWidth: true
                    objectName: "dryRunKey"
                    name: qsTr("Client key of the request")
                    model: root.noKey.concat(Array.from(App.keys.activeNames))
                    currentIndex: Math.max(0, model.indexOf(root.run.key))
                    onActivated: index => root.run.key = index > 0 ? model[index] : ""
                }
            }
        }
        Checkbox {
            text: qsTr("The request has tools")
            checked: root.run.tools
            onToggled: root.run.tools = checked
        }
    }
    Menu {
        id: picker

        function openAt(field: Item) {
            popup(field, 0, field.height + Theme.gapXs);
        }

        Repeater {
            model: Array.from(App.models.askable).slice(0, 12)

            delegate: MenuItem {
                required property string modelData

                iconName: "braces"
                text: modelData
                onTriggered: root.run.model = modelData
            }
        }
    }
    Separator {
        anchors.top: head.bottom
        anchors.topMargin: Theme.gapM
        width: parent.width
    }
    Label {
        anchors.centerIn: parent
        width: parent.width - Theme.gapXl * 2
        visible: !root.run.answered
        text: qsTr("Choose “Dry run” at a model, or type any name that a client might ask for.")
        muted: true
        wrapMode: Text.Wrap
        horizontalAlignment: Text.AlignHCenter
    }
    Flickable {
        id: scroll

        anchors.fill: parent
        anchors.topMargin: head.y + head.height + Theme.gapM + Theme.hairline
        anchors.bottomMargin: Theme.hairline
        visible: root.run.answered
        contentHeight: body.implicitHeight + Theme.gapM * 2
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        T.ScrollBar.vertical: ScrollBar {}

        ColumnLayout {
            id: body

            x: Theme.gapL
            y: Theme.gapM
            width: scroll.width - Theme.gapL * 2
            spacing: Theme.gapS

            ResultLine {
                Layout.fillWidth: true
                objectName: "dryRunHeadline"
                ok: root.run.ok
                text: root.run.headline
            }
            Repeater {
                model: root.run.lanes

                delegate: Rectangle {
                    id: lane

                    required property var modelData
                    readonly property color ink: modelData.first ? Theme.colors.good : modelData.available ? Theme.colors.muted : Theme.colors.warn

                    Layout.fillWidth: true
                    implicitHeight: laneColumn.implicitHeight + Theme.gapS * 2
                    radius: Theme.radius
                    color: modelData.first ? Theme.colors.goodTint : "transparent"
                    border.width: Theme.hairline
                    border.color: modelData.first ? "transparent" : Theme.colors.border

                    Accessible.role: Accessible.ListItem
                    Accessible.name: modelData.spoken

                    ColumnLayout {
                        id: laneColumn

                        anchors.left: parent.left
                        anchors.right: parent.right
                        anchors.verticalCenter: parent.verticalCenter
                        anchors.leftMargin: Theme.gapM
                        anchors.rightMargin: Theme.gapM
                        spacing: 2

                        RowLayout {
                            spacing: Theme.gapS

                            Label {
                                Layout.preferredWidth: Theme.gapL
                                text: lane.modelData.place > 0 ? lane.modelData.place : "–"
                                mono: true
                                muted: true
                                font.pixelSize: Theme.small
                            }
                            Label {
                                text: lane.modelData.backend
                                strong: lane.modelData.first
                            }
                            Label {
                                Layout.fillWidth: true
                                text: lane.modelData.model
                                mono: true
                                muted: true
                                font.pixelSize: Theme.small
                                elide: Text.ElideMiddle
                            }
                            Tag {
                                visible: lane.modelData.fallback
                                //: Tag: this lane belongs to a fallback model
                                text: qsTr("Fallback")
                                mono: false
                            }
                            Label {
                                text: lane.modelData.shareText
                                visible: text !== ""
                                mono: true
                                strong: true
                                font.pixelSize: Theme.small
                            }
                        }
                        RowLayout {
                            spacing: Theme.gapS

                            Icon {
                                Layout.preferredWidth: Theme.gapL
                                name: lane.modelData.first ? "circle-check" : lane.modelData.available ? "arrow-down" : "ban"
                                size: 14
                                color: lane.ink
                            }
                            Label {
                                Layout.fillWidth: true
                                text: lane.modelData.why
                                color: lane.modelData.available && !lane.modelData.first ? Theme.colors.muted : lane.ink
                                font.pixelSize: Theme.small
                                wrapMode: Text.Wrap
                            }
                            Label {
                                visible: text !== ""
                                text: lane.modelData.load
                                muted: true
                                font.pixelSize: Theme.caption
                            }
                        }
                    }
                }
            }
            Repeater {
                model: root.run.facts

                delegate: RowLayout {
                    id: fact

                    required property var modelData

                    Layout.topMargin: Theme.gapXs
                    spacing: Theme.gapM

                    Label {
                        Layout.preferredWidth: 80
                        Layout.alignment: Qt.AlignTop
                        text: fact.modelData.label
                        muted: true
                        font.pixelSize: Theme.small
                    }
                    Label {
                        Layout.fillWidth: true
                        text: fact.modelData.value
                        font.pixelSize: Theme.small
                        wrapMode: Text.Wrap
                    }
                }
            }
        }
    }
}
