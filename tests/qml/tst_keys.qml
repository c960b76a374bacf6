// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Keys"

    function init() {
        open("keys");
        item("keySections").chosen("keys");
        tryVerify(() => item("keyList") !== null);
    }
    /// The menu of the first key, and in it the entry of that name.
    function chooseAction(entry) {
        mouseClick(item("keyMenuButton"));
        tryVerify(() => item(entry) !== null);
        // The lines of a menu find their places with its first frame.
        waitForRendering(item(entry));
        bench.picture(content, "key-menu");
        compare(bench.unnamedItems(overlayOrContent()), []);
        mouseClick(item(entry));
    }

    function test_keyIsShownOnce() {
        const before = App.keys.count;
        mouseClick(item("pageAction"));
        tryVerify(() => item("keyNameField") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        verify(!item("createButton").enabled);
        item("keyNameField").text = "laptop";
        item("requestsPerMinute").text = "many";
        verify(!item("createButton").enabled);
        item("requestsPerMinute").text = "30";
        item("budgetUsd").text = "12.50";
        item("modelsField").text = "gpt-*";
        item("teamBox").currentIndex = 1;
        verify(item("createButton").enabled);
        bench.picture(content, "key-create");
        mouseClick(item("createButton"));
        tryVerify(() => item("newKey") !== null);
        const key = item("newKey").code;
        verify(key.startsWith("tg-"), key);
        compare(App.keys.count, before + 1);
        bench.picture(content, "key-shown");
        compare(bench.unnamedItems(overlayOrContent()), []);
        keyClick(Qt.Key_Escape);
        verify(item("newKey") !== null, "Escape must not throw the key away");
        mouseClick(item("saveEnvButton"));
        compare(bench.saved("tidegate-laptop.env"), "OPENAI_BASE_URL=" + App.gateway.baseUrl + "\nOPENAI_API_KEY=" + key + "\n");
        mouseClick(item("doneButton"));
        tryVerify(() => item("newKey") === null);
        mouseClick(item("pageAction"));
        tryVerify(() => item("createButton") !== null);
        compare(item("newKey"), null);
        compare(item("requestsPerMinute").text, "");
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("createButton") === null);
    }
    function test_limitsCanBeChanged() {
        const name = item("keyMenuButton").keyName;
        chooseAction("editKey");
        tryVerify(() => item("keyNameField") !== null);
        compare(item("keyNameField").text, name);
        item("tokensPerDay").text = "123456";
        item("requestsPerMinute").text = "";
        item("tokensPerMinute").text = "";
        verify(!item("limitAlgorithm").enabled, "there is no limit a minute");
        item("requestsPerMinute").text = "60";
        item("limitAlgorithm").currentIndex = 1;
        item("budgetUsd").text = "7";
        item("budgetSoftPercent").text = "0";
        verify(!item("createButton").enabled);
        item("budgetSoftPercent").text = "65";
        bench.picture(content, "key-edit");
        mouseClick(item("createButton"));
        tryVerify(() => item("keyNameField") === null);
        chooseAction("editKey");
        tryVerify(() => item("keyNameField") !== null);
        compare(item("tokensPerDay").text, "123456");
        compare(item("budgetUsd").text, "7");
        compare(item("budgetSoftPercent").text, "65");
        compare(item("limitAlgorithm").currentValue, "sliding_window");
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("keyNameField") === null);
    }
    function test_rotatingOverlapsByADay() {
        chooseAction("rotateKey");
        tryVerify(() => item("rotateButton") !== null);
        compare(item("overlapBox").currentValue, 24);
        bench.picture(content, "key-rotate");
        mouseClick(item("rotateButton"));
        tryVerify(() => item("newKey") !== null);
        verify(item("newKey").code.startsWith("tg-"));
        mouseClick(item("doneButton"));
        tryVerify(() => item("newKey") === null);
    }
    function test_disablingCanBeUndone() {
        const before = App.keys.activeCount;
        chooseAction("disableKey");
        tryCompare(App.keys, "activeCount", before - 1);
        tryVerify(() => item("toastAction") !== null);
        bench.picture(content, "key-disabled");
        mouseClick(item("toastAction"));
        tryCompare(App.keys, "activeCount", before);
        tryVerify(() => item("toastAction") === null);
    }
    function test_yRevokingAsksForTheName() {
        const before = App.keys.activeCount;
        const name = item("keyMenuButton").keyName;
        chooseAction("revokeKey");
        tryVerify(() => item("confirmField") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        verify(!item("confirmButton").enabled);
        bench.picture(content, "key-revoke");
        item("confirmField").text = name;
        verify(item("confirmButton").enabled);
        mouseClick(item("confirmButton"));
        tryVerify(() => item("confirmField") === null);
        tryCompare(App.keys, "activeCount", before - 1);
    }
    function test_zDeletingAsksForTheName() {
        const before = App.keys.count;
        const name = item("keyMenuButton").keyName;
        chooseAction("deleteKey");
        tryVerify(() => item("confirmField") !== null);
        item("confirmField").text = name;
        mouseClick(item("confirmButton"));
        tryVerify(() => item("confirmField") === null);
        tryCompare(App.keys, "count", before - 1);
    }
    function test_exportIsSaved() {
        mouseClick(item("exportKeys"));
        const text = bench.saved("tidegate-keys.csv");
        verify(text.startsWith("name,prefix,team,"), text);
        verify(text.includes("\r\nci,"), text);
    }
    function test_teams() {
        item("keySections").chosen("teams");
        tryVerify(() => item("teamList") !== null);
        bench.picture(content, "teams");
        compare(bench.unnamedItems(overlayOrContent()), []);
        const before = App.teams.count;
        mouseClick(item("pageAction"));
        tryVerify(() => item("teamNameField") !== null);
        item("teamNameField").text = "ops";
        item("budgetUsd").text = "100";
        compare(bench.unnamedItems(overlayOrContent()), []);
        bench.picture(content, "team-create");
        mouseClick(item("saveTeamButton"));
        tryVerify(() => item("teamNameField") === null);
        tryCompare(App.teams, "count", before + 1);
        // A team with keys stays, and says why. The rows find their places with the next frame.
        wait(50);
        mouseClick(item("removeTeam"));
        tryVerify(() => item("confirmButton") !== null);
        mouseClick(item("confirmButton"));
        wait(50);
        verify(item("confirmButton") !== null);
        bench.picture(content, "team-remove");
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("confirmButton") === null);
    }
}
