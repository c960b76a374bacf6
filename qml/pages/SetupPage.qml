// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The first 60 seconds: a backend, a key, a request. Can be skipped and opened again.
FocusScope {
    id: root

    property int step: 0
    readonly property var titles: [qsTr("Add a backend"), qsTr("Your gateway"), qsTr("Try it")]
    readonly property var sentences: [qsTr("A server on this machine, or a provider with its key."), qsTr("One address and one key for all your programs."), qsTr("Paste a snippet, or send a request from here.")]

    function go(to: int) {
        step = to;
        if (step === 1)
            App.setup.makeClientKey();
    }
    function leave() {
        App.setup.finish();
        App.finishSetup();
        App.currentPage = "live";
    }

    focus: true
    Component.onCompleted: {
        App.setup.scan();
        nextButton.forceActiveFocus();
    }
    Keys.onEscapePressed: leave()

    Card {
        anchors.centerIn: parent
        width: Math.min(parent.width - Theme.gapXxl * 2, 720)
        height: Math.min(parent.height - Theme.gapXxl * 2, 600)

        ColumnLayout {
            anchors.fill: parent
            anchors.margins: Theme.gapXl
            spacing: Theme.gapL

            RowLayout {
                spacing: Theme.gapM

                Icon {
                    name: "mark/tidegate"
                    color: "transparent"
                    size: 32
                }
                Label {
                    Layout.fillWidth: true
                    text: qsTr("Welcome to Tidegate")
                    strong: true
                    font.pixelSize: Theme.title
                }
                StepIndicator {
                    steps: root.titles
                    current: root.step
                }
            }
            Separator {
                Layout.fillWidth: true
            }
            ColumnLayout {
                spacing: 2

                Label {
                    text: root.titles[root.step]
                    strong: true
                    font.pixelSize: Theme.lead
                    Accessible.role: Accessible.Heading
                    Accessible.name: text
                }
                Label {
                    text: root.sentences[root.step]
                    muted: true
                }
            }
            Flickable {
                Layout.fillWidth: true
                Layout.fillHeight: true
                contentHeight: [backendStep, gatewayStep, tryStep][root.step].implicitHeight
                boundsBehavior: Flickable.StopAtBounds
                clip: true
                T.ScrollBar.vertical: ScrollBar {}

                SetupBackendPanel {
                    id: backendStep

                    width: parent.width
                    visible: root.step === 0
                    onFormRequested: type => dialog.add(type)
                }
                SetupGatewayPanel {
                    id: gatewayStep

                    width: parent.width
                    visible: root.step === 1
                }
                SetupTryPanel {
                    id: tryStep

                    width: parent.width
                    visible: root.step === 2
                }
            }
            ResultLine {
                Layout.fillWidth: true
                ok: false
                text: App.setup.errorText
            }
            RowLayout {
                spacing: Theme.gapS

                Button {
                    kind: Button.Ghost
                    visible: root.step < 2
                    text: qsTr("Skip")
                    onClicked: root.leave()
                }
                Item {
                    Layout.fillWidth: true
                }
                Button {
                    visible: root.step > 0
                    text: qsTr("Back")
                    onClicked: root.go(root.step - 1)
                }
                Button {
                    id: nextButton

                    objectName: "nextButton"
                    kind: Button.Primary
                    text: root.step < 2 ? qsTr("Next") : qsTr("Open the panel")
                    enabled: root.step > 0 || App.backends.count > 0
                    onClicked: root.step < 2 ? root.go(root.step + 1) : root.leave()
                }
            }
        }
    }
    BackendDialog {
        id: dialog
    }
}
