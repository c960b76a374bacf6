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
        {page: "models", title: qsTr("Models"), icon: "layers"},
        {page: "usage", title: qsTr("Usage"), icon: "chart-column"},
        {page: "settings", title: qsTr("Settings"), icon: "settings"}
    ]
    readonly property var commands: pages.map((entry, index) => ({
                text: entry.title,
                icon: entry.icon,
                keys: "Ctrl+" + (index + 1),
                run: () => App.currentPage = entry.page
            })).concat([
        {text: qsTr("Copy the base URL"), icon: "copy", keys: "", run: () => App.copyText(App.gateway.baseUrl)},
        {
            text: App.gateway.state === GatewayStatus.State.Paused ? qsTr("Accept requests again") : qsTr("Stop accepting requests"),
            icon: App.gateway.state === GatewayStatus.State.Paused ? "play" : "pause",
            keys: "",
            run: () => App.gateway.state === GatewayStatus.State.Paused ? App.gateway.resume() : App.gateway.pause()
        },
        {text: qsTr("Export the requests as CSV"), icon: "download", keys: "", run: () => App.saveLiveCsv()},
        {text: qsTr("Export the keys as CSV"), icon: "download", keys: "", run: () => App.saveKeysCsv()},
        {text: qsTr("Dark theme"), icon: "moon", keys: "", run: () => App.settings.theme = AppSettings.Theme.Dark},
        {text: qsTr("Light theme"), icon: "sun", keys: "", run: () => App.settings.theme = AppSettings.Theme.Light},
        {text: qsTr("First steps"), icon: "zap", keys: "", run: () => App.currentPage = "setup"},
        {text: qsTr("Keyboard shortcuts"), icon: "keyboard", keys: "F1", run: () => shortcutDialog.open()},
        {text: qsTr("Quit"), icon: "x", keys: "Ctrl+Q", run: () => App.requestQuit()}
    ])
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
                //: Name of the client key that is made at the first start
                keyDialog.show(plaintext, "default", 0);
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
        page: "models"
    }
    PageShortcut {
        sequence: "Ctrl+5"
        page: "usage"
    }
    PageShortcut {
        sequence: "Ctrl+6"
        page: "settings"
    }
    PageShortcut {
        sequences: [StandardKey.Preferences, "Ctrl+,"] // qmllint disable unqualified
        page: "settings"
    }
    Shortcut {
        sequence: "Ctrl+K"
        enabled: !window.inSetup
        onActivated: commandPalette.open()
    }
    Shortcut {
        sequence: "Ctrl+E"
        enabled: !window.inSetup
        onActivated: App.exportPage()
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
        LayoutMirroring.enabled: Qt.application.layoutDirection === Qt.RightToLeft // qmllint disable
        LayoutMirroring.childrenInherit: true

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
                    shown: App.currentPage === "models"
                    sourceComponent: ModelsPage {}
                }
                PageSlot {
                    shown: App.currentPage === "usage"
                    sourceComponent: UsagePage {}
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
        LayoutMirroring.enabled: Qt.application.layoutDirection === Qt.RightToLeft // qmllint disable
        LayoutMirroring.childrenInherit: true
        sourceComponent: SetupPage {}
    }
    Toast {
        id: toast

        anchors.horizontalCenter: parent.horizontalCenter
        anchors.bottom: parent.bottom
        anchors.bottomMargin: Theme.gapXl
    }
    CommandPalette {
        id: commandPalette

        commands: window.commands
    }
    ShortcutDialog {
        id: shortcutDialog
    }
    QuitDialog {
        id: quitDialog
    }
    NewKeyDialog {
        id: keyDialog
    }
}
