// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/ledgerreport.h"

#include "gateway/base/clock.h"
#include "gateway/store/usagereader.h"

#include <QCoreApplication>

#include <algorithm>

namespace tidegate {

namespace {

UsageQuery::By groupOf(UsageGroup group)
{
    switch (group) {
    case UsageGroup::Key:
        return UsageQuery::By::Key;
    case UsageGroup::Team:
        return UsageQuery::By::Team;
    case UsageGroup::Model:
        return UsageQuery::By::Model;
    case UsageGroup::Backend:
        return UsageQuery::By::Backend;
    }
    return UsageQuery::By::None;
}

UsageQuery::By stepOf(UsageRequest::Step step)
{
    switch (step) {
    case UsageRequest::Step::Minute:
        return UsageQuery::By::Minute;
    case UsageRequest::Step::Hour:
        return UsageQuery::By::Hour;
    case UsageRequest::Step::Day:
        return UsageQuery::By::Day;
    case UsageRequest::Step::Month:
        return UsageQuery::By::Month;
    }
    return UsageQuery::By::Hour;
}

UsageFigures figures(const UsageTotals &totals)
{
    UsageFigures f;
    f.requests = totals.requests;
    f.errors = totals.errors();
    f.cancelled = totals.cancelled;
    f.tokensIn = totals.inputTokens;
    f.tokensOut = totals.outputTokens;
    f.cachedIn = totals.cachedInputTokens;
    f.reasoning = totals.reasoningTokens;
    f.cost = totals.cost;
    f.unknownCost = totals.unknownCost;
    f.estimated = totals.estimated;
    f.p50Us = totals.p50Us;
    f.p95Us = totals.p95Us;
    f.p99Us = totals.p99Us;
    return f;
}

} // namespace

Result<UsageReport> ledgerReport(const QString &databasePath, const UsageRequest &request)
{
    UsageReader reader;
    if (const Result<Done> opened = reader.open(databasePath); !opened) {
        return Error{opened.error()};
    }
    UsageQuery query;
    query.fromUs = request.fromUs;
    query.toUs = request.toUs;
    query.groupBy = stepOf(request.step);
    query.seriesBy = groupOf(request.group);
    query.timeZone = request.timeZone;
    const Result<UsageResult> usage = reader.usage(query);
    if (!usage) {
        return Error{usage.error()};
    }
    UsageReport report;
    report.complete = usage->complete;
    report.total = figures(usage->total);
    for (size_t i = 0; i < usage->groups.size(); ++i) {
        report.startsUs.push_back(usage->groups[i].id);
        report.steps.push_back(figures(usage->groupTotals[i]));
    }
    for (size_t i = 0; i < usage->series.size(); ++i) {
        UsageReport::Series series;
        series.name = usage->series[i].name;
        if (series.name.isEmpty() && usage->series[i].id != 0) {
            series.name = u'#' + QString::number(usage->series[i].id);
        }
        if (usage->series[i].deleted && !series.name.isEmpty()) {
            //: After the name of a key or team that is gone
            series.name += u' ' + QCoreApplication::translate("LedgerReport", "(deleted)");
        }
        series.total = figures(usage->seriesTotals[i]);
        series.steps.resize(report.startsUs.size());
        report.series.push_back(std::move(series));
    }
    for (const UsageResult::Cell &cell : usage->cells) {
        report.series[size_t(cell.series)].steps[size_t(cell.group)] = figures(cell.totals);
    }
    query.fromUs = request.previousFromUs;
    query.toUs = request.previousToUs;
    query.groupBy = UsageQuery::By::None;
    query.seriesBy = UsageQuery::By::None;
    // Without it the tiles merely show no change.
    if (const Result<UsageResult> before = reader.usage(query)) {
        report.previous = figures(before->total);
    }
    return report;
}

Result<Money> ledgerCost(const QString &databasePath, qint64 fromUs)
{
    UsageReader reader;
    if (const Result<Done> opened = reader.open(databasePath); !opened) {
        return Error{opened.error()};
    }
    UsageQuery query;
    query.fromUs = fromUs;
    query.toUs = std::max(fromUs + 1, wallClockUs());
    const Result<UsageResult> usage = reader.usage(query);
    if (!usage) {
        return Error{usage.error()};
    }
    return usage->total.cost;
}

} // namespace tidegate
