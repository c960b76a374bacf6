// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Backends"

    function init() {
        open("backends");
        tryVerify(() => App.backends.watched);
    }
    function cleanup() {
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("confirmButton") === null);
    }
    function confirm() {
        tryVerify(() => item("confirmButton") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        mouseClick(item("confirmButton"));
        tryVerify(() => item("confirmButton") === null);
    }

    function test_addingShowsTheModelsBeforeSaving() {
        const before = App.backends.count;
        mouseClick(item("pageAction"));
        tryVerify(() => item("typeBox") !== null);
        const box = item("typeBox");
        box.currentIndex = box.indexOfValue("ollama");
        box.activated(box.currentIndex);
        compare(bench.unnamedItems(overlayOrContent()), []);
        verify(item("nameField").text.startsWith("ollama"));
        verify(item("urlField").text !== "");
        mouseClick(item("dialogTestButton"));
        tryVerify(() => item("testResult") !== null);
        verify(item("testResult").ok);
        bench.picture(content, "backend-add");
        compare(App.backends.count, before);
        mouseClick(item("saveButton"));
        tryVerify(() => item("typeBox") === null);
        compare(App.backends.count, before + 1);
    }
    function test_aKeyIsNeededWhereTheProviderWantsOne() {
        mouseClick(item("pageAction"));
        tryVerify(() => item("typeBox") !== null);
        const box = item("typeBox");
        box.currentIndex = box.indexOfValue("openai");
        box.activated(box.currentIndex);
        verify(!item("saveButton").enabled);
        item("keyField").text = "sk-test";
        compare(item("keyField").echoMode, TextInput.Password);
        verify(item("saveButton").enabled);
        bench.picture(content, "backend-key");
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("typeBox") === null);
    }
    function test_advancedPartIsCheckedAndSaved() {
        App.backend.show("ollama");
        mouseClick(item("editButton"));
        tryVerify(() => item("advancedButton") !== null);
        compare(item("maxConcurrency"), null);
        item("advancedButton").press();
        tryVerify(() => item("maxConcurrency") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        compare(item("maxConcurrency").text, "2");
        bench.picture(content, "backend-advanced");
        item("maxConcurrency").forceActiveFocus();
        item("maxConcurrency").selectAll();
        keyClick(Qt.Key_X);
        verify(!item("saveButton").enabled);
        item("maxConcurrency").selectAll();
        keyClick(Qt.Key_6);
        verify(item("saveButton").enabled);
        mouseClick(item("saveButton"));
        tryVerify(() => item("advancedButton") === null);
        compare(App.backends.get("ollama").advanced.maxConcurrency, "6");
    }
    function test_keysMoveABackend() {
        App.backend.show("ollama");
        const list = item("backendList");
        list.forceActiveFocus();
        const before = App.backends.names.indexOf("ollama");
        verify(before > 0);
        keyClick(Qt.Key_Up, Qt.AltModifier);
        tryVerify(() => App.backends.names.indexOf("ollama") === before - 1);
        compare(list.currentIndex, before - 1);
        verify(list.activeFocus, "the focus stays with the list");
        keyClick(Qt.Key_Down, Qt.AltModifier);
        tryVerify(() => App.backends.names.indexOf("ollama") === before);
        keyClick(Qt.Key_Down);
        compare(App.backend.name, App.backends.names[before + 1]);
        keyClick(Qt.Key_Up);
        compare(App.backend.name, "ollama");
    }
    function test_draggingMovesABackend() {
        const list = item("backendList");
        list.positionViewAtBeginning();
        const before = App.backends.names.indexOf("ollama");
        const handle = bench.find(list.itemAtIndex(before), "backendHandle");
        mousePress(handle, 12, 12);
        mouseMove(handle, 12, 2);
        mouseMove(handle, 12, 12 - before * list.pitch);
        compare(list.dropIndex, 0);
        bench.picture(content, "backend-drag");
        mouseRelease(handle, 12, 12);
        tryVerify(() => App.backends.names.indexOf("ollama") === 0);
        compare(list.dropIndex, -1);
        App.backends.move("ollama", before);
        tryVerify(() => App.backends.names.indexOf("ollama") === before);
    }
    function test_draining() {
        App.backend.show("openai");
        mouseClick(item("drainButton"));
        bench.picture(content, "backend-drain");
        confirm();
        tryVerify(() => App.backend.draining);
        compare(item("conditionPill").condition, BackendsModel.Condition.Draining);
        bench.picture(content, "backend-draining");
        mouseClick(item("drainButton"));
        tryVerify(() => !App.backend.draining);
    }
    function test_openingAndResettingTheBreaker() {
        App.backend.show("openai");
        mouseClick(item("breakerButton"));
        tryVerify(() => item("tripSpan") !== null);
        bench.picture(content, "backend-trip");
        item("tripSpan").chosen(60);
        confirm();
        tryVerify(() => App.backend.breaker.state === "open");
        verify(App.backend.breaker.byHand);
        bench.picture(content, "backend-tripped");
        mouseClick(item("breakerButton"));
        tryVerify(() => App.backend.breaker.state === "closed");
    }
    function test_breakerStates_data() {
        return [{tag: "open", node: "12 s"}, {tag: "half_open", node: "1/3"}, {tag: "closed", node: ""}];
    }
    function test_breakerStates(row) {
        App.backend.show("openai");
        bench.playBreaker("openai", row.tag);
        compare(App.backend.breaker.state, row.tag);
        const diagram = item("breakerDiagram");
        compare(diagram.current, row.tag);
        verify(diagram.Accessible.name !== "");
        if (row.tag === "open")
            compare(App.backend.breaker.countdown, row.node);
        bench.picture(content, "backend-" + row.tag);
        App.backends.resetBreaker("openai");
        tryVerify(() => App.backend.breaker.byHand);
    }
    function test_aCommandIsShownBeforeItMayRun() {
        App.backend.show("cloud-gpu");
        tryVerify(() => item("confirmCommand") !== null);
        bench.picture(content, "backend-unconfirmed");
        mouseClick(item("confirmCommand"));
        tryVerify(() => item("commandText") !== null);
        compare(item("commandText").code, App.backend.managed.command);
        bench.picture(content, "backend-command");
        confirm();
        tryVerify(() => item("startManaged") !== null);
        mouseClick(item("startManaged"));
        tryVerify(() => App.backend.condition === BackendsModel.Condition.Starting);
        bench.picture(content, "backend-starting");
    }
    function test_zRemovingAsks() {
        App.backend.show("mistral");
        const before = App.backends.count;
        mouseClick(item("removeButton"));
        tryVerify(() => item("confirmButton") !== null);
        bench.picture(content, "backend-remove");
        confirm();
        tryCompare(App.backends, "count", before - 1);
        verify(App.backend.name !== "mistral");
    }
}
