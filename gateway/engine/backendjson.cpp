// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/backendjson.h"

#include <QDateTime>
#include <QJsonArray>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

QString text(std::string_view ascii)
{
    return QString::fromLatin1(ascii.data(), qsizetype(ascii.size()));
}

QJsonValue timeOf(qint64 ms)
{
    return ms > 0
               ? QJsonValue(QDateTime::fromMSecsSinceEpoch(ms).toUTC().toString(Qt::ISODateWithMs))
               : QJsonValue(QJsonValue::Null);
}

QJsonValue faultOf(Fault fault)
{
    return fault == Fault::None ? QJsonValue(QJsonValue::Null) : QJsonValue(text(faultName(fault)));
}

QJsonValue known(int number)
{
    return number >= 0 ? QJsonValue(number) : QJsonValue(QJsonValue::Null);
}

QJsonObject breakerOf(const BackendStatus &status)
{
    const BreakerSnapshot &breaker = status.breaker;
    QJsonArray history;
    for (const BreakerEvent &event : status.breakerHistory) {
        history.append(toJson(event));
    }
    return {
        {u"state"_s, text(breakerStateName(breaker.state))},
        {u"reason"_s, text(breakerReasonName(breaker.reason))},
        {u"fault"_s, faultOf(breaker.fault)},
        {u"since"_s, timeOf(status.breakerSinceMs)},
        {u"open_until"_s, timeOf(status.breakerOpenUntilMs)},
        {u"enabled"_s, breaker.enabled},
        {u"consecutive_failures"_s, breaker.consecutiveFailures},
        {u"failures"_s, breaker.failures},
        {u"requests"_s, breaker.requests},
        {u"probe_running"_s, breaker.probeRunning},
        {u"probes_succeeded"_s, breaker.probesSucceeded},
        {u"probes_needed"_s, breaker.probesNeeded},
        {u"history"_s, history},
    };
}

QJsonArray keysOf(const BackendStatus &status)
{
    QJsonArray keys;
    for (size_t i = 0; i < status.keys.size(); ++i) {
        const CredentialInfo &key = status.keys[i];
        keys.append(QJsonObject{
            {u"index"_s, key.index},
            {u"tail"_s, QString::fromUtf8(key.tail)},
            {u"state"_s, text(credentialStateName(key.state))},
            {u"fault"_s, faultOf(key.fault)},
            {u"until"_s, timeOf(i < status.keysUntilMs.size() ? status.keysUntilMs[i] : 0)},
            {u"lent"_s, key.lent},
        });
    }
    return keys;
}

QJsonValue managedOf(const BackendStatus &status)
{
    if (status.managed == ManagedState::NotManaged) {
        return QJsonValue::Null;
    }
    return QJsonObject{
        {u"state"_s, text(managedStateName(status.managed))},
        {u"detail"_s, status.managedDetail},
        {u"since"_s, timeOf(status.managedSinceMs)},
        {u"idle_stop"_s, timeOf(status.idleStopMs)},
        {u"command"_s, status.command},
        {u"output"_s, QJsonArray::fromStringList(status.commandOutput)},
    };
}

QJsonValue tunnelOf(const BackendStatus &status)
{
    if (status.tunnel == TunnelState::NotTunnelled) {
        return QJsonValue::Null;
    }
    return QJsonObject{
        {u"state"_s, text(tunnelStateName(status.tunnel))},
        {u"detail"_s, status.tunnelDetail},
        {u"command"_s, status.command},
        {u"output"_s, QJsonArray::fromStringList(status.commandOutput)},
    };
}

} // namespace

QJsonObject toJson(const BackendStatus &status)
{
    return {
        {u"health"_s, text(backendHealthName(status.health))},
        {u"health_reason"_s, status.healthReason},
        {u"checked_at"_s, timeOf(status.checkedAtMs)},
        {u"draining"_s, status.draining},
        {u"in_flight"_s, status.active},
        {u"waiting"_s, status.waiting},
        {u"max_concurrency"_s, status.maxConcurrency},
        {u"max_queue"_s, status.maxQueue},
        {u"latency_ms"_s, known(status.latencyMs)},
        {u"p95_ms"_s, known(status.p95Ms)},
        {u"breaker"_s, breakerOf(status)},
        {u"keys"_s, keysOf(status)},
        {u"discovered"_s, QJsonArray::fromStringList(status.discovered)},
        {u"managed"_s, managedOf(status)},
        {u"tunnel"_s, tunnelOf(status)},
    };
}

QJsonObject toJson(const BreakerEvent &event)
{
    return {
        {u"at"_s, timeOf(event.atMs)},
        {u"from"_s, text(breakerStateName(event.from))},
        {u"to"_s, text(breakerStateName(event.to))},
        {u"reason"_s, text(breakerReasonName(event.reason))},
        {u"fault"_s, faultOf(event.fault)},
    };
}

std::string_view managedStateName(ManagedState state)
{
    switch (state) {
    case ManagedState::NotManaged:
        return "not_managed";
    case ManagedState::Unconfirmed:
        return "unconfirmed";
    case ManagedState::Stopped:
        return "stopped";
    case ManagedState::Starting:
        return "starting";
    case ManagedState::Ready:
        return "ready";
    case ManagedState::Idle:
        return "idle";
    case ManagedState::Stopping:
        return "stopping";
    case ManagedState::Failed:
        return "failed";
    }
    return {};
}

std::string_view tunnelStateName(TunnelState state)
{
    switch (state) {
    case TunnelState::NotTunnelled:
        return "not_tunnelled";
    case TunnelState::Unconfirmed:
        return "unconfirmed";
    case TunnelState::Connecting:
        return "connecting";
    case TunnelState::Connected:
        return "connected";
    case TunnelState::Failed:
        return "failed";
    }
    return {};
}

} // namespace tidegate
