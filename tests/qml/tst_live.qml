// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Live"

    property var list: null

    function init() {
        open("live");
        App.live.paused = false;
        App.live.filterText = "";
        App.live.chip = LiveModel.Chip.All;
        App.live.clear();
        App.detail.close();
        App.live.followTail = true;
        bench.addRequests(40);
        tryVerify(() => item("liveList") !== null);
        list = item("liveList");
        tryCompare(list, "count", 40);
        list.forceActiveFocus();
        list.currentIndex = -1;
    }

    function test_tailIsFollowed() {
        bench.addRequests(100);
        tryVerify(() => list.atYEnd);
        list.positionViewAtBeginning();
        App.live.followTail = false;
        bench.addRequests(10);
        wait(50);
        verify(!list.atYEnd);
    }
    function test_keysMoveTheRow() {
        keyClick(Qt.Key_Home);
        compare(list.currentIndex, 0);
        verify(!App.live.followTail);
        keyClick(Qt.Key_J);
        compare(list.currentIndex, 1);
        keyClick(Qt.Key_Down);
        compare(list.currentIndex, 2);
        keyClick(Qt.Key_K);
        keyClick(Qt.Key_Up);
        compare(list.currentIndex, 0);
        keyClick(Qt.Key_Up);
        compare(list.currentIndex, 0);
        keyClick(Qt.Key_End);
        compare(list.currentIndex, 39);
        verify(App.live.followTail);
    }
    function test_enterOpensTheDetailsAndEscapeCloses() {
        keyClick(Qt.Key_Home);
        keyClick(Qt.Key_Return);
        verify(App.detail.valid);
        compare(App.detail.exchangeId, App.live.exchangeIdAt(0));
        keyClick(Qt.Key_J);
        compare(App.detail.exchangeId, App.live.exchangeIdAt(1));
        keyClick(Qt.Key_Escape);
        verify(!App.detail.valid);
        verify(list.activeFocus);
    }
    function test_spacePausesAndTheButtonCountsWhatIsNew() {
        keyClick(Qt.Key_Space);
        verify(App.live.paused);
        bench.addRequests(128);
        compare(list.count, 40);
        const button = item("pauseButton");
        tryVerify(() => button.text.includes("+128"), 1000, button.text);
        mouseClick(button);
        verify(!App.live.paused);
        tryCompare(list, "count", 168);
    }
    function test_filterFieldShowsWhatIsWrong() {
        keySequence(StandardKey.Find);
        const field = item("filterField");
        tryVerify(() => field.activeFocus);
        field.text = "status:>=";
        tryVerify(() => item("filterError") !== null);
        verify(item("filterError").text.length > 10);
        compare(list.count, 40);
        verify(field.problem);
        bench.picture(field, "live-filter-error");
        field.text = "status:>=500";
        tryVerify(() => item("filterError") === null);
        compare(list.count, App.live.countErrors);
        verify(list.count > 0 && list.count < 40);
    }
    function test_emptyStates() {
        App.live.filterText = "model:nothing-like-it";
        tryVerify(() => item("liveEmpty") !== null);
        bench.picture(list, "live-nothing-matches");
        App.live.filterText = "";
        keySequence("Ctrl+L");
        tryCompare(App.live, "countAll", 0);
        tryVerify(() => item("liveEmpty") !== null);
        bench.picture(content, "live-empty");
    }
    function test_onlyVisibleRowsAreMade() {
        bench.addRequests(2000);
        tryCompare(list, "count", 2040);
        wait(50);
        verify(list.contentItem.children.length < 80, list.contentItem.children.length + " delegates");
    }
    function test_fastBatchesLeaveTheWindowAlive() {
        bench.addStreaming(500);
        const started = Date.now();
        for (let i = 0; i < 20; ++i) {
            bench.changeRequests(500);
            waitForRendering(list, 1000);
        }
        const each = (Date.now() - started) / 20;
        console.info("500 changed rows and a frame: " + each + " ms");
        verify(each < 100, each + " ms, but a batch comes every 100 ms");
    }
    function test_clearingTheFieldClearsTheFilter() {
        const field = item("filterField");
        field.text = "status:>=500";
        field.forceActiveFocus();
        keyClick(Qt.Key_Escape);
        compare(App.live.filterText, "");
        App.live.filterText = "key:ci";
        compare(field.text, "key:ci");
    }
    function test_filterHelpAndSheet() {
        keyClick(Qt.Key_F1);
        wait(50);
        compare(bench.unnamedItems(overlayOrContent()), []);
        bench.picture(content, "shortcuts");
        keyClick(Qt.Key_Escape);
    }
    function test_streamingRows() {
        bench.addStreaming(3);
        keyClick(Qt.Key_End);
        keyClick(Qt.Key_Return);
        wait(50);
        bench.picture(content, "live-streaming");
    }
}
