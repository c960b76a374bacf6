// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Where the gateway listens.
SettingsSection {
    id: root

    readonly property AppSettings settings: App.settings
    readonly property int port: Number(portField.text)
    readonly property bool changed: hostField.text !== settings.host || port !== settings.port
    readonly property bool loopback: /^(127\.|::1$|localhost$)/.test(hostField.text)
    property string portProblem: ""
    property string message: ""
    property bool saved: false

    function check() {
        message = "";
        portProblem = port === settings.port ? "" : settings.portProblem(port);
    }
    function restore() {
        hostField.text = settings.host;
        portField.text = settings.port;
        portProblem = "";
    }

    title: qsTr("Server")
    Component.onCompleted: restore()

    FormRow {
        Layout.fillWidth: true
        label: qsTr("Address")
        help: root.settings.hostOriginText !== "" ? root.settings.hostOriginText : qsTr("127.0.0.1 serves this machine only; 0.0.0.0 serves the whole network.")

        TextField {
            id: hostField

            implicitWidth: 180
            mono: true
            enabled: root.settings.hostOriginText === ""
            name: qsTr("Listen address")
            onTextEdited: root.message = ""
        }
    }
    FormRow {
        Layout.fillWidth: true
        label: qsTr("Port")
        help: root.settings.portOriginText !== "" ? root.settings.portOriginText : qsTr("Running requests go on while the gateway moves to the new port.")

        Button {
            visible: root.portProblem !== ""
            text: qsTr("Find a free one")
            onClicked: {
                portField.text = root.settings.freePort(root.port + 1);
                root.check();
            }
        }
        TextField {
            id: portField

            implicitWidth: 180
            objectName: "portField"
            mono: true
            enabled: root.settings.portOriginText === ""
            name: qsTr("Port")
            problem: root.portProblem !== ""
            validator: IntValidator {
                bottom: 1
                top: 65535
            }
            onTextEdited: root.check()
        }
    }
    ResultLine {
        Layout.fillWidth: true
        ok: false
        text: root.portProblem
    }
    RowLayout {
        Layout.fillWidth: true
        visible: !root.loopback && hostField.text !== ""
        spacing: Theme.gapS

        Icon {
            Layout.alignment: Qt.AlignTop
            name: "triangle-alert"
            color: Theme.colors.warn
        }
        Label {
            Layout.fillWidth: true
            text: qsTr("Every machine that reaches this one can knock. Client keys keep strangers out, but traffic is not encrypted.")
            color: Theme.colors.warn
            wrapMode: Text.Wrap
        }
    }
    RowLayout {
        Layout.fillWidth: true
        visible: root.changed || root.message !== ""
        spacing: Theme.gapS

        ResultLine {
            Layout.fillWidth: true
            ok: root.saved
            text: root.message
        }
        Item {
            Layout.fillWidth: root.message === ""
        }
        Button {
            visible: root.changed
            kind: Button.Ghost
            text: qsTr("Undo")
            onClicked: root.restore()
        }
        Button {
            visible: root.changed
            kind: Button.Primary
            text: qsTr("Apply")
            enabled: hostField.text !== "" && portField.acceptableInput && root.portProblem === ""
            onClicked: root.settings.saveServer(hostField.text, root.port)
        }
    }
    Connections {
        target: root.settings

        function onServerChanged() {
            root.restore();
        }
        function onServerSaved() {
            root.saved = true;
            root.message = qsTr("The gateway listens on the new address.");
        }
        function onServerFailed(message) {
            root.saved = false;
            root.message = message;
        }
    }
}
