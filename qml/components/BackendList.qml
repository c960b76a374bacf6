// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The backends by priority. Choose one with the arrow keys, move it with Alt and the arrow keys or
/// by its grip.
ListView {
    id: root

    readonly property int pitch: cardHeight + spacing
    readonly property int cardHeight: 112
    /// Where a dragged card would come to stand; -1 while none is dragged.
    property int dropIndex: -1
    property int dragIndex: -1
    property real dragOffset: 0

    function rowOf(name: string): int {
        return Array.from(App.backends.names).indexOf(name);
    }
    function select(index: int) {
        if (index < 0 || index >= count)
            return;
        App.backend.show(App.backends.names[index]);
        positionViewAtIndex(index, ListView.Contain);
    }
    function drag(index: int, dy: real) {
        dragIndex = index;
        dragOffset = dy;
        dropIndex = Math.max(0, Math.min(count - 1, Math.round((index * pitch + dy) / pitch)));
    }
    function drop(name: string) {
        const to = dropIndex;
        endDrag();
        App.backends.move(name, to);
    }
    function endDrag() {
        dragIndex = -1;
        dropIndex = -1;
        dragOffset = 0;
    }

    objectName: "backendList"
    model: App.backends
    spacing: Theme.gapS
    clip: true
    boundsBehavior: Flickable.StopAtBounds
    interactive: dragIndex < 0
    activeFocusOnTab: true
    keyNavigationEnabled: false
    highlightFollowsCurrentItem: false
    currentIndex: rowOf(App.backend.name)
    T.ScrollBar.vertical: ScrollBar {}

    Accessible.role: Accessible.List
    Accessible.name: qsTr("Backends by priority")
    Accessible.description: qsTr("Up and down choose one; with Alt they move it.")

    Keys.onPressed: event => {
        const by = event.key === Qt.Key_Down ? 1 : event.key === Qt.Key_Up ? -1 : 0;
        if (by === 0)
            return;
        event.accepted = true;
        if (event.modifiers & Qt.AltModifier)
            App.backends.move(App.backend.name, currentIndex + by);
        else
            select(currentIndex + by);
    }

    delegate: Item {
        id: cell

        required property int index
        required property string name
        required property string typeLabel
        required property string url
        required property bool readOnly
        required property int rank
        required property string priorityText
        required property int condition
        required property string conditionText
        required property string reasonText
        required property string loadText
        required property var latencies
        required property var errors
        required property string latencyText
        required property string errorText
        required property string rateText
        required property string accessibleText
        required property var model
        readonly property bool dragged: root.dragIndex === index

        width: root.width
        height: root.cardHeight
        z: dragged ? 1 : 0

        BackendDelegate {
            width: parent.width - Theme.gapM
            height: parent.height
            y: cell.dragged ? root.dragOffset : 0
            opacity: cell.dragged ? 0.96 : 1
            name: cell.name
            typeLabel: cell.typeLabel
            url: cell.url
            readOnly: cell.readOnly
            rank: cell.rank
            priorityText: cell.priorityText
            condition: cell.condition
            conditionText: cell.conditionText
            reasonText: cell.reasonText
            loadText: cell.loadText
            latencies: cell.latencies
            errors: cell.errors
            latencyText: cell.latencyText
            errorText: cell.errorText
            rateText: cell.rateText
            accessibleText: cell.accessibleText
            fallback: cell.model.isDefault
            current: cell.name === App.backend.name
            focused: current && root.activeFocus
            //: %1 is a name, %2 its place in the list, %3 the length of the list
            placeText: qsTr("%1, %2 of %3").arg(cell.name).arg(cell.index + 1).arg(root.count)
            onChosen: {
                root.select(cell.index);
                root.forceActiveFocus();
            }
            onMoveRequested: by => App.backends.move(cell.name, cell.index + by)
            onDragMoved: dy => root.drag(cell.index, dy)
            onDragEnded: root.drop(cell.name)
            onDragCancelled: root.endDrag()
        }
    }

    Rectangle {
        // Where the card would go.
        parent: root.contentItem
        visible: root.dropIndex >= 0 && root.dropIndex !== root.dragIndex
        y: Math.max(0, root.pitch * (root.dropIndex + (root.dropIndex > root.dragIndex ? 1 : 0)) - root.spacing / 2 - height / 2)
        z: 2
        width: root.width - Theme.gapM
        height: Theme.focusWidth
        radius: 1
        color: Theme.colors.accent
    }
    Timer {
        // Near its edges the list scrolls under the dragged card.
        readonly property real at: root.dragIndex * root.pitch + root.dragOffset - root.contentY

        interval: 16
        repeat: true
        running: root.dragIndex >= 0 && (at < 0 && root.contentY > 0 || at + root.cardHeight > root.height && root.contentY < root.contentHeight - root.height)
        onTriggered: {
            const by = at < 0 ? -Theme.unit : Theme.unit;
            root.contentY += by;
            root.drag(root.dragIndex, root.dragOffset + by);
        }
    }
}
