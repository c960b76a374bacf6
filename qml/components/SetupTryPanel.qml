// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Third step: snippets with the real address and key, and a request from here.
ColumnLayout {
    id: root

    readonly property var snippets: App.setup.snippets

    spacing: Theme.gapM

    Tabs {
        id: tabs

        Layout.fillWidth: true
        name: qsTr("Snippets")
        titles: root.snippets.map(snippet => snippet.title)
    }
    CodeBlock {
        Layout.fillWidth: true
        Layout.preferredHeight: 190
        code: root.snippets[tabs.currentIndex]?.text ?? ""
        name: root.snippets[tabs.currentIndex]?.title ?? ""
        onCopyRequested: text => App.copyText(text)
    }
    RowLayout {
        Layout.fillWidth: true
        spacing: Theme.gapS

        ComboBox {
            id: modelBox

            Layout.fillWidth: true
            visible: count > 1
            name: qsTr("Model for the test request")
            model: App.setup.models
        }
        Button {
            objectName: "sendTest"
            iconName: App.setup.testRunning ? "x" : "send"
            text: App.setup.testRunning ? qsTr("Cancel") : qsTr("Send test request")
            enabled: App.setup.models.length > 0
            onClicked: App.setup.testRunning ? App.setup.cancelTestRequest() : App.setup.sendTestRequest(modelBox.currentText)
        }
    }
    ProgressBar {
        Layout.fillWidth: true
        visible: App.setup.testRunning
        indeterminate: true
        name: qsTr("Sending a test request")
    }
    ResultLine {
        Layout.fillWidth: true
        visible: text !== ""
        ok: App.setup.testPassed || App.setup.testRunning
        text: App.setup.testText
    }
    LiveFirstRow {
        Layout.fillWidth: true
        visible: App.setup.testText !== "" || App.setup.testRunning
    }
}
