// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The request stream: a virtualised table, newest at the end.
Item {
    id: root

    property alias currentIndex: list.currentIndex
    readonly property alias listView: list

    /// Show the details of the current row.
    signal openRequested
    signal columnsRequested

    function step(by: int) {
        const last = list.count - 1;
        if (last < 0)
            return;
        list.currentIndex = Math.max(0, Math.min(last, list.currentIndex < 0 ? last : list.currentIndex + by));
        App.live.followTail = list.currentIndex === last;
    }
    function jump(toEnd: bool) {
        list.currentIndex = toEnd ? list.count - 1 : 0;
        App.live.followTail = toEnd;
        toEnd ? list.positionViewAtEnd() : list.positionViewAtBeginning();
    }

    // The details stay open while other pages are shown, and may be opened from outside.
    Component.onCompleted: if (App.detail.valid)
        list.currentIndex = App.live.rowOfExchange(App.detail.exchangeId)

    LiveColumns {
        id: liveColumns

        available: list.width - Theme.gapS
    }
    LiveHeader {
        id: header

        width: parent.width
        columns: liveColumns
        onColumnsRequested: root.columnsRequested()
    }
    NumberAnimation {
        id: pulse

        property real value: 0

        target: pulse
        property: "value"
        from: 0
        to: 1
        duration: Theme.pulseDuration
        loops: Animation.Infinite
        easing.type: Easing.InOutSine
        running: App.live.countStreaming > 0 && root.visible && !App.live.paused && !Theme.reducedMotion
    }
    Timer {
        id: tail

        // After the view has placed the new rows.
        interval: 0
        onTriggered: list.keepTail()
    }
    ListView {
        id: list

        objectName: "liveList"
        anchors.fill: parent
        anchors.topMargin: header.height
        // Whole rows only, so that the first one is not cut while the tail is followed.
        anchors.bottomMargin: Math.max(0, (root.height - header.height) % Theme.rowHeight)
        model: App.live
        clip: true
        reuseItems: true
        boundsBehavior: Flickable.StopAtBounds
        highlightFollowsCurrentItem: false
        keyNavigationEnabled: false
        activeFocusOnTab: true
        focus: true
        currentIndex: -1

        function keepTail() {
            if (App.live.followTail && !App.live.paused)
                positionViewAtEnd();
        }
        function noteScroll() {
            App.live.followTail = atYEnd;
        }

        Accessible.role: Accessible.List
        Accessible.name: qsTr("Requests, newest last")

        onCountChanged: tail.restart()
        onHeightChanged: tail.restart()
        onMovementEnded: noteScroll()
        onCurrentIndexChanged: if (currentIndex >= 0)
            positionViewAtIndex(currentIndex, ListView.Contain)

        Keys.onUpPressed: root.step(-1)
        Keys.onDownPressed: root.step(1)
        Keys.onReturnPressed: root.openRequested()
        Keys.onEnterPressed: root.openRequested()
        Keys.onPressed: event => {
            event.accepted = true;
            switch (event.key) {
            case Qt.Key_J:
                return root.step(1);
            case Qt.Key_K:
                return root.step(-1);
            case Qt.Key_PageDown:
                return root.step(Math.floor(list.height / Theme.rowHeight));
            case Qt.Key_PageUp:
                return root.step(-Math.floor(list.height / Theme.rowHeight));
            case Qt.Key_Home:
                return root.jump(false);
            case Qt.Key_End:
                return root.jump(true);
            }
            event.accepted = false;
        }

        T.ScrollBar.vertical: ScrollBar {
            onPressedChanged: if (!pressed)
                list.noteScroll()
        }

        delegate: LiveRowDelegate {
            width: ListView.view.width
            columns: liveColumns
            selected: ListView.isCurrentItem
            pulse: streaming ? pulse.value : 0
            onChosen: {
                list.forceActiveFocus();
                list.currentIndex = index;
            }
            onOpened: root.openRequested()
        }
    }
    Connections {
        target: App.live

        function onFollowTailChanged() {
            list.keepTail();
        }
        function onPausedChanged() {
            list.keepTail();
        }
    }
    FocusRing {
        anchors.fill: list
        shown: list.activeFocus && list.currentIndex < 0
        distance: -Theme.focusWidth * 2
    }
}
