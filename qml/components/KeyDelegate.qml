// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate
import Tidegate.App

/// One client key as a table row.
Item {
    id: root

    required property double keyId
    required property string name
    required property string prefix
    required property string createdText
    required property string createdTooltip
    required property string lastUsedText
    required property string lastUsedTooltip
    required property int keyState
    required property bool readOnly
    required property bool canRevoke
    required property string modelsText
    required property string accessibleText
    required property KeyColumns columns
    property bool last: false

    signal revokeRequested

    readonly property bool usable: keyState === KeysModel.State.Active

    implicitHeight: 44

    Accessible.role: Accessible.ListItem
    Accessible.name: accessibleText

    component TimeCell: LiveCell {
        id: timeCell

        required property string absolute

        muted: true
        font.pixelSize: Theme.small

        HoverHandler {
            id: hover
        }
        Tooltip {
            visible: hover.hovered && timeCell.absolute !== ""
            text: timeCell.absolute
        }
    }

    Row {
        x: Theme.gapL
        height: parent.height

        LiveCell {
            columnWidth: root.columns.name
            text: root.name
            strong: true
            color: root.usable ? Theme.colors.text : Theme.colors.muted
        }
        LiveCell {
            columnWidth: root.columns.prefix
            text: root.prefix
            mono: true
            muted: true
            font.pixelSize: Theme.small
        }
        Item {
            width: root.columns.state
            height: parent.height

            Pill {
                anchors.verticalCenter: parent.verticalCenter
                text: [qsTr("Active"), qsTr("Revoked"), qsTr("Expired"), qsTr("Disabled")][root.keyState]
                iconName: root.usable ? "circle-check" : root.keyState === KeysModel.State.Expired ? "clock" : "ban"
                tone: root.usable ? Pill.Good : Pill.Neutral
            }
        }
        LiveCell {
            columnWidth: root.columns.models
            text: root.modelsText
            muted: true
        }
        TimeCell {
            columnWidth: root.columns.created
            text: root.createdText
            absolute: root.createdTooltip
        }
        TimeCell {
            columnWidth: root.columns.used
            text: root.lastUsedText
            absolute: root.lastUsedTooltip
        }
        Item {
            width: root.columns.action
            height: parent.height

            Button {
                readonly property string keyName: root.name

                objectName: "revokeButton"
                anchors.right: parent.right
                anchors.verticalCenter: parent.verticalCenter
                visible: root.canRevoke
                compact: true
                text: qsTr("Revoke")
                Accessible.name: qsTr("Revoke %1").arg(root.name)
                onClicked: root.revokeRequested()
            }
            Row {
                anchors.right: parent.right
                anchors.verticalCenter: parent.verticalCenter
                visible: root.readOnly
                spacing: Theme.unit + 2

                Icon {
                    anchors.verticalCenter: parent.verticalCenter
                    name: "lock"
                    size: 14
                    color: Theme.colors.muted
                }
                Label {
                    //: The key is set by the configuration file or the environment
                    text: qsTr("From config")
                    muted: true
                    font.pixelSize: Theme.small
                }
            }
        }
    }
    Separator {
        anchors.bottom: parent.bottom
        visible: !root.last
        width: parent.width
    }
}
