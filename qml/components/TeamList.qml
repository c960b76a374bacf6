// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The teams as a table.
Card {
    id: root

    readonly property int barWidth: Math.max(112, Math.min(220, Math.floor((width - 68 - 200) / 4)))

    signal editRequested(double teamId)
    signal removeRequested(double teamId, string name)

    implicitHeight: header.height + list.contentHeight

    component Title: LiveCell {
        muted: true
        strong: true
        font.pixelSize: Theme.caption
    }

    Item {
        id: header

        width: parent.width
        height: 36

        Title {
            x: Theme.gapL
            columnWidth: 200
            //: Column: name of a team, and its keys
            text: qsTr("Team")
        }
        Row {
            anchors.right: parent.right
            anchors.rightMargin: Theme.gapM + 68
            height: parent.height

            Title {
                columnWidth: root.barWidth
                text: qsTr("Requests this minute")
            }
            Title {
                columnWidth: root.barWidth
                text: qsTr("Tokens today")
            }
            Title {
                columnWidth: root.barWidth
                text: qsTr("Budget")
            }
        }
        Separator {
            anchors.bottom: parent.bottom
            width: parent.width
        }
    }
    ListView {
        id: list

        objectName: "teamList"
        anchors.fill: parent
        anchors.topMargin: header.height
        model: App.teams
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        keyNavigationEnabled: false
        T.ScrollBar.vertical: ScrollBar {}

        Accessible.role: Accessible.List
        Accessible.name: qsTr("Teams")

        delegate: TeamDelegate {
            required property int index

            width: ListView.view.width
            barWidth: root.barWidth
            last: index === App.teams.count - 1
            onEditRequested: root.editRequested(teamId)
            onRemoveRequested: root.removeRequested(teamId, name)
        }
    }
}
