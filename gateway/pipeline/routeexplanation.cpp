// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/routeexplanation.h"

#include "gateway/http/httprequest.h"

#include <QJsonArray>

#include <algorithm>
#include <map>
#include <optional>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

// Shares are counted over so many plans: to some percent, within a millisecond.
constexpr int kPlans = 500;

QString text(const QByteArray &bytes)
{
    return QString::fromUtf8(bytes);
}

QJsonValue orNull(const QByteArray &bytes)
{
    return bytes.isEmpty() ? QJsonValue(QJsonValue::Null) : QJsonValue(text(bytes));
}

qint64 msUntil(qint64 untilNs, qint64 nowNs)
{
    return untilNs > nowNs ? (untilNs - nowNs + 999'999) / 1'000'000 : 0;
}

/// The fields and the body of @p question, as affinity reads them.
HttpRequest httpRequestOf(const RouteQuestion &question)
{
    HttpRequest request;
    for (const auto &[name, value] : question.headers) {
        request.head.append(name).append(value);
    }
    size_t at = 0;
    const std::string_view head(request.head.constData(), size_t(request.head.size()));
    for (const auto &[name, value] : question.headers) {
        request.fields.push_back({head.substr(at, size_t(name.size())),
                                  head.substr(at + size_t(name.size()), size_t(value.size()))});
        at += size_t(name.size() + value.size());
    }
    request.body = question.body;
    return request;
}

/// The lane of @p plan that a request would be sent to, if any can take one: now, or once Tidegate
/// has started it.
const PlannedLane *firstReady(const LanePlan &plan, qint64 nowNs)
{
    const auto ready =
        std::find_if(plan.lanes.cbegin(), plan.lanes.cend(), [nowNs](const PlannedLane &lane) {
            return bool(lane.state().availability(nowNs));
        });
    if (ready != plan.lanes.cend()) {
        return &*ready;
    }
    const auto coming =
        std::find_if(plan.lanes.cbegin(), plan.lanes.cend(), [nowNs](const PlannedLane &lane) {
            return lane.state().availability(nowNs).isComing();
        });
    return coming == plan.lanes.cend() ? nullptr : &*coming;
}

using LaneName = std::pair<const Lane *, QByteArray>;

QJsonObject describe(const PlannedLane &lane, double share, qint64 nowNs)
{
    const LaneState &state = lane.state();
    const LaneState::Availability available = state.availability(nowNs);
    const LaneQueue::Figures queue = state.queue.figures();
    QJsonObject object{
        {u"backend"_s, text(lane.backend().name)},
        {u"model"_s, text(lane.model)},
        {u"fallback"_s, lane.isFallback},
        {u"via"_s, lane.via ? QJsonValue(text(lane.via->name)) : QJsonValue(QJsonValue::Null)},
        {u"share"_s, share},
        {u"available"_s, bool(available)},
        {u"in_flight"_s, state.load()},
        {u"waiting"_s, queue.waiting},
        {u"max_concurrency"_s, queue.maxConcurrency},
        {u"latency_ms"_s, double(state.latency.estimateNs(nowNs)) / 1e6},
        {u"max_attempts"_s, lane.retry().maxAttempts},
    };
    if (!available) {
        object.insert(u"reason"_s, QLatin1String(RouteTrace::reasonName(available.reason)));
        if (available.untilNs > 0) {
            object.insert(u"available_in_ms"_s, msUntil(available.untilNs, nowNs));
        }
    }
    return object;
}

QString summaryOf(const LanePlan &plan, const PlannedLane *first, qint64 nowNs)
{
    if (plan.error) {
        return text(plan.error->message);
    }
    if (!first) {
        const qint64 atNs = plan.availableAtNs(nowNs);
        return atNs == 0 ? u"No lane can take a request now, and none says when it can."_s
                         : u"No lane can take a request now; the first can in %1 ms."_s.arg(
                               msUntil(atNs, nowNs));
    }
    const QString backend = text(first->backend().name);
    if (first->state().availability(nowNs).isComing()) {
        return u"The request would wait until %1 is started, and then be sent to it as %2."_s.arg(
            backend, text(first->model));
    }
    return u"The request would be sent to %1 as %2."_s.arg(backend, text(first->model));
}

} // namespace

QJsonObject explainRoute(const Routes &routes, const RouteQuestion &question)
{
    const HttpRequest http = httpRequestOf(question);
    LaneDice dice(0); // of its own, so that no engine's turn changes
    const auto plan = [&routes, &question, &http, &dice] {
        return routes.plan(
            {.model = question.model,
             .dice = dice,
             .nowNs = question.nowNs,
             .backend = {question.backend.constData(), size_t(question.backend.size())},
             .key = question.key,
             .http = &http,
             .hasTools = question.hasTools});
    };
    std::map<LaneName, int> counts;
    LanePlan likely = plan();
    int best = 0;
    for (int i = 0; i < kPlans && !likely.error; ++i) {
        LanePlan next = plan();
        if (const PlannedLane *first = firstReady(next, question.nowNs)) {
            const int count = ++counts[{first->lane, first->model}];
            if (count > best) {
                best = count;
                likely = std::move(next);
            }
        }
    }
    const PlannedLane *first = firstReady(likely, question.nowNs);

    QJsonArray lanes;
    for (const PlannedLane &lane : likely.lanes) {
        const auto counted = counts.find({lane.lane, lane.model});
        const double share = counted == counts.end() ? 0 : double(counted->second) / kPlans;
        lanes.append(describe(lane, share, question.nowNs));
    }
    const ModelConfig *model = likely.model;
    QJsonObject answer{
        {u"object"_s, u"route"_s},
        {u"model"_s, text(question.model)},
        {u"match"_s, QLatin1String(routeMatchName(likely.match))},
        {u"public_model"_s, model ? orNull(model->name) : QJsonValue(QJsonValue::Null)},
        {u"strategy"_s,
         text(routingStrategyName(model ? model->strategy : RoutingStrategy::Priority))},
        {u"backend"_s, first ? orNull(first->backend().name) : QJsonValue(QJsonValue::Null)},
        {u"served_model"_s, first ? orNull(first->model) : QJsonValue(QJsonValue::Null)},
        {u"summary"_s, summaryOf(likely, first, question.nowNs)},
        {u"lanes"_s, lanes},
        {u"skipped"_s, likely.trace.toJson()},
        {u"error"_s, QJsonValue(QJsonValue::Null)},
        {u"hedge"_s, QJsonValue(QJsonValue::Null)},
        {u"mirror"_s, QJsonValue(QJsonValue::Null)},
    };
    if (likely.error) {
        answer.insert(u"error"_s, QJsonObject{{u"status"_s, likely.error->status},
                                              {u"code"_s, text(likely.error->code)},
                                              {u"message"_s, text(likely.error->message)}});
    }
    if (const HedgeRule *hedge = likely.hedge(); hedge && likely.lanes.size() > 1) {
        qint64 afterMs = hedge->afterMs;
        if (const auto usual = afterMs == 0 && first
                                   ? first->state().latency.percentileNs(0.95, question.nowNs)
                                   : std::nullopt) {
            afterMs = *usual / 1'000'000;
        }
        answer.insert(u"hedge"_s,
                      QJsonObject{{u"after_ms"_s, afterMs > 0 ? QJsonValue(afterMs)
                                                              : QJsonValue(QJsonValue::Null)}});
    }
    if (model && !model->mirror.backend.isEmpty()) {
        answer.insert(u"mirror"_s, QJsonObject{{u"backend"_s, text(model->mirror.backend)},
                                               {u"model"_s, text(model->mirror.model)},
                                               {u"percent"_s, model->mirror.percent}});
    }
    return answer;
}

} // namespace tidegate
