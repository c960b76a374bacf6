// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// The titles above the Keys table.
Item {
    id: root

    required property KeyColumns columns

    implicitHeight: 36

    component Title: LiveCell {
        muted: true
        strong: true
        font.pixelSize: Theme.caption
    }

    Row {
        x: Theme.gapL
        height: parent.height

        Title {
            columnWidth: root.columns.name
            //: Column: name of a client key, and its team
            text: qsTr("Key")
        }
        Title {
            columnWidth: root.columns.state
            text: qsTr("State")
        }
        Title {
            columnWidth: root.columns.bar
            text: qsTr("Requests this minute")
        }
        Title {
            columnWidth: root.columns.bar
            text: qsTr("Tokens today")
        }
        Title {
            columnWidth: root.columns.bar
            text: qsTr("Budget")
        }
        Title {
            columnWidth: root.columns.models
            text: qsTr("Models")
        }
        Title {
            columnWidth: root.columns.used
            text: qsTr("Last used")
        }
    }
    Separator {
        anchors.bottom: parent.bottom
        width: parent.width
    }
}
