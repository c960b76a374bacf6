// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Models"

    function init() {
        open("models");
        tryVerify(() => item("modelList") !== null && card("fast") !== null);
    }
    function cleanup() {
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("saveModel") === null && item("confirmButton") === null);
    }
    function card(name) {
        const list = item("modelList");
        for (let i = 0; i < list.count; ++i) {
            if (list.itemAtIndex(i).name === name)
                return list.itemAtIndex(i);
        }
        return null;
    }
    function backendsOf(name) {
        return Array.from(App.models.form(name).targets).map(target => target.backend);
    }

    function test_dryRunShowsTheLanesAndWhy() {
        mouseClick(bench.find(card("smart"), "tryModel"));
        compare(App.dryRun.model, "smart");
        tryVerify(() => item("dryRunHeadline") !== null);
        verify(item("dryRunHeadline").ok);
        compare(App.dryRun.lanes.length, 3);
        bench.picture(content, "models-dryrun");
        compare(bench.unnamedItems(overlayOrContent()), []);
        item("dryRunModel").forceActiveFocus();
        item("dryRunModel").selectAll();
        keyClick(Qt.Key_X);
        compare(App.dryRun.model, "x");
        verify(!item("dryRunHeadline").ok);
        bench.picture(content, "models-notfound");
        item("dryRunKey").activated(1);
        verify(App.dryRun.key !== "");
        App.dryRun.model = "fast";
        bench.picture(content, "models-fast");
    }
    function test_whatTheFileSetsIsReadOnly() {
        const smart = card("smart");
        verify(smart.readOnly);
        compare(smart.originText, "from config file");
        compare(bench.find(smart, "editModel"), null);
        compare(bench.find(smart, "removeModel"), null);
        compare(bench.find(smart, "targetHandle"), null);
    }
    function test_keysMoveATarget() {
        const before = backendsOf("fast");
        const handle = bench.find(card("fast"), "targetHandle");
        handle.forceActiveFocus(Qt.TabFocusReason);
        keyClick(Qt.Key_Down);
        tryVerify(() => backendsOf("fast")[1] === before[0]);
        // It keeps the focus, so that the next key moves it on.
        tryVerify(() => window.activeFocusItem && window.activeFocusItem.objectName === "targetHandle");
        keyClick(Qt.Key_Up);
        tryVerify(() => backendsOf("fast")[0] === before[0]);
    }
    function test_draggingMovesATarget() {
        const before = backendsOf("local");
        const handle = bench.find(card("local"), "targetHandle");
        mousePress(handle, 12, 12);
        mouseMove(handle, 12, 20);
        mouseMove(handle, 12, 44);
        compare(card("local").dropIndex, 1);
        bench.picture(content, "models-drag");
        mouseRelease(handle, 12, 12);
        tryVerify(() => backendsOf("local")[1] === before[0]);
    }
    function test_addingAndRemoving() {
        const before = App.models.count;
        mouseClick(item("pageAction"));
        tryVerify(() => item("saveModel") !== null);
        verify(!item("saveModel").enabled);
        item("modelNameField").text = "cheap";
        item("addTarget").press();
        tryVerify(() => item("saveModel").enabled);
        const weight = item("targetWeight");
        weight.forceActiveFocus();
        weight.selectAll();
        keyClick(Qt.Key_X);
        verify(!item("saveModel").enabled);
        weight.selectAll();
        keyClick(Qt.Key_3);
        verify(item("saveModel").enabled);
        item("strategyBox").currentIndex = item("strategyBox").indexOfValue("weighted");
        compare(bench.unnamedItems(overlayOrContent()), []);
        bench.picture(content, "models-add");
        mouseClick(item("saveModel"));
        tryVerify(() => item("saveModel") === null);
        tryCompare(App.models, "count", before + 1);
        compare(App.models.form("cheap").strategy, "weighted");
        compare(App.models.form("cheap").targets.length, 2);
        tryVerify(() => card("cheap") !== null);
        item("modelList").positionViewAtEnd();
        mouseClick(bench.find(card("cheap"), "removeModel"));
        tryVerify(() => item("confirmButton") !== null);
        mouseClick(item("confirmButton"));
        tryCompare(App.models, "count", before);
        item("modelList").positionViewAtBeginning();
    }
    function test_editingKeepsTheTargets() {
        const before = backendsOf("fast");
        mouseClick(bench.find(card("fast"), "editModel"));
        tryVerify(() => item("saveModel") !== null);
        verify(!item("modelNameField").enabled);
        item("dialogHandle").moveRequested(1);
        bench.picture(content, "models-edit");
        mouseClick(item("saveModel"));
        tryVerify(() => item("saveModel") === null);
        tryVerify(() => backendsOf("fast")[0] === before[1]);
        App.models.moveTarget("fast", 1, 0);
        tryVerify(() => backendsOf("fast")[0] === before[0]);
    }
}
