// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// A client key that was just made: the only time that it can be seen.
Dialog {
    id: root

    property string plaintext: ""
    property string keyName: ""
    property int overlapHours: 0

    function show(key: string, name: string, hours: int) {
        plaintext = key;
        keyName = name;
        overlapHours = hours;
        open();
    }

    title: qsTr("Your new client key")
    subtitle: {
        const once = qsTr("Copy it now: Tidegate keeps only a hash, and nobody can show it again.");
        return overlapHours > 0 ? once + " " + qsTr("The old key works for %n more hour(s).", "", overlapHours) : once;
    }
    closePolicy: T.Popup.NoAutoClose
    onClosed: plaintext = ""

    CodeBlock {
        Layout.fillWidth: true
        objectName: "newKey"
        code: root.plaintext
        wraps: true
        //: Completes "Copy %1"
        name: qsTr("client key")
        onCopyRequested: text => App.copyText(text)
    }
    Field {
        Layout.fillWidth: true
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
    buttons: [
        Button {
            objectName: "saveEnvButton"
            iconName: "download"
            text: qsTr("Save as .env")
            onClicked: App.saveEnv(root.keyName, root.plaintext)
        },
        Item {
            Layout.fillWidth: true
        },
        Button {
            objectName: "doneButton"
            text: qsTr("I have copied it")
            kind: Button.Primary
            onClicked: root.close()
        }
    ]
}
