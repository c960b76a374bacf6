// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Usage"

    function init() {
        open("usage");
        App.usage.range = UsageModel.Range.Today;
        App.usage.group = UsageModel.Group.Key;
        App.usage.measure = UsageModel.Measure.Requests;
        tryVerify(() => !App.usage.reading && item("stackChart") !== null);
    }

    function test_pagesOfTheRange_data() {
        return [
            {tag: "15 min", range: UsageModel.Range.QuarterHour, steps: 15},
            {tag: "1 h", range: UsageModel.Range.Hour, steps: 60},
            {tag: "30 days", range: UsageModel.Range.Month, steps: 30}
        ];
    }
    function test_pagesOfTheRange(row) {
        item("rangePicker").chosen(row.range);
        tryCompare(App.usage, "stepCount", row.steps);
        waitForRendering(item("stackChart"));
        bench.picture(content, "usage-" + row.steps);
        compare(bench.unnamedItems(overlayOrContent()), []);
        compare(bench.smallTargets(overlayOrContent()), []);
    }
    function test_groupsAndMeasures() {
        item("groupPicker").chosen(UsageModel.Group.Model);
        tryVerify(() => App.usage.groups.columns[0].title === "Model");
        item("measurePicker").chosen(UsageModel.Measure.Cost);
        tryVerify(() => App.usage.stackTicks[1].text.startsWith("$"));
        bench.picture(content, "usage-models");
    }
    function test_legendFilters() {
        const bars = App.usage.stacks.length;
        mouseClick(item("legendEntry"));
        compare(App.usage.stacks.length, bars - 1);
        bench.picture(content, "usage-hidden");
        mouseClick(item("legendEntry"));
        compare(App.usage.stacks.length, bars);
    }
    function test_arrowKeysReadTheChart() {
        const chart = item("stackChart");
        chart.forceActiveFocus();
        keyClick(Qt.Key_Left);
        compare(chart.current, App.usage.stepCount - 1);
        keyClick(Qt.Key_Left);
        compare(chart.current, App.usage.stepCount - 2);
        verify(chart.details.title !== "");
        bench.picture(content, "usage-hover");
        keyClick(Qt.Key_Escape);
        compare(chart.current, -1);
    }
    function test_tableSorts() {
        const table = App.usage.groups;
        const button = item("sortButton");
        mouseClick(button);
        compare(table.sortColumn, 0);
        const before = table.descending;
        mouseClick(button);
        compare(table.descending, !before);
    }
    function test_customRangeSaysWhatIsWrong() {
        item("rangePicker").chosen(UsageModel.Range.Custom);
        tryVerify(() => item("fromField") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        item("fromField").text = "soon";
        mouseClick(item("rangeButton"));
        tryVerify(() => item("rangeProblem").text !== "");
        bench.picture(content, "usage-custom");
        item("fromField").text = "2026-11-10";
        item("toField").text = "2026-11-12";
        mouseClick(item("rangeButton"));
        tryVerify(() => item("fromField") === null);
        tryCompare(App.usage, "stepCount", 72);
    }
    function test_exports() {
        mouseClick(item("exportUsage"));
        const name = "tidegate-usage-key-2026-11-20";
        verify(bench.saved(name + ".csv").startsWith("start,key,requests,"));
        mouseClick(item("exportPicture"));
        tryVerify(() => bench.isPicture(name + ".png"));
    }
    function test_pricesCanBeAdded() {
        App.usage.range = UsageModel.Range.Month;
        tryVerify(() => item("unknownCost") !== null);
        const before = App.prices.count;
        item("unknownCost").triggered();
        tryVerify(() => item("priceList") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        bench.picture(content, "prices");
        mouseClick(item("addPrice"));
        tryVerify(() => item("price-pattern") !== null);
        verify(!item("savePrice").enabled);
        item("price-pattern").text = "mistral-*";
        item("price-input").text = "cheap";
        item("price-output").text = "0.3";
        verify(!item("savePrice").enabled);
        bench.picture(content, "price-wrong");
        item("price-input").text = "0.1";
        verify(item("savePrice").enabled);
        mouseClick(item("savePrice"));
        tryVerify(() => item("priceList") !== null);
        tryCompare(App.prices, "count", before + 1);
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("priceList") === null);
    }
    function test_errorsAreSaid() {
        bench.failReports("The ledger is locked.");
        App.usage.refresh();
        tryVerify(() => item("stackChart") === null);
        bench.picture(content, "usage-error");
        bench.failReports("");
        App.usage.refresh();
        tryVerify(() => item("stackChart") !== null);
    }
    function test_aMonthPaintsFast() {
        const started = Date.now();
        App.usage.range = UsageModel.Range.Week;
        tryVerify(() => App.usage.stepCount > 140);
        waitForRendering(item("stackChart"));
        const took = Date.now() - started;
        console.info("a week by the hour, answered and painted: " + took + " ms");
        verify(took < 1000, took + " ms");
    }
}
