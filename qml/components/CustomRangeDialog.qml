// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Asks for a range of time.
Dialog {
    id: root

    property string problem: ""

    function ask() {
        fromField.text = App.usage.fromText;
        toField.text = App.usage.toText;
        problem = "";
        open();
    }
    function take() {
        problem = App.usage.setCustom(fromField.text, toField.text);
        if (problem === "")
            close();
    }

    width: 460
    title: qsTr("Show usage of")
    subtitle: App.usage.utc ? qsTr("Days and times are UTC.") : qsTr("Days and times are local.")
    onOpened: {
        fromField.forceActiveFocus();
        fromField.selectAll();
    }

    RowLayout {
        Layout.fillWidth: true
        spacing: Theme.gapM

        Field {
            Layout.fillWidth: true
            //: Beginning of a range of time
            label: qsTr("From")

            TextField {
                id: fromField

                Layout.fillWidth: true
                objectName: "fromField"
                mono: true
                name: qsTr("Beginning")
                placeholderText: "2026-11-01 00:00"
                onAccepted: root.take()
            }
        }
        Field {
            Layout.fillWidth: true
            //: End of a range of time
            label: qsTr("To")

            TextField {
                id: toField

                Layout.fillWidth: true
                objectName: "toField"
                mono: true
                name: qsTr("End")
                placeholderText: "2026-11-20"
                onAccepted: root.take()
            }
        }
    }
    ResultLine {
        Layout.fillWidth: true
        objectName: "rangeProblem"
        ok: false
        text: root.problem
    }
    buttons: [
        Item {
            Layout.fillWidth: true
        },
        Button {
            text: qsTr("Cancel")
            kind: Button.Ghost
            onClicked: root.close()
        },
        Button {
            objectName: "rangeButton"
            text: qsTr("Show")
            kind: Button.Primary
            onClicked: root.take()
        }
    ]
}
