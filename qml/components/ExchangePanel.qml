// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// Everything about one exchange: overview, error, waterfall, facts.
Rectangle {
    id: root

    readonly property ExchangeDetail detail: App.detail
    readonly property int tone: {
        switch (detail.phase) {
        case LiveModel.Phase.Failed:
            return Pill.Bad;
        case LiveModel.Phase.Cancelled:
            return Pill.Warn;
        case LiveModel.Phase.Done:
            return Pill.Good;
        default:
            return Pill.Info;
        }
    }

    signal closeRequested

    color: Theme.colors.surface

    component SectionTitle: Label {
        Layout.fillWidth: true
        Layout.topMargin: Theme.gapS
        strong: true
        muted: true
        font.pixelSize: Theme.caption
        Accessible.role: Accessible.Heading
        Accessible.name: text
    }

    RowLayout {
        id: head

        anchors.left: parent.left
        anchors.right: parent.right
        anchors.leftMargin: Theme.gapL
        anchors.rightMargin: Theme.gapS
        height: 48
        spacing: Theme.gapS

        Label {
            Layout.fillWidth: true
            text: root.detail.title
            strong: true
            elide: Text.ElideMiddle
        }
        Pill {
            text: root.detail.status > 0 ? root.detail.status + " " + root.detail.phaseText : root.detail.phaseText
            iconName: ["circle-dashed", "waves", "check", "x", "ban"][root.detail.phase]
            tone: root.tone
        }
        IconButton {
            iconName: "x"
            text: qsTr("Close the details")
            shortcutText: qsTr("Esc")
            onClicked: root.closeRequested()
        }
    }
    Separator {
        y: head.height - 1
        width: parent.width
    }
    Flickable {
        anchors.fill: parent
        anchors.topMargin: head.height
        contentHeight: body.implicitHeight + Theme.gapL * 2
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        T.ScrollBar.vertical: ScrollBar {}

        GridLayout {
            id: body

            x: Theme.gapL
            y: Theme.gapM
            width: parent.width - Theme.gapL * 2
            columns: width > 640 ? 2 : 1
            columnSpacing: Theme.gapXxl
            rowSpacing: Theme.gapS

            ColumnLayout {
                Layout.fillWidth: true
                Layout.preferredWidth: 1
                Layout.alignment: Qt.AlignTop
                spacing: Theme.gapS

                Flow {
                    Layout.fillWidth: true
                    spacing: Theme.gapS

                    Button {
                        compact: true
                        iconName: "copy"
                        //: Button: copies the request as a curl command
                        text: qsTr("cURL")
                        Accessible.name: qsTr("Copy as cURL")
                        onClicked: root.detail.copyAsCurl()
                    }
                    Button {
                        compact: true
                        iconName: "copy"
                        //: Button: copies all that is known as JSON
                        text: qsTr("JSON")
                        Accessible.name: qsTr("Copy as JSON")
                        onClicked: root.detail.copyAsJson()
                    }
                    Button {
                        compact: true
                        visible: root.detail.keyName !== ""
                        iconName: "list-filter"
                        text: qsTr("Only this key")
                        onClicked: App.live.addFilterTerm("key", root.detail.keyName)
                    }
                    Button {
                        objectName: "openBackend"
                        compact: true
                        visible: root.detail.backend !== ""
                        iconName: "server"
                        text: qsTr("Open backend")
                        onClicked: {
                            App.backend.show(root.detail.backend);
                            App.currentPage = "backends";
                        }
                    }
                }
                Rectangle {
                    Layout.fillWidth: true
                    visible: root.detail.errorText !== "" || root.detail.errorCode !== ""
                    implicitHeight: problem.implicitHeight + Theme.gapM * 2
                    radius: Theme.radius
                    color: Theme.colors.badTint

                    ColumnLayout {
                        id: problem

                        anchors.left: parent.left
                        anchors.right: parent.right
                        anchors.verticalCenter: parent.verticalCenter
                        anchors.margins: Theme.gapM
                        spacing: Theme.gapXs

                        Label {
                            Layout.fillWidth: true
                            visible: text !== ""
                            text: root.detail.errorText
                            wrapMode: Text.Wrap
                        }
                        Label {
                            Layout.fillWidth: true
                            visible: text !== ""
                            text: root.detail.errorCode
                            mono: true
                            color: Theme.colors.bad
                            font.pixelSize: Theme.small
                            elide: Text.ElideRight
                        }
                    }
                }
                // Not a layout: it does not notice that the text by a baseline got longer.
                Item {
                    Layout.fillWidth: true
                    Layout.topMargin: Theme.gapXs
                    implicitHeight: total.implicitHeight

                    SectionTitle {
                        anchors.left: parent.left
                        anchors.baseline: total.baseline
                        text: qsTr("Timing")
                    }
                    Label {
                        id: total

                        anchors.right: parent.right
                        text: root.detail.totalText
                        mono: true
                        strong: true
                        font.pixelSize: Theme.lead
                    }
                }
                Waterfall {
                    Layout.fillWidth: true
                    segments: root.detail.segments
                    totalUs: root.detail.totalUs
                    summary: root.detail.accessibleText
                }
                SectionTitle {
                    visible: root.detail.route.length > 0
                    text: qsTr("Route")
                }
                Waterfall {
                    Layout.fillWidth: true
                    objectName: "attemptBars"
                    visible: root.detail.attemptBars.length > 0
                    segments: root.detail.attemptBars
                    totalUs: root.detail.totalUs
                    summary: root.detail.routeSummary
                }
                RouteTrace {
                    Layout.fillWidth: true
                    Layout.topMargin: Theme.gapXs
                    objectName: "routeTrace"
                    visible: root.detail.route.length > 0
                    steps: root.detail.route
                    summary: root.detail.routeSummary
                }
            }
            ColumnLayout {
                Layout.fillWidth: true
                Layout.preferredWidth: 1
                Layout.alignment: Qt.AlignTop
                spacing: Theme.gapS

                SectionTitle {
                    text: qsTr("Overview")
                }
                Repeater {
                    model: root.detail.facts

                    delegate: RowLayout {
                        id: fact

                        required property var modelData

                        spacing: Theme.gapM

                        Label {
                            Layout.preferredWidth: 112
                            Layout.alignment: Qt.AlignTop
                            text: fact.modelData.label
                            muted: true
                            font.pixelSize: Theme.small
                            elide: Text.ElideRight
                        }
                        Label {
                            Layout.fillWidth: true
                            text: fact.modelData.value
                            mono: fact.modelData.mono
                            font.pixelSize: Theme.small
                            wrapMode: Text.WrapAnywhere
                        }
                    }
                }
            }
        }
    }
}
