// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// Everything about one backend, and what can be done to it.
Card {
    id: root

    readonly property BackendDetail detail: App.backend
    readonly property var breaker: detail.breaker
    readonly property var managed: detail.managed
    readonly property var tunnel: detail.tunnel
    readonly property var load: detail.load
    readonly property bool closed: breaker.state === "closed"
    readonly property var tones: ({good: Pill.Good, warn: Pill.Warn, bad: Pill.Bad, info: Pill.Info, neutral: Pill.Neutral})

    signal editRequested(string name)
    signal removeRequested(string name)
    signal drainRequested(string name, int active)
    signal tripRequested(string name)
    signal confirmRequested(string name, string command)

    component SectionTitle: Label {
        Layout.fillWidth: true
        strong: true
        muted: true
        font.pixelSize: Theme.caption
        Accessible.role: Accessible.Heading
        Accessible.name: text
    }
    component Section: ColumnLayout {
        Layout.fillWidth: true
        Layout.topMargin: Theme.gapS
        spacing: Theme.gapS
    }
    component Line: RowLayout {
        id: line

        required property string label
        required property string value
        property bool mono: false

        Layout.fillWidth: true
        spacing: Theme.gapM

        Label {
            Layout.preferredWidth: 112
            Layout.alignment: Qt.AlignTop
            text: line.label
            muted: true
            font.pixelSize: Theme.small
            elide: Text.ElideRight
        }
        Label {
            Layout.fillWidth: true
            text: line.value
            mono: line.mono
            font.pixelSize: Theme.small
            wrapMode: Text.WrapAnywhere
        }
    }
    component Places: RowLayout {
        id: places

        required property string label
        required property string text
        required property int taken
        required property int all

        Layout.fillWidth: true
        spacing: Theme.gapM

        Label {
            Layout.preferredWidth: 112
            text: places.label
            muted: true
            font.pixelSize: Theme.small
        }
        ProgressBar {
            Layout.fillWidth: true
            visible: places.all > 0
            name: places.label
            value: places.all > 0 ? Math.min(1, places.taken / places.all) : 0
        }
        Label {
            Layout.fillWidth: places.all === 0
            text: places.text
            mono: true
            font.pixelSize: Theme.small
        }
    }
    component Names: Flow {
        id: names

        required property var list

        Layout.fillWidth: true
        spacing: Theme.unit

        Repeater {
            model: names.list

            delegate: Tag {
                required property string modelData

                text: modelData
            }
        }
    }
    component Managed: Section {
        id: managed

        required property string title
        required property string iconName
        /// As BackendDetail.managed.
        required property var what
        property bool canStart: false
        property bool canStop: false

        RowLayout {
            Layout.fillWidth: true
            spacing: Theme.gapS

            Icon {
                name: managed.iconName
                color: Theme.colors.muted
            }
            Label {
                text: managed.title
                strong: true
            }
            Item {
                Layout.fillWidth: true
            }
            Pill {
                text: managed.what.text
                tone: root.tones[managed.what.tone]
            }
        }
        Label {
            Layout.fillWidth: true
            visible: text !== ""
            text: managed.what.detail
            muted: true
            font.pixelSize: Theme.small
            wrapMode: Text.Wrap
        }
        RowLayout {
            visible: managed.what.unconfirmed || managed.canStart || managed.canStop
            spacing: Theme.gapS

            Button {
                objectName: "confirmCommand"
                visible: managed.what.unconfirmed
                compact: true
                kind: Button.Primary
                iconName: "eye"
                text: qsTr("See the command")
                onClicked: root.confirmRequested(root.detail.name, root.managed.command)
            }
            Button {
                objectName: "startManaged"
                visible: managed.canStart
                compact: true
                iconName: "play"
                text: qsTr("Start now")
                onClicked: App.backends.startManaged(root.detail.name)
            }
            Button {
                visible: managed.canStop
                compact: true
                iconName: "square"
                text: qsTr("Stop now")
                onClicked: App.backends.stopManaged(root.detail.name)
            }
        }
    }

    ColumnLayout {
        id: head

        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.margins: Theme.gapL
        anchors.topMargin: Theme.gapM
        spacing: Theme.gapS

        RowLayout {
            Layout.fillWidth: true
            spacing: Theme.gapS

            Label {
                Layout.fillWidth: true
                text: root.detail.name
                strong: true
                font.pixelSize: Theme.title
                elide: Text.ElideRight
                Accessible.role: Accessible.Heading
                Accessible.name: text
            }
            ConditionPill {
                objectName: "conditionPill"
                condition: root.detail.condition
                text: root.detail.conditionText
            }
        }
        Label {
            Layout.fillWidth: true
            visible: text !== ""
            text: root.detail.reasonText
            muted: true
            wrapMode: Text.Wrap
        }
        Flow {
            Layout.fillWidth: true
            spacing: Theme.unit + 2

            Button {
                objectName: "testButton"
                compact: true
                iconName: "zap"
                text: qsTr("Test")
                enabled: !App.backends.testing
                onClicked: App.backends.testSaved(root.detail.name)
            }
            Button {
                objectName: "drainButton"
                compact: true
                iconName: root.detail.draining ? "play" : "circle-pause"
                text: root.detail.draining ? qsTr("Resume") : qsTr("Drain")
                onClicked: root.detail.draining ? App.backends.resume(root.detail.name) : root.drainRequested(root.detail.name, root.detail.active)
            }
            Button {
                objectName: "editButton"
                compact: true
                visible: !root.detail.readOnly
                iconName: "pencil"
                text: qsTr("Edit")
                onClicked: root.editRequested(root.detail.name)
            }
            IconButton {
                objectName: "removeButton"
                visible: !root.detail.readOnly
                iconName: "trash-2"
                text: qsTr("Remove %1").arg(root.detail.name)
                onClicked: root.removeRequested(root.detail.name)
            }
            Row {
                visible: root.detail.readOnly
                height: Theme.smallControlHeight
                spacing: Theme.unit

                Icon {
                    anchors.verticalCenter: parent.verticalCenter
                    name: "lock"
                    size: 14
                    color: Theme.colors.muted
                }
                Label {
                    anchors.verticalCenter: parent.verticalCenter
                    text: root.detail.originText
                    muted: true
                    font.pixelSize: Theme.small
                }
            }
        }
        ProgressBar {
            Layout.fillWidth: true
            visible: root.detail.testState === BackendsModel.TestState.Running
            indeterminate: true
            name: qsTr("Testing")
        }
        ResultLine {
            Layout.fillWidth: true
            objectName: "testLine"
            visible: text !== "" && root.detail.testState !== BackendsModel.TestState.Running
            ok: root.detail.testState === BackendsModel.TestState.Passed
            text: root.detail.testText
        }
    }
    Separator {
        anchors.top: head.bottom
        anchors.topMargin: Theme.gapM
        width: parent.width
    }
    Flickable {
        id: scroll

        anchors.fill: parent
        anchors.topMargin: head.y + head.height + Theme.gapM + Theme.hairline
        anchors.bottomMargin: Theme.hairline
        contentHeight: body.implicitHeight + Theme.gapL
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        T.ScrollBar.vertical: ScrollBar {}

        ColumnLayout {
            id: body

            x: Theme.gapL
            width: scroll.width - Theme.gapL * 2
            spacing: Theme.gapS

            Managed {
                visible: root.managed.shown === true
                title: qsTr("Started when needed")
                iconName: "power"
                what: root.managed
                canStart: what.canStart
                canStop: what.canStop
            }
            Managed {
                visible: root.tunnel.shown === true
                title: qsTr("SSH tunnel")
                iconName: "cable"
                what: root.tunnel.unconfirmed && root.managed.unconfirmed ? Object.assign({}, root.tunnel, {unconfirmed: false}) : root.tunnel
            }
            Section {
                RowLayout {
                    Layout.fillWidth: true
                    Layout.minimumHeight: Theme.smallControlHeight

                    SectionTitle {
                        text: qsTr("Circuit breaker")
                    }
                    Button {
                        objectName: "breakerButton"
                        compact: true
                        kind: Button.Ghost
                        iconName: root.closed ? "octagon-x" : "rotate-cw"
                        //: Button: opens a circuit breaker by hand
                        text: root.closed ? qsTr("Trip…") : qsTr("Reset")
                        Accessible.name: root.closed ? qsTr("Open the breaker by hand") : qsTr("Reset the breaker")
                        onClicked: root.closed ? root.tripRequested(root.detail.name) : App.backends.resetBreaker(root.detail.name)
                    }
                }
                BreakerDiagram {
                    objectName: "breakerDiagram"
                    Layout.fillWidth: true
                    breaker: root.breaker
                }
                Label {
                    Layout.fillWidth: true
                    text: root.breaker.text ?? ""
                    font.pixelSize: Theme.small
                    wrapMode: Text.Wrap
                }
            }
            Section {
                SectionTitle {
                    text: qsTr("Load")
                }
                Places {
                    label: qsTr("Under way")
                    text: root.load.text
                    taken: root.load.busy
                    all: root.load.places
                }
                Places {
                    visible: root.load.places > 0
                    label: qsTr("In the queue")
                    text: root.load.queueText
                    taken: root.load.waiting
                    all: root.load.queue
                }
            }
            Section {
                visible: root.detail.keys.length > 0

                SectionTitle {
                    text: qsTr("Provider keys")
                }
                // Not a layout: it would keep delegates that are gone.
                Column {
                    Layout.fillWidth: true
                    spacing: Theme.gapS

                    Repeater {
                        model: root.detail.keys

                        delegate: RowLayout {
                            id: key

                            required property var modelData
                            readonly property bool ready: modelData.state === "ready"
                            readonly property color ink: ready ? Theme.colors.good : modelData.state === "dead" ? Theme.colors.bad : Theme.colors.warn

                            width: parent ? parent.width : 0
                            spacing: Theme.gapS

                            Icon {
                                name: key.ready ? "key-round" : key.modelData.state === "dead" ? "ban" : "timer"
                                size: 14
                                color: key.ink
                            }
                            Label {
                                text: key.modelData.place
                                font.pixelSize: Theme.small
                            }
                            Label {
                                text: key.modelData.tail
                                mono: true
                                muted: true
                                font.pixelSize: Theme.small
                            }
                            Label {
                                Layout.fillWidth: true
                                text: key.modelData.text
                                color: key.ink
                                font.pixelSize: Theme.small
                                horizontalAlignment: Text.AlignRight
                                elide: Text.ElideRight
                            }
                        }
                    }
                }
            }
            Section {
                SectionTitle {
                    text: qsTr("Facts")
                }
                // Not a layout: it would keep delegates that are gone.
                Column {
                    Layout.fillWidth: true
                    spacing: Theme.gapS

                    Repeater {
                        model: root.detail.facts

                        delegate: Line {
                            required property var modelData

                            width: parent ? parent.width : 0
                            label: modelData.label
                            value: modelData.value
                            mono: modelData.mono
                        }
                    }
                }
            }
            Section {
                SectionTitle {
                    text: qsTr("Models it is used for")
                }
                Label {
                    Layout.fillWidth: true
                    visible: root.detail.models.length === 0
                    text: qsTr("Any that nothing else lists.")
                    font.pixelSize: Theme.small
                }
                Names {
                    visible: root.detail.models.length > 0
                    list: root.detail.models
                }
            }
            Section {
                visible: root.detail.discovered.length > 0

                SectionTitle {
                    text: qsTr("Models it says it serves")
                }
                Names {
                    list: root.detail.discovered
                }
            }
            Section {
                visible: root.detail.history.length > 0

                SectionTitle {
                    text: qsTr("History of the breaker")
                }
                // Not a layout: it would keep delegates that are gone.
                Column {
                    Layout.fillWidth: true
                    spacing: Theme.gapS

                    Repeater {
                        model: root.detail.history

                        delegate: RowLayout {
                            id: event

                            required property var modelData

                            width: parent ? parent.width : 0
                            spacing: Theme.gapS

                            Label {
                                text: event.modelData.time
                                mono: true
                                muted: true
                                font.pixelSize: Theme.small
                            }
                            Icon {
                                name: event.modelData.state === "open" ? "x" : event.modelData.state === "closed" ? "check" : "circle-dashed"
                                size: 14
                                color: event.modelData.state === "open" ? Theme.colors.bad : event.modelData.state === "closed" ? Theme.colors.good : Theme.colors.warn
                            }
                            Label {
                                text: event.modelData.text
                                font.pixelSize: Theme.small
                            }
                            Label {
                                Layout.fillWidth: true
                                text: event.modelData.reason
                                muted: true
                                font.pixelSize: Theme.small
                                elide: Text.ElideRight
                            }
                        }
                    }
                }
            }
        }
    }
}
