// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The window of the panel.
T.ApplicationWindow {
    id: window

    readonly property var pages: [
        {page: "live", title: qsTr("Live"), icon: "activity"},
        {page: "keys", title: qsTr("Keys"), icon: "key-round"},
        {page: "backends", title: qsTr("Backends"), icon: "server"},
        {page: "settings", title: qsTr("Settings"), icon: "settings"}
    ]
    readonly property bool inSetup: App.currentPage === "setup"

    function reveal() {
        show();
        raise();
        requestActivate();
    }
    function beginSetupIfNeeded() {
        if (App.firstRunNeeded)
            App.currentPage = "setup";
    }
    function restoreGeometry() {
        const saved = App.settings.windowGeometry; // qmllint disable type
        if (saved.width < minimumWidth || saved.height < minimumHeight)
            return;
        x = saved.x;
        y = saved.y;
        width = saved.width;
        height = saved.height;
    }
    function rememberGeometry() {
        if (visibility === Window.Windowed)
            App.settings.windowGeometry = Qt.rect(x, y, width, height);
    }

    component PageShortcut: Shortcut {
        required property string page

        enabled: App.currentPage !== "setup"
        onActivated: App.currentPage = page
    }

    minimumWidth: 960
    minimumHeight: 600
    width: 1280
    height: 800
    title: qsTr("Tidegate")
    color: Theme.colors.window
    font.family: Theme.sans
    font.pixelSize: Theme.body

    palette.window: Theme.colors.window
    palette.windowText: Theme.colors.text
    palette.base: Theme.colors.surface
    palette.text: Theme.colors.text
    palette.highlight: Theme.colors.accent
    palette.highlightedText: Theme.colors.inkOnAccent

    Component.onCompleted: {
        restoreGeometry();
        beginSetupIfNeeded();
    }
    onClosing: close => {
        close.accepted = false;
        rememberGeometry();
        App.closeWindow();
    }

    Binding {
        target: Theme
        property: "dark"
        value: App.settings.dark
    }
    Binding {
        target: Theme
        property: "reducedMotion"
        value: App.settings.reducedMotion || App.frozen
    }
    Connections {
        target: App

        // The configuration is read after the window was made.
        function onFirstRunNeededChanged() {
            window.beginSetupIfNeeded();
        }
        function onShowWindowRequested() {
            window.reveal();
        }
        function onHideWindowRequested() {
            window.hide();
        }
        function onQuitConfirmationNeeded(activeStreams, noTray) {
            window.reveal();
            quitDialog.ask(activeStreams, noTray);
        }
        function onNotice(text) {
            toast.show(text);
        }
        function onFirstKeyCreated(plaintext) {
            if (!window.inSetup)
                keyDialog.show(plaintext);
        }
        function onQuitRequested() {
            window.rememberGeometry();
        }
    }

    PageShortcut {
        sequence: "Ctrl+1"
        page: "live"
    }
    PageShortcut {
        sequence: "Ctrl+2"
        page: "keys"
    }
    PageShortcut {
        sequence: "Ctrl+3"
        page: "backends"
    }
    PageShortcut {
        sequence: "Ctrl+4"
        page: "settings"
    }
    PageShortcut {
        sequences: [StandardKey.Preferences, "Ctrl+,"] // qmllint disable unqualified
        page: "settings"
    }
    Shortcut {
        sequences: [StandardKey.HelpContents] // qmllint disable unqualified
        onActivated: shortcutDialog.open()
    }
    Shortcut {
        sequences: [StandardKey.Quit] // qmllint disable unqualified
        onActivated: App.requestQuit()
    }

    RowLayout {
        anchors.fill: parent
        spacing: 0
        visible: !window.inSetup

        NavigationRail {
            Layout.fillHeight: true
            pages: window.pages
            currentPage: App.currentPage
            onPageChosen: page => App.currentPage = page
            onHelpRequested: shortcutDialog.open()
        }
        ColumnLayout {
            Layout.fillWidth: true
            Layout.fillHeight: true
            spacing: 0

            HeaderBar {
                Layout.fillWidth: true
            }
            BannerStack {
                Layout.fillWidth: true
            }
            Item {
                Layout.fillWidth: true
                Layout.fillHeight: true

                PageSlot {
                    shown: App.currentPage === "live"
                    sourceComponent: LivePage {}
                }
                PageSlot {
                    shown: App.currentPage === "keys"
                    sourceComponent: KeysPage {}
                }
                PageSlot {
                    shown: App.currentPage === "backends"
                    sourceComponent: BackendsPage {}
                }
                PageSlot {
                    shown: App.currentPage === "settings"
                    sourceComponent: SettingsPage {}
                }
            }
        }
    }
    Loader {
        anchors.fill: parent
        active: window.inSetup
        sourceComponent: SetupPage {}
    }
    Toast {
        id: toast

        anchors.horizontalCenter: parent.horizontalCenter
        anchors.bottom: parent.bottom
        anchors.bottomMargin: Theme.gapXl
    }
    ShortcutDialog {
        id: shortcutDialog
    }
    QuitDialog {
        id: quitDialog
    }
    KeyCreateDialog {
        id: keyDialog
    }
}
