// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/backenddetail.h"

#include "app/viewmodels/humantext.h"
#include "app/viewmodels/routetext.h"

#include <QDateTime>
#include <QLocale>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

QString stateName(BreakerState state)
{
    switch (state) {
    case BreakerState::Closed:
        break;
    case BreakerState::Open:
        return QStringLiteral("open");
    case BreakerState::HalfOpen:
        return QStringLiteral("half_open");
    }
    return QStringLiteral("closed");
}

/// "14:03:07" today, with the day before.
QString timeText(qint64 atMs, qint64 nowMs)
{
    const QDateTime at = QDateTime::fromMSecsSinceEpoch(atMs);
    return at.date() == QDateTime::fromMSecsSinceEpoch(nowMs).date()
               ? at.time().toString(QStringLiteral("HH:mm:ss"))
               : humantext::soon(atMs * 1'000);
}

QString joined(const QString &first, const QString &second)
{
    //: Two reasons of the same thing
    return first.isEmpty()    ? second
           : second.isEmpty() ? first
                              : BackendDetail::tr("%1: %2").arg(first, second);
}

} // namespace

BackendDetail::BackendDetail(BackendsModel &backends, WallClock clock, QObject *parent)
    : QObject(parent)
    , m_backends(backends)
    , m_clock(std::move(clock))
{
    connect(&backends, &BackendsModel::statusChanged, this, &BackendDetail::update);
    connect(&backends, &BackendsModel::namesChanged, this, &BackendDetail::update);
    connect(&backends, &BackendsModel::busyChanged, this, &BackendDetail::changed);
}

void BackendDetail::show(const QString &name)
{
    if (m_name != name) {
        m_name = name;
        update();
    }
}

QString BackendDetail::name() const
{
    return m_backends.find(m_name) != nullptr ? m_name : m_backends.names().value(0);
}

void BackendDetail::update()
{
    m_status = m_backends.statusOf(name());
    Q_EMIT changed();
}

QString BackendDetail::typeLabel() const
{
    const BackendConfig *backend = config();
    return backend == nullptr
               ? QString()
               : BackendsModel::typeLabel(QString::fromLatin1(backendTypeName(backend->type)));
}

QString BackendDetail::originText() const
{
    const BackendConfig *backend = config();
    return backend == nullptr ? QString() : BackendsModel::originText(*backend);
}

bool BackendDetail::isReadOnly() const
{
    const BackendConfig *backend = config();
    return backend != nullptr && BackendsModel::isReadOnly(*backend);
}

BackendsModel::Condition BackendDetail::condition() const
{
    const BackendConfig *backend = config();
    return backend == nullptr ? BackendsModel::Condition::Unknown
                              : BackendsModel::conditionOf(*backend, m_status);
}

QString BackendDetail::conditionText() const
{
    return BackendsModel::conditionText(condition());
}

QString BackendDetail::reasonText() const
{
    const BackendConfig *backend = config();
    return backend == nullptr ? QString() : m_backends.reasonText(*backend, m_status);
}

BackendsModel::TestState BackendDetail::testState() const
{
    return m_backends.testStateOf(name());
}

QString BackendDetail::testText() const
{
    return m_backends.testTextOf(name());
}

QString BackendDetail::breakerText(qint64 nowMs) const
{
    const BreakerSnapshot &b = m_status.breaker;
    const QString ago = m_status.breakerSinceMs > 0
                            ? humantext::seconds(nowMs - m_status.breakerSinceMs)
                            : QString();
    switch (b.state) {
    case BreakerState::Closed:
        if (!b.enabled) {
            return tr("It never opens by itself: the configuration says so.");
        }
        return b.requests > 0
                   //: %1 is a number, %n the number of requests in a short window of time
                   ? tr("Requests pass. %1 of the last %n failed.", nullptr, int(b.requests))
                         .arg(QLocale().toString(b.failures))
                   : tr("Requests pass.");
    case BreakerState::Open: {
        const QString why =
            b.reason == BreakerReason::ByHand
                ? routetext::breakerReason(b.reason)
                : joined(routetext::breakerReason(b.reason), routetext::fault(b.fault));
        //: %1 is a time, %2 a reason
        QString text = tr("Opened %1 ago, %2.").arg(ago, why);
        text += u' ' + (m_status.breakerOpenUntilMs > 0
                            ? tr("Requests go elsewhere; in %1 one of them may try.")
                                  .arg(humantext::seconds(m_status.breakerOpenUntilMs - nowMs))
                            : tr("Requests go elsewhere until it is reset."));
        return text;
    }
    case BreakerState::HalfOpen:
        return (b.probeRunning ? tr("A probe is under way.")
                               : tr("The next request is the probe.")) +
               u' ' +
               tr("%1 of %2 were good so far: with the last it closes, and a bad one opens it "
                  "again.")
                   .arg(b.probesSucceeded)
                   .arg(b.probesNeeded);
    }
    return {};
}

QVariantMap BackendDetail::breaker() const
{
    const qint64 nowMs = m_clock() / 1'000;
    const BreakerSnapshot &b = m_status.breaker;
    const bool waits = b.state == BreakerState::Open && m_status.breakerOpenUntilMs > 0;
    const auto whole = double(m_status.breakerOpenUntilMs - m_status.breakerSinceMs);
    const double remaining =
        waits && whole > 0
            ? std::clamp(double(m_status.breakerOpenUntilMs - nowMs) / whole, 0.0, 1.0)
            : 0.0;
    const QString text = breakerText(nowMs);
    return {
        {QStringLiteral("state"), stateName(b.state)},
        {QStringLiteral("text"), text},
        {QStringLiteral("countdown"),
         waits ? humantext::seconds(m_status.breakerOpenUntilMs - nowMs) : QString()},
        {QStringLiteral("remaining"), remaining},
        {QStringLiteral("succeeded"), b.probesSucceeded},
        {QStringLiteral("needed"), b.probesNeeded},
        {QStringLiteral("byHand"), b.reason == BreakerReason::ByHand},
        //: Read aloud; %1 is a state, %2 a sentence
        {QStringLiteral("spoken"),
         tr("Circuit breaker: %1. %2").arg(routetext::breakerState(b.state), text)},
    };
}

QVariantList BackendDetail::history() const
{
    const qint64 nowMs = m_clock() / 1'000;
    QVariantList list;
    for (const BreakerEvent &event : m_status.breakerHistory) {
        const bool named = event.to == BreakerState::Open && event.reason != BreakerReason::ByHand;
        list << QVariantMap{
            {QStringLiteral("time"), timeText(event.atMs, nowMs)},
            {QStringLiteral("text"), routetext::breakerState(event.to)},
            {QStringLiteral("state"), stateName(event.to)},
            {QStringLiteral("reason"),
             named ? joined(routetext::breakerReason(event.reason), routetext::fault(event.fault))
                   : routetext::breakerReason(event.reason)},
        };
    }
    return list;
}

QVariantList BackendDetail::keys() const
{
    const qint64 nowMs = m_clock() / 1'000;
    QVariantList list;
    for (size_t i = 0; i < m_status.keys.size(); ++i) {
        const CredentialInfo &key = m_status.keys[i];
        const qint64 untilMs = i < m_status.keysUntilMs.size() ? m_status.keysUntilMs[i] : 0;
        QString state;
        QString text;
        switch (key.state) {
        case CredentialState::Ready:
            state = QStringLiteral("ready");
            text = tr("Ready");
            break;
        case CredentialState::Cooling:
            state = QStringLiteral("cooling");
            //: %1 is a time, %2 a reason
            text = tr("Cooling for %1: %2")
                       .arg(humantext::seconds(untilMs - nowMs), routetext::fault(key.fault));
            break;
        case CredentialState::Dead:
            state = QStringLiteral("dead");
            //: %1 is a time of day, %2 a reason
            text =
                tr("Out until %1: %2").arg(timeText(untilMs, nowMs), routetext::fault(key.fault));
            break;
        case CredentialState::OnTrial:
            state = QStringLiteral("trial");
            text = tr("One request tries it again");
            break;
        }
        list << QVariantMap{
            //: Place of a provider key in the list, from 1
            {QStringLiteral("place"), tr("Key %1").arg(key.index + 1)},
            {QStringLiteral("tail"),
             key.tail.isEmpty() ? QString() : u'…' + QString::fromLatin1(key.tail)},
            {QStringLiteral("state"), state},
            {QStringLiteral("text"), text},
        };
    }
    return list;
}

QVariantMap BackendDetail::load() const
{
    const QLocale locale;
    const int places = m_status.maxConcurrency;
    return {
        {QStringLiteral("busy"), m_status.active},
        {QStringLiteral("places"), places},
        {QStringLiteral("waiting"), m_status.waiting},
        {QStringLiteral("queue"), m_status.maxQueue},
        {QStringLiteral("text"),
         places > 0 ? tr("%1 of %2").arg(locale.toString(m_status.active), locale.toString(places))
                    : tr("%1, no bound").arg(locale.toString(m_status.active))},
        {QStringLiteral("queueText"), places == 0 ? humantext::none()
                                                  : tr("%1 of %2")
                                                        .arg(locale.toString(m_status.waiting),
                                                             locale.toString(m_status.maxQueue))},
    };
}

QVariantList BackendDetail::facts() const
{
    QVariantList list;
    const BackendConfig *backend = config();
    if (backend == nullptr) {
        return list;
    }
    const auto add = [&list](const QString &label, const QString &value, bool mono = false) {
        list << QVariantMap{{QStringLiteral("label"), label},
                            {QStringLiteral("value"), value.isEmpty() ? humantext::none() : value},
                            {QStringLiteral("mono"), mono}};
    };
    const auto ms = [](int value) {
        return value < 0 ? humantext::none() : humantext::duration(qint64(value) * 1'000);
    };
    add(tr("URL"),
        backend->baseUrl.isEmpty() ? tr("Built in, no network")
                                   : QString::fromUtf8(backend->baseUrl),
        !backend->baseUrl.isEmpty());
    add(tr("Priority"), QString::number(backend->priority), true);
    if (backend->weight != 1) {
        add(tr("Weight"), QString::number(backend->weight), true);
    }
    add(tr("First byte"), ms(m_status.latencyMs), true);
    add(tr("95 % within"), ms(m_status.p95Ms), true);
    add(tr("Last check"), m_status.checkedAtMs > 0
                              ? humantext::ago(m_status.checkedAtMs * 1'000, m_clock())
                              : QString());
    add(tr("API key"), BackendsModel::keyStateText(*backend));
    return list;
}

QStringList BackendDetail::models() const
{
    QStringList names;
    if (const BackendConfig *backend = config()) {
        for (const Glob &model : backend->models) {
            names << QString::fromUtf8(model.pattern());
        }
    }
    return names;
}

QVariantMap BackendDetail::managed() const
{
    const qint64 nowMs = m_clock() / 1'000;
    const QString since = m_status.managedSinceMs > 0
                              ? humantext::seconds(nowMs - m_status.managedSinceMs)
                              : QString();
    QString text;
    QString detail = m_status.managedDetail;
    QString tone = QStringLiteral("neutral");
    switch (m_status.managed) {
    case ManagedState::NotManaged:
        break;
    case ManagedState::Unconfirmed:
        text = tr("To be confirmed");
        tone = QStringLiteral("warn");
        break;
    case ManagedState::Stopped:
        text = tr("Stopped");
        detail = detail.isEmpty() ? tr("The next request starts it.") : detail;
        break;
    case ManagedState::Starting:
        text = tr("Starting");
        tone = QStringLiteral("info");
        //: %1 is a time
        detail = detail.isEmpty() && !since.isEmpty() ? tr("For %1.").arg(since) : detail;
        break;
    case ManagedState::Ready:
        text = tr("Ready");
        tone = QStringLiteral("good");
        break;
    case ManagedState::Idle:
        text = tr("Idle");
        tone = QStringLiteral("good");
        if (m_status.idleStopMs > 0) {
            detail = tr("Stops in %1 without a request.")
                         .arg(humantext::seconds(m_status.idleStopMs - nowMs));
        }
        break;
    case ManagedState::Stopping:
        text = tr("Stopping");
        tone = QStringLiteral("info");
        break;
    case ManagedState::Failed:
        text = tr("Failed");
        tone = QStringLiteral("bad");
        break;
    }
    const ManagedState s = m_status.managed;
    return {
        {QStringLiteral("shown"), s != ManagedState::NotManaged},
        {QStringLiteral("text"), text},
        {QStringLiteral("detail"), detail},
        {QStringLiteral("command"), m_status.command},
        {QStringLiteral("unconfirmed"), s == ManagedState::Unconfirmed},
        {QStringLiteral("canStart"), s == ManagedState::Stopped || s == ManagedState::Failed},
        {QStringLiteral("canStop"),
         s == ManagedState::Ready || s == ManagedState::Idle || s == ManagedState::Starting},
        {QStringLiteral("tone"), tone},
    };
}

QVariantMap BackendDetail::tunnel() const
{
    QString text;
    QString tone = QStringLiteral("neutral");
    switch (m_status.tunnel) {
    case TunnelState::NotTunnelled:
        break;
    case TunnelState::Unconfirmed:
        text = tr("To be confirmed");
        tone = QStringLiteral("warn");
        break;
    case TunnelState::Connecting:
        text = tr("Connecting");
        tone = QStringLiteral("info");
        break;
    case TunnelState::Connected:
        text = tr("Connected");
        tone = QStringLiteral("good");
        break;
    case TunnelState::Failed:
        text = tr("Failed");
        tone = QStringLiteral("bad");
        break;
    }
    return {
        {QStringLiteral("shown"), m_status.tunnel != TunnelState::NotTunnelled},
        {QStringLiteral("text"), text},
        {QStringLiteral("detail"), m_status.tunnelDetail},
        {QStringLiteral("unconfirmed"), m_status.tunnel == TunnelState::Unconfirmed},
        {QStringLiteral("tone"), tone},
    };
}

} // namespace tidegate
