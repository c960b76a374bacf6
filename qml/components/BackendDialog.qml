// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Adds or changes a backend. Test shows what would be served before anything is saved.
Dialog {
    id: root

    property string originalName: ""
    property bool hasKey: false
    property var original: ({})
    property bool testPassed: false
    property string testText: ""
    property var foundModels: []
    property string saveProblem: ""
    property bool sessionPossible: false

    readonly property bool adding: originalName === ""
    readonly property var type: App.backends.typeInfo[typeBox.currentIndex] ?? ({})
    readonly property string nameProblem: adding && nameField.text !== "" ? App.backends.nameProblem(nameField.text) : ""
    readonly property bool complete: nameField.text !== "" && nameProblem === "" && (!type.needsUrl || urlField.text !== "") && (!type.needsKey || keyField.text !== "" || hasKey) && advanced.complete

    function clearForm() {
        testText = "";
        saveProblem = "";
        sessionPossible = false;
        foundModels = [];
        keyField.text = "";
    }
    function add(typeName: string) {
        clearForm();
        originalName = "";
        original = {};
        hasKey = false;
        modelsField.text = "";
        privateBox.checked = false;
        advanced.load(null);
        typeBox.currentIndex = Math.max(0, typeBox.indexOfValue(typeName));
        chooseType();
        open();
    }
    function edit(backend: string) {
        clearForm();
        original = App.backends.get(backend);
        originalName = backend;
        hasKey = original.hasKey;
        typeBox.currentIndex = typeBox.indexOfValue(original.type);
        nameField.text = backend;
        urlField.text = original.url;
        modelsField.text = Array.from(original.models).join(", ");
        privateBox.checked = original.allowPrivateNetwork;
        advanced.load(original.advanced);
        open();
    }
    function chooseType() {
        nameField.text = App.backends.suggestedName(type.type);
        urlField.text = type.defaultUrl;
        testText = "";
    }
    function values(): var {
        return Object.assign({}, original, {
            name: nameField.text.trim(),
            type: type.type,
            url: urlField.text.trim(),
            models: modelsField.text.split(",").map(text => text.trim()).filter(text => text !== ""),
            allowPrivateNetwork: privateBox.checked,
            advanced: advanced.form
        });
    }

    title: adding ? qsTr("Add a backend") : qsTr("Edit “%1”").arg(originalName)
    onOpened: adding ? typeBox.forceActiveFocus() : urlField.forceActiveFocus()
    onClosed: keyField.text = ""

    GridLayout {
        Layout.fillWidth: true
        columns: 2
        columnSpacing: Theme.gapM

        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Type")

            ComboBox {
                id: typeBox

                Layout.fillWidth: true
                objectName: "typeBox"
                enabled: root.adding
                name: qsTr("Type of the backend")
                model: App.backends.typeInfo
                textRole: "label"
                valueRole: "type"
                onActivated: root.chooseType()
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Name")
            problem: root.nameProblem

            TextField {
                id: nameField

                Layout.fillWidth: true
                objectName: "nameField"
                enabled: root.adding
                name: qsTr("Name of the backend")
                problem: root.nameProblem !== ""
            }
        }
    }
    Field {
        Layout.fillWidth: true
        visible: root.type.needsUrl === true || root.type.defaultUrl !== ""
        label: qsTr("URL")
        hint: root.type.hint ?? ""

        TextField {
            id: urlField

            Layout.fillWidth: true
            objectName: "urlField"
            mono: true
            name: qsTr("URL of the backend")
            placeholderText: root.type.defaultUrl || "http://127.0.0.1:8000/v1"
            inputMethodHints: Qt.ImhUrlCharactersOnly
        }
    }
    Field {
        Layout.fillWidth: true
        visible: root.type.needsUrl === true || root.type.needsKey === true || root.type.defaultUrl !== ""
        label: root.type.needsKey ? qsTr("API key") : qsTr("API key (optional)")
        hint: qsTr("Stored in the OS keychain, never in a file of Tidegate.")

        SecretField {
            id: keyField

            Layout.fillWidth: true
            objectName: "keyField"
            name: qsTr("API key")
            placeholderText: root.hasKey ? qsTr("Unchanged") : qsTr("Paste the key")
        }
    }
    Field {
        Layout.fillWidth: true
        label: qsTr("Models")
        hint: qsTr("Names or patterns, separated by commas. Empty: every model the backend lists.")

        TextField {
            id: modelsField

            Layout.fillWidth: true
            mono: true
            name: qsTr("Models")
            placeholderText: "gpt-*, text-embedding-*"
        }
        Button {
            visible: root.foundModels.length > 0
            text: qsTr("Use found")
            onClicked: modelsField.text = root.foundModels.join(", ")
        }
    }
    Checkbox {
        id: privateBox

        visible: root.type.needsUrl === true || root.type.defaultUrl !== ""
        text: qsTr("Allow a host name that points into the local network")
    }
    BackendAdvanced {
        id: advanced

        Layout.fillWidth: true
    }
    ProgressBar {
        Layout.fillWidth: true
        visible: App.backends.testing
        indeterminate: true
        name: qsTr("Testing")
    }
    ResultLine {
        Layout.fillWidth: true
        objectName: "testResult"
        visible: text !== "" && !App.backends.testing
        ok: root.testPassed
        text: root.testText
    }
    ResultLine {
        Layout.fillWidth: true
        ok: false
        text: root.saveProblem
    }
    buttons: [
        Button {
            objectName: "dialogTestButton"
            iconName: "zap"
            text: qsTr("Test")
            enabled: root.complete && !App.backends.testing
            onClicked: App.backends.test(root.values(), keyField.text)
        },
        Item {
            Layout.fillWidth: true
        },
        Button {
            text: qsTr("Cancel")
            kind: Button.Ghost
            onClicked: root.close()
        },
        Button {
            visible: root.sessionPossible
            text: qsTr("Use the key until quit")
            onClicked: App.backends.saveForSession(root.values(), keyField.text)
        },
        Button {
            objectName: "saveButton"
            text: qsTr("Save")
            kind: Button.Primary
            enabled: root.complete && !App.backends.busy
            onClicked: App.backends.save(root.values(), keyField.text)
        }
    ]

    Connections {
        target: App.backends
        enabled: root.visible

        function onTestFinished(name, ok, message, models) {
            root.testPassed = ok;
            root.testText = message;
            root.foundModels = Array.from(models);
        }
        function onSaved() {
            root.close();
        }
        function onSaveFailed(name, message, canUseForSession) {
            root.saveProblem = message;
            root.sessionPossible = canUseForSession;
        }
    }
}
