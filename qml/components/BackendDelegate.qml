// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// One backend as a card.
Card {
    id: root

    required property string name
    required property string typeLabel
    required property string url
    required property int keyState
    required property string keyStateText
    required property string modelsText
    required property string originText
    required property bool readOnly
    /// Unknown models go here.
    required property bool fallback
    required property int testState
    required property string testText
    required property string accessibleText

    signal testRequested
    signal editRequested
    signal removeRequested

    readonly property bool testing: testState === BackendsModel.TestState.Running

    Accessible.role: Accessible.ListItem
    Accessible.name: accessibleText

    component Fact: RowLayout {
        id: fact

        required property string iconName
        required property string text
        property bool mono: false

        spacing: Theme.gapS

        Icon {
            name: fact.iconName
            size: 14
            color: Theme.colors.muted
        }
        Label {
            Layout.fillWidth: true
            text: fact.text
            mono: fact.mono
            font.pixelSize: Theme.small
            elide: Text.ElideRight
        }
    }

    ColumnLayout {
        anchors.fill: parent
        anchors.margins: Theme.gapL
        anchors.topMargin: Theme.gapM
        anchors.bottomMargin: Theme.gapS
        spacing: Theme.gapS

        RowLayout {
            Layout.minimumHeight: Theme.unit * 6
            spacing: Theme.gapS

            Label {
                Layout.maximumWidth: 200
                text: root.name
                strong: true
                font.pixelSize: Theme.lead
                elide: Text.ElideRight
            }
            Tag {
                text: root.typeLabel
                mono: false
            }
            Tag {
                visible: root.fallback
                //: Tag: unknown models go to this backend
                text: qsTr("Default")
                mono: false
            }
            Item {
                Layout.fillWidth: true
            }
            KeyStatePill {
                visible: root.keyState !== BackendsModel.KeyState.NotNeeded
                keyState: root.keyState
                //: %1 says where the key is: "in keychain", "missing"
                text: qsTr("Key %1").arg(root.keyStateText)
            }
        }
        Fact {
            iconName: "globe"
            text: root.url === "" ? qsTr("Built in, no network") : root.url
            mono: root.url !== ""
        }
        Fact {
            iconName: "braces"
            text: root.modelsText
        }
        Item {
            Layout.fillWidth: true
            Layout.fillHeight: true

            ResultLine {
                anchors.left: parent.left
                anchors.right: parent.right
                anchors.verticalCenter: parent.verticalCenter
                visible: text !== "" && !root.testing
                ok: root.testState === BackendsModel.TestState.Passed
                text: root.testText
            }
            ProgressBar {
                anchors.verticalCenter: parent.verticalCenter
                visible: root.testing
                indeterminate: true
                name: qsTr("Testing")
            }
        }
        Separator {
            Layout.fillWidth: true
        }
        RowLayout {
            Layout.minimumHeight: Theme.smallControlHeight + Theme.unit / 2
            spacing: Theme.gapXs

            Button {
                Layout.leftMargin: -Theme.gapS
                compact: true
                kind: Button.Ghost
                iconName: "zap"
                text: qsTr("Test")
                enabled: !root.testing
                Accessible.name: qsTr("Test %1").arg(root.name)
                onClicked: root.testRequested()
            }
            Button {
                compact: true
                kind: Button.Ghost
                visible: !root.readOnly
                iconName: "pencil"
                text: qsTr("Edit")
                Accessible.name: qsTr("Edit %1").arg(root.name)
                onClicked: root.editRequested()
            }
            Item {
                Layout.fillWidth: true
            }
            Icon {
                visible: root.readOnly
                name: "lock"
                size: 14
                color: Theme.colors.muted
            }
            Label {
                visible: root.originText !== ""
                text: root.originText
                muted: true
                font.pixelSize: Theme.small
            }
            IconButton {
                objectName: "removeButton"
                visible: !root.readOnly
                iconName: "trash-2"
                text: qsTr("Remove %1").arg(root.name)
                onClicked: root.removeRequested()
            }
        }
    }
}
