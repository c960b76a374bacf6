// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// One team as a table row.
Item {
    id: root

    required property double teamId
    required property string name
    required property string membersText
    required property bool readOnly
    required property var requestsBar
    required property var tokensBar
    required property var budgetBar
    required property string accessibleText
    required property int barWidth
    property bool last: false

    signal editRequested
    signal removeRequested

    implicitHeight: 64

    Accessible.role: Accessible.ListItem
    Accessible.name: accessibleText

    Item {
        id: texts

        x: Theme.gapL
        width: row.x - x - Theme.gapM
        height: parent.height

        Column {
            anchors.verticalCenter: parent.verticalCenter
            width: parent.width
            spacing: 2

            Label {
                width: parent.width
                text: root.name
                strong: true
                elide: Text.ElideRight
            }
            Label {
                width: parent.width
                text: root.membersText
                muted: true
                font.pixelSize: Theme.small
                elide: Text.ElideRight
            }
        }
    }
    Row {
        id: row

        anchors.right: parent.right
        anchors.rightMargin: Theme.gapM
        height: parent.height

        LimitBar {
            columnWidth: root.barWidth
            bar: root.requestsBar
        }
        LimitBar {
            columnWidth: root.barWidth
            bar: root.tokensBar
        }
        LimitBar {
            columnWidth: root.barWidth
            bar: root.budgetBar
        }
        Item {
            width: 68
            height: parent.height

            Row {
                anchors.right: parent.right
                anchors.verticalCenter: parent.verticalCenter
                visible: !root.readOnly
                spacing: Theme.gapXs

                IconButton {
                    objectName: "editTeam"
                    iconName: "pencil"
                    //: %1 is the name of a team
                    text: qsTr("Edit %1").arg(root.name)
                    onClicked: root.editRequested()
                }
                IconButton {
                    objectName: "removeTeam"
                    iconName: "trash-2"
                    //: %1 is the name of a team
                    text: qsTr("Remove %1").arg(root.name)
                    onClicked: root.removeRequested()
                }
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
                    text: qsTr("Set by the configuration file. Change it there.")
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
