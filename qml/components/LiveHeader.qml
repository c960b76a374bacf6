// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// The titles above the Live table.
Rectangle {
    id: root

    required property LiveColumns columns

    /// The user wants to choose the columns.
    signal columnsRequested

    implicitHeight: Theme.compactRowHeight + Theme.unit / 2
    color: Theme.colors.surface

    component Title: LiveCell {
        muted: true
        mono: false
        font.pixelSize: Theme.caption
        strong: true
    }

    Row {
        x: root.columns.edge
        height: parent.height

        Title {
            columnWidth: root.columns.time
            text: qsTr("Time")
        }
        Title {
            columnWidth: root.columns.status
            text: qsTr("Status")
        }
        Title {
            columnWidth: root.columns.request
            text: qsTr("Request")
        }
        Title {
            columnWidth: root.columns.model
            text: qsTr("Model")
        }
        Title {
            columnWidth: root.columns.key
            //: Column: name of the client key
            text: qsTr("Key")
        }
        Title {
            columnWidth: root.columns.backend
            text: qsTr("Backend")
        }
        Title {
            columnWidth: root.columns.attempts
            number: true
            mono: false
            //: Column, short: number of attempts at backends
            text: qsTr("Try")
        }
        Title {
            columnWidth: root.columns.ttft
            number: true
            mono: false
            //: Column: time to first token
            text: qsTr("TTFT")
        }
        Title {
            columnWidth: root.columns.total
            number: true
            mono: false
            //: Column: total time
            text: qsTr("Total")
        }
        Title {
            columnWidth: root.columns.tokens
            number: true
            mono: false
            //: Column: tokens in and out
            text: qsTr("In / out")
        }
        Title {
            columnWidth: root.columns.speed
            number: true
            mono: false
            //: Column: tokens per second
            text: qsTr("Tok/s")
        }
        Title {
            columnWidth: root.columns.cost
            number: true
            mono: false
            text: qsTr("Cost")
        }
    }
    TapHandler {
        acceptedButtons: Qt.RightButton
        onTapped: root.columnsRequested()
    }
    Separator {
        anchors.bottom: parent.bottom
        width: parent.width
    }
}
