// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Shows the exact command of a backend before its first run, and asks whether it may run.
ConfirmDialog {
    id: root

    property string name: ""
    property string command: ""

    function ask(backend: string, text: string) {
        name = backend;
        command = text;
        problem = "";
        open();
    }

    width: Math.min(620, parent ? parent.width - Theme.gapXxl * 2 : 620)
    //: %1 is the name of a backend
    title: qsTr("May Tidegate run this for “%1”?").arg(name)
    subtitle: qsTr("It runs as you, whenever a request needs the backend. You are asked again when the command changes.")
    actionText: qsTr("Allow this command")
    actionKind: Button.Primary
    onConfirmed: {
        App.backends.confirmCommand(name);
        close();
    }

    CodeBlock {
        Layout.fillWidth: true
        objectName: "commandText"
        code: root.command
        //: Read aloud for a block of code
        name: qsTr("command")
        wraps: true
        onCopyRequested: text => App.copyText(text)
    }
}
