// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate
import Tidegate.App

/// Asks for how long a breaker is to be open.
ConfirmDialog {
    id: root

    property string name: ""

    function ask(backend: string) {
        name = backend;
        problem = "";
        open();
    }

    //: %1 is the name of a backend
    title: qsTr("Open the breaker of “%1”?").arg(name)
    subtitle: qsTr("New requests go to the next backend at once. Those under way go on.")
    actionText: qsTr("Open it")
    onConfirmed: {
        App.backends.trip(name, span.value);
        close();
    }

    Segmented {
        id: span

        objectName: "tripSpan"
        name: qsTr("For how long")
        value: 300
        options: [
            {value: 60, text: qsTr("1 min")},
            {value: 300, text: qsTr("5 min")},
            {value: 1800, text: qsTr("30 min")},
            {value: 0, text: qsTr("Until I reset it")}
        ]
        onChosen: value => span.value = value
    }
}
