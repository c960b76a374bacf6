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

    function test_columnsCanBeTakenOut() {
        tryVerify(() => list.itemAtIndex(list.count - 1) !== null);
        const columns = list.itemAtIndex(list.count - 1).columns;
        verify(columns.total > 0);
        mouseClick(item("columnsButton"));
        tryVerify(() => item("column-total") !== null);
        waitForRendering(item("column-total"));
        compare(bench.unnamedItems(overlayOrContent()), []);
        bench.picture(content, "live-columns");
        mouseClick(item("column-total"));
        mouseClick(item("column-model"));
        compare(columns.total, 0);
        compare(columns.model, 0);
        compare(Array.from(App.settings.hiddenLiveColumns), ["total", "model"]);
        mouseClick(item("column-total"));
        verify(columns.total > 0);
        mouseClick(item("allColumns"));
        verify(columns.model > 0);
        compare(App.settings.hiddenLiveColumns.length, 0);
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("column-total") === null);
    }
    function test_viewsAreSavedAndTaken() {
        mouseClick(item("viewsButton"));
        tryVerify(() => item("viewName") !== null);
        verify(!item("viewName").enabled, "there is no filter to save");
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("viewName") === null);
        App.live.filterText = "status:>=500";
        App.live.chip = LiveModel.Chip.Errors;
        mouseClick(item("viewsButton"));
        tryVerify(() => item("viewName") !== null);
        item("viewName").text = "broken";
        mouseClick(item("saveView"));
        tryVerify(() => item("savedView") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        waitForRendering(item("savedView"));
        bench.picture(content, "live-views");
        App.live.filterText = "";
        App.live.chip = LiveModel.Chip.All;
        mouseClick(item("savedView"));
        compare(App.live.filterText, "status:>=500");
        compare(App.live.chip, LiveModel.Chip.Errors);
        tryVerify(() => item("viewName") === null);
        mouseClick(item("viewsButton"));
        tryVerify(() => item("removeView") !== null);
        waitForRendering(item("removeView"));
        mouseClick(item("removeView"));
        tryVerify(() => item("savedView") === null);
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("viewName") === null);
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
        let longest = 0;
        for (let i = 0; i < 40; ++i) {
            const begun = Date.now();
            bench.changeRequests(500);
            // Whatever the batch leads to, frames too, is done before.
            wait(20);
            longest = Math.max(longest, Date.now() - begun - 20);
        }
        console.info("500 changed rows every 20 ms: the window waited " + longest + " ms at most");
        verify(longest < 100, longest + " ms");
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
