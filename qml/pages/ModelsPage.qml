// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// Public model names with their targets, and the dry run beside them.
FocusScope {
    id: root

    readonly property bool seen: visible && Window.visibility !== Window.Hidden && Window.visibility !== Window.Minimized

    onSeenChanged: if (seen)
        App.dryRun.ask()

    Timer {
        // Lanes come and go while one looks.
        interval: 1000
        repeat: true
        running: root.seen && !App.frozen && App.dryRun.answered
        onTriggered: App.dryRun.ask()
    }
    ColumnLayout {
        anchors.fill: parent
        anchors.margins: Theme.gapXl
        spacing: Theme.gapL

        PageHeader {
            Layout.fillWidth: true
            title: qsTr("Models")
            sentence: qsTr("Names of your own for what the backends serve, with the order in which they are tried.")
            actionText: qsTr("Add a model")
            onTriggered: dialog.load("")
        }
        RowLayout {
            Layout.fillWidth: true
            Layout.fillHeight: true
            spacing: Theme.gapXs

            Item {
                Layout.fillWidth: true
                Layout.fillHeight: true

                ListView {
                    id: list

                    objectName: "modelList"
                    anchors.fill: parent
                    visible: App.models.count > 0
                    model: App.models
                    spacing: Theme.gapS
                    clip: true
                    boundsBehavior: Flickable.StopAtBounds
                    keyNavigationEnabled: false
                    // All of them, so that Tab reaches every card.
                    cacheBuffer: 100000
                    T.ScrollBar.vertical: ScrollBar {}

                    Accessible.role: Accessible.List
                    Accessible.name: qsTr("Models")

                    delegate: ModelDelegate {
                        width: ListView.view.width - Theme.gapM
                        current: name === App.dryRun.model
                        onEditRequested: dialog.load(name)
                        onRemoveRequested: removal.ask(name)
                        onTryRequested: App.dryRun.model = name
                    }
                }
                EmptyState {
                    anchors.fill: parent
                    visible: App.models.count === 0
                    iconName: "layers"
                    title: qsTr("No model of your own yet")
                    sentence: qsTr("What backends list is served as it is. A name of your own can stand for several of them, and go on when one fails.")
                    actionText: qsTr("Add a model")
                    snippet: "models:\n  fast:\n    targets: [ { backend: openai, model: gpt-4o-mini } ]\n    fallbacks: [smart]"
                    onTriggered: dialog.load("")
                    onCopyRequested: text => App.copyText(text)
                }
            }
            DryRunPanel {
                Layout.preferredWidth: Math.max(380, Math.min(480, root.width * 0.38))
                Layout.fillHeight: true
            }
        }
    }
    ModelDialog {
        id: dialog
    }
    ConfirmDialog {
        id: removal

        property string name: ""

        function ask(model: string) {
            name = model;
            problem = "";
            open();
        }

        //: %1 is the name of a model
        title: qsTr("Remove “%1”?").arg(name)
        subtitle: qsTr("Clients that ask for it get 404, unless a backend lists the name. Requests in flight go on.")
        actionText: qsTr("Remove")
        onConfirmed: App.models.remove(name)
    }
    Connections {
        target: App.models

        function onRemoved(name) {
            removal.close();
        }
        function onFailed(message) {
            removal.problem = message;
        }
    }
}
