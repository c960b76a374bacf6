// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// First step: what was found on this machine, or a provider key.
ColumnLayout {
    id: root

    property string keyTestText: ""
    property bool keyTestPassed: false

    readonly property var provider: App.setup.recognise(keyField.text.trim())
    readonly property bool recognised: provider.type !== undefined

    /// Opens the full form; empty for no type in particular.
    signal formRequested(string type)

    function draft(): var {
        const info = App.backends.typeInfoFor(provider.type);
        return {
            name: App.backends.suggestedName(provider.type),
            type: provider.type,
            url: info.defaultUrl,
            models: []
        };
    }

    spacing: Theme.gapL

    RowLayout {
        spacing: Theme.gapS

        Label {
            Layout.fillWidth: true
            text: App.setup.scanning ? qsTr("Looking for servers on this machine …") : App.setup.scanText
            elide: Text.ElideRight
        }
        ProgressBar {
            visible: App.setup.scanning
            indeterminate: true
            name: qsTr("Looking for servers")
        }
        Button {
            visible: !App.setup.scanning
            compact: true
            iconName: "rotate-cw"
            text: qsTr("Look again")
            onClicked: App.setup.scan()
        }
    }
    Repeater {
        model: App.setup.found

        delegate: Card {
            id: server

            required property var modelData
            required property int index

            Layout.fillWidth: true
            implicitHeight: 56
            color: Theme.colors.raised

            RowLayout {
                anchors.fill: parent
                anchors.leftMargin: Theme.gapL
                anchors.rightMargin: Theme.gapM
                spacing: Theme.gapM

                Icon {
                    name: "server"
                    size: Theme.bigIcon
                    color: Theme.colors.accent
                }
                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 2

                    RowLayout {
                        spacing: Theme.gapS

                        Label {
                            text: server.modelData.label
                            strong: true
                        }
                        Label {
                            text: server.modelData.url
                            mono: true
                            muted: true
                            font.pixelSize: Theme.small
                        }
                    }
                    Label {
                        Layout.fillWidth: true
                        text: server.modelData.modelsText
                        muted: true
                        font.pixelSize: Theme.small
                        elide: Text.ElideRight
                    }
                }
                Pill {
                    visible: server.modelData.added
                    iconName: "check"
                    tone: Pill.Good
                    text: qsTr("Added")
                }
                Button {
                    visible: !server.modelData.added
                    text: qsTr("Add")
                    Accessible.name: qsTr("Add %1").arg(server.modelData.label)
                    onClicked: App.setup.addFound(server.index)
                }
            }
        }
    }
    Field {
        Layout.fillWidth: true
        label: qsTr("Or paste a provider's API key")
        //: %1 is the name of a provider
        hint: root.recognised ? qsTr("This is a key of %1. It goes into the OS keychain.").arg(root.provider.label) : qsTr("The provider is recognised by the key; nothing is sent before you press Test.")

        SecretField {
            id: keyField

            Layout.fillWidth: true
            name: qsTr("API key of a provider")
            placeholderText: "sk-…"
            onTextChanged: root.keyTestText = ""
        }
        Button {
            text: qsTr("Test")
            enabled: root.recognised && !App.backends.testing
            onClicked: App.backends.test(root.draft(), keyField.text.trim())
        }
        Button {
            kind: Button.Primary
            text: qsTr("Add")
            enabled: root.recognised && !App.backends.busy
            onClicked: App.backends.save(root.draft(), keyField.text.trim())
        }
    }
    ResultLine {
        Layout.fillWidth: true
        ok: root.keyTestPassed
        text: root.keyTestText
    }
    Flow {
        Layout.fillWidth: true
        spacing: Theme.gapS

        Button {
            compact: true
            kind: Button.Ghost
            iconName: "plus"
            text: qsTr("Another server or provider")
            onClicked: root.formRequested("")
        }
        Button {
            compact: true
            kind: Button.Ghost
            iconName: "flask-conical"
            text: qsTr("Use the built-in echo to look around")
            onClicked: App.setup.addEcho()
        }
    }
    Flow {
        Layout.fillWidth: true
        visible: App.backends.count > 0
        spacing: Theme.gapS

        Repeater {
            model: App.backends

            delegate: Pill {
                required property string name

                iconName: "check"
                tone: Pill.Good
                text: name
            }
        }
    }
    Connections {
        target: App.backends

        function onTestFinished(name, ok, message, models) {
            root.keyTestPassed = ok;
            root.keyTestText = message;
        }
        function onSaveFailed(name, message, canUseForSession) {
            root.keyTestPassed = false;
            root.keyTestText = message;
        }
        function onSaved(name) {
            keyField.text = "";
        }
    }
}
