// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate
import Tidegate.App

/// What the Live page shows while there is nothing: how to send a request, or how to see more.
EmptyState {
    readonly property bool hidden: App.live.filtered && App.live.countAll > 0
    readonly property var snippets: App.setup.snippets

    iconName: hidden ? "list-filter" : "activity"
    title: hidden ? qsTr("Nothing matches") : qsTr("Waiting for the first request")
    sentence: hidden ? qsTr("The filter hides every request in the list.") : qsTr("Point any OpenAI client at the base URL above, and each request shows up here as it streams.")
    actionText: hidden ? qsTr("Show all requests") : qsTr("Send a test request")
    snippet: !hidden && snippets.length > 0 ? snippets[0].text : ""
    //: Completes "Copy %1"
    snippetName: qsTr("curl command")
    onCopyRequested: text => App.copyText(text)
    onTriggered: {
        if (!hidden) {
            App.currentPage = "setup";
            return;
        }
        App.live.filterText = "";
        App.live.chip = LiveModel.Chip.All;
    }
}
