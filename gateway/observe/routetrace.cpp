// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/routetrace.h"

#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace tidegate {

void RouteTrace::skipped(const QByteArray &backend, const QByteArray &model,
                         RouteStep::Reason reason, qint64 atUs, qint64 availableMs)
{
    if (m_steps.size() == kMaxSteps) {
        ++m_leftOut;
        return;
    }
    RouteStep step;
    step.backend = backend;
    step.model = model;
    step.reason = reason;
    step.atUs = atUs;
    step.availableMs = availableMs;
    m_steps.append(std::move(step));
}

int RouteTrace::started(const QByteArray &backend, const QByteArray &model, RouteStep::Kind kind,
                        qint64 atUs)
{
    if (m_steps.size() == kMaxSteps) {
        ++m_leftOut;
        return -1;
    }
    RouteStep step;
    step.backend = backend;
    step.model = model;
    step.kind = kind;
    step.atUs = atUs;
    m_steps.append(std::move(step));
    return int(m_steps.size()) - 1;
}

void RouteTrace::ended(int index, RouteStep::Reason reason, int status, qint64 atUs,
                       std::string_view fault)
{
    if (index < 0 || index >= m_steps.size() || m_steps.at(index).durationUs >= 0) {
        return;
    }
    RouteStep &step = m_steps[index];
    step.reason = reason;
    step.status = quint16(status);
    step.fault = fault;
    step.durationUs = std::max<qint64>(0, atUs - step.atUs);
}

bool RouteTrace::isEventful() const
{
    using Reason = RouteStep::Reason;
    if (m_steps.size() != 1) {
        return !m_steps.isEmpty();
    }
    const RouteStep &only = m_steps.front();
    const bool plain = only.reason == Reason::None || only.reason == Reason::Success ||
                       only.reason == Reason::ClientFault || only.reason == Reason::Cancelled;
    return only.kind != RouteStep::Kind::Tried || !plain;
}

QJsonArray RouteTrace::toJson() const
{
    QJsonArray steps;
    for (const RouteStep &step : m_steps) {
        QJsonObject object{{u"step"_s, QLatin1String(kindName(step.kind))},
                           {u"backend"_s, QString::fromUtf8(step.backend)},
                           {u"model"_s, QString::fromUtf8(step.model)},
                           {u"at_us"_s, step.atUs}};
        if (step.reason != RouteStep::Reason::None) {
            object.insert(u"reason"_s, QLatin1String(reasonName(step.reason)));
        }
        if (step.status > 0) {
            object.insert(u"status"_s, step.status);
        }
        if (!step.fault.empty()) {
            object.insert(u"fault"_s,
                          QLatin1String(step.fault.data(), qsizetype(step.fault.size())));
        }
        if (step.durationUs >= 0) {
            object.insert(u"duration_us"_s, step.durationUs);
        }
        if (step.availableMs >= 0) {
            object.insert(u"available_in_ms"_s, step.availableMs);
        }
        steps.append(object);
    }
    if (m_leftOut > 0) {
        steps.append(QJsonObject{{u"step"_s, u"left_out"_s}, {u"count"_s, m_leftOut}});
    }
    return steps;
}

QByteArray RouteTrace::ledgerJson() const
{
    return isEventful() ? QJsonDocument(toJson()).toJson(QJsonDocument::Compact) : QByteArray();
}

const char *RouteTrace::kindName(RouteStep::Kind kind)
{
    switch (kind) {
    case RouteStep::Kind::Skipped:
        return "skipped";
    case RouteStep::Kind::Tried:
        return "tried";
    case RouteStep::Kind::Hedged:
        return "hedged";
    case RouteStep::Kind::Mirrored:
        return "mirrored";
    }
    return "";
}

const char *RouteTrace::reasonName(RouteStep::Reason reason)
{
    using Reason = RouteStep::Reason;
    switch (reason) {
    case Reason::None:
        return "";
    case Reason::NotAllowed:
        return "not_allowed";
    case Reason::Draining:
        return "draining";
    case Reason::KeyMissing:
        return "key_missing";
    case Reason::Unhealthy:
        return "unhealthy";
    case Reason::Loading:
        return "loading";
    case Reason::KeysRefused:
        return "keys_refused";
    case Reason::ToolsUnsupported:
        return "tools_unsupported";
    case Reason::BreakerOpen:
        return "breaker_open";
    case Reason::ProbeRunning:
        return "probe_running";
    case Reason::CoolingDown:
        return "cooling_down";
    case Reason::QueueFull:
        return "queue_full";
    case Reason::QueueTimeout:
        return "queue_timeout";
    case Reason::RetriesSpent:
        return "retries_spent";
    case Reason::OverBudget:
        return "over_budget";
    case Reason::Asleep:
        return "asleep";
    case Reason::Starting:
        return "starting";
    case Reason::NotStarted:
        return "not_started";
    case Reason::Success:
        return "success";
    case Reason::Transient:
        return "transient";
    case Reason::RateLimited:
        return "rate_limited";
    case Reason::CredentialsDead:
        return "credentials_dead";
    case Reason::ContextTooLong:
        return "context_too_long";
    case Reason::ClientFault:
        return "client_fault";
    case Reason::Cancelled:
        return "cancelled";
    case Reason::BrokeOff:
        return "broke_off";
    }
    return "";
}

} // namespace tidegate
