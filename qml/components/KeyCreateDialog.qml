// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// Makes a client key, then shows it: the only time that it can be seen.
Dialog {
    id: root

    property string plaintext: ""
    property string problem: ""

    readonly property bool shown: plaintext !== ""
    readonly property string nameProblem: nameField.text === "" ? "" : App.keys.nameProblem(nameField.text)

    function create() {
        plaintext = "";
        problem = "";
        nameField.text = "";
        open();
    }
    function show(key: string) {
        plaintext = key;
        problem = "";
        open();
    }

    title: shown ? qsTr("Your new client key") : qsTr("Create a client key")
    subtitle: shown ? qsTr("Copy it now: Tidegate keeps only a hash, and nobody can show it again.") : qsTr("One key for each program or person, so that each can be told apart and revoked.")
    closePolicy: shown ? T.Popup.NoAutoClose : T.Popup.CloseOnEscape
    onOpened: if (!shown)
        nameField.forceActiveFocus()
    onClosed: plaintext = ""

    Field {
        Layout.fillWidth: true
        visible: !root.shown
        label: qsTr("Name")
        problem: root.nameProblem

        TextField {
            id: nameField

            Layout.fillWidth: true
            objectName: "keyNameField"
            name: qsTr("Name of the key")
            placeholderText: qsTr("For example: laptop, ci, notebook")
            problem: root.nameProblem !== ""
            onAccepted: if (createButton.enabled)
                App.keys.create(text.trim())
        }
    }
    CodeBlock {
        Layout.fillWidth: true
        objectName: "newKey"
        visible: root.shown
        code: root.plaintext
        wraps: true
        //: Completes "Copy %1"
        name: qsTr("client key")
        onCopyRequested: text => App.copyText(text)
    }
    Field {
        Layout.fillWidth: true
        visible: root.shown
        label: qsTr("For a shell or a .env file")

        CodeBlock {
            Layout.fillWidth: true
            wraps: true
            code: "OPENAI_BASE_URL=" + App.gateway.baseUrl + "\nOPENAI_API_KEY=" + root.plaintext
            //: Completes "Copy %1"
            name: qsTr("environment variables")
            onCopyRequested: text => App.copyText(text)
        }
    }
    ResultLine {
        Layout.fillWidth: true
        ok: false
        text: root.problem
    }
    buttons: [
        Item {
            Layout.fillWidth: true
        },
        Button {
            visible: !root.shown
            text: qsTr("Cancel")
            kind: Button.Ghost
            onClicked: root.close()
        },
        Button {
            id: createButton

            objectName: "createButton"
            visible: !root.shown
            text: qsTr("Create")
            kind: Button.Primary
            enabled: nameField.text.trim() !== "" && root.nameProblem === "" && !App.keys.busy
            onClicked: App.keys.create(nameField.text.trim())
        },
        Button {
            objectName: "doneButton"
            visible: root.shown
            text: qsTr("I have copied it")
            kind: Button.Primary
            onClicked: root.close()
        }
    ]

    Connections {
        target: App.keys
        enabled: root.visible

        function onCreated(plaintext, name) {
            root.plaintext = plaintext;
        }
        function onFailed(message) {
            root.problem = message;
        }
    }
}
