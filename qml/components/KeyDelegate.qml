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
    required property string team
    required property string createdText
    required property string lastUsedText
    required property string lastUsedTooltip
    required property int keyState
    required property bool readOnly
    required property string modelsText
    required property string expiryText
    required property var requestsBar
    required property var tokensBar
    required property var budgetBar
    required property string accessibleText
    required property KeyColumns columns
    property bool last: false

    /// For the actions on this key, at @p button.
    signal menuRequested(Item button)

    readonly property bool usable: keyState === KeysModel.State.Active
    readonly property string secondLine: {
        const parts = [prefix];
        if (team !== "")
            parts.push(team);
        if (expiryText !== "")
            parts.push(expiryText);
        return parts.join(" · ");
    }

    implicitHeight: 64

    Accessible.role: Accessible.ListItem
    Accessible.name: accessibleText

    component HintCell: LiveCell {
        id: hintCell

        required property string hint

        muted: true
        font.pixelSize: Theme.small

        HoverHandler {
            id: hover
        }
        Tooltip {
            visible: hover.hovered && hintCell.hint !== ""
            text: hintCell.hint
        }
    }

    Row {
        x: Theme.gapL
        height: parent.height

        Item {
            width: root.columns.name
            height: parent.height

            Column {
                anchors.verticalCenter: parent.verticalCenter
                width: parent.width - Theme.gapM
                spacing: 2

                Label {
                    width: parent.width
                    text: root.name
                    strong: true
                    color: root.usable ? Theme.colors.text : Theme.colors.muted
                    elide: Text.ElideRight
                }
                HintCell {
                    columnWidth: parent.width
                    height: implicitHeight
                    rightPadding: 0
                    text: root.secondLine
                    hint: root.secondLine + " · " + qsTr("made %1").arg(root.createdText)
                }
            }
        }
        Item {
            width: root.columns.state
            height: parent.height

            Pill {
                anchors.verticalCenter: parent.verticalCenter
                text: [qsTr("Active"), qsTr("Revoked"), qsTr("Expired"), qsTr("Disabled")][root.keyState]
                iconName: root.usable ? "circle-check" : root.keyState === KeysModel.State.Expired ? "clock" : root.keyState === KeysModel.State.Disabled ? "circle-pause" : "ban"
                tone: root.usable ? Pill.Good : root.keyState === KeysModel.State.Disabled ? Pill.Warn : Pill.Neutral
            }
        }
        LimitBar {
            columnWidth: root.columns.bar
            bar: root.requestsBar
        }
        LimitBar {
            columnWidth: root.columns.bar
            bar: root.tokensBar
        }
        LimitBar {
            columnWidth: root.columns.bar
            bar: root.budgetBar
        }
        HintCell {
            columnWidth: root.columns.models
            text: root.modelsText
            hint: root.modelsText
        }
        HintCell {
            columnWidth: root.columns.used
            text: root.lastUsedText
            hint: root.lastUsedTooltip
        }
        Item {
            width: root.columns.action
            height: parent.height

            IconButton {
                id: menuButton

                readonly property string keyName: root.name

                objectName: "keyMenuButton"
                anchors.right: parent.right
                anchors.verticalCenter: parent.verticalCenter
                visible: !root.readOnly
                iconName: "ellipsis"
                //: %1 is the name of a client key
                text: qsTr("Actions for %1").arg(root.name)
                onClicked: root.menuRequested(menuButton)
            }
            Icon {
                anchors.right: parent.right
                anchors.rightMargin: Theme.unit + 2
                anchors.verticalCenter: parent.verticalCenter
                visible: root.readOnly
                name: "lock"
                color: Theme.colors.muted

                HoverHandler {
                    id: lockHover
                }
                Tooltip {
                    x: parent.width - implicitWidth
                    visible: lockHover.hovered
                    text: qsTr("Set by the configuration file or the environment. Change it there.")
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
