// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/exchangedetail.h"

#include "app/viewmodels/humantext.h"
#include "app/viewmodels/routetext.h"

#include <QClipboard>
#include <QDateTime>
#include <QGuiApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>
#include <QMetaEnum>
#include <QTimeZone>

#include <algorithm>
#include <array>
#include <utility>

namespace tidegate {

namespace {

struct Stage
{
    const char *kind;
    QString label;
    qint64 endUs; ///< -1: not reached
};

std::array<Stage, 7> stagesOf(const ExchangeEvent &event)
{
    const ExchangeTimings &t = event.timings;
    return {
        Stage{"read", ExchangeDetail::tr("Request read"), t.requestReadUs},
        Stage{"route", ExchangeDetail::tr("Key and route"), t.routedUs},
        Stage{"connect", ExchangeDetail::tr("Connect"), t.connectedUs},
        Stage{"tls", ExchangeDetail::tr("TLS"), t.tlsUs},
        Stage{"send", ExchangeDetail::tr("Send"), t.sentUs},
        Stage{"wait", ExchangeDetail::tr("Wait for first byte"), t.firstByteUs},
        Stage{"stream",
              event.stream ? ExchangeDetail::tr("Stream") : ExchangeDetail::tr("Response"),
              t.endUs},
    };
}

QJsonValue numberOrNull(qint64 value)
{
    return value < 0 ? QJsonValue() : QJsonValue(value);
}

QString rfc3339(qint64 wallClockUs)
{
    return QDateTime::fromMSecsSinceEpoch(wallClockUs / 1'000, QTimeZone::utc())
        .toString(Qt::ISODateWithMs);
}

bool isCall(const RouteStep &step)
{
    return step.kind != RouteStep::Kind::Skipped;
}

/// Tone and icon of a step.
std::pair<const char *, const char *> looksOf(const RouteStep &step)
{
    switch (step.reason) {
    case RouteStep::Reason::Success:
        return {"good", "check"};
    case RouteStep::Reason::None:
        return {"info", "circle-dashed"};
    case RouteStep::Reason::Cancelled:
        return {"neutral", "ban"};
    default:
        return isCall(step) ? std::pair("bad", "x") : std::pair("warn", "arrow-down");
    }
}

/// "It failed: overloaded; back in 12 s"
QString whyOf(const RouteStep &step)
{
    QString why = routetext::stepReason(step.reason);
    if (!step.fault.empty() && step.reason != RouteStep::Reason::Success) {
        //: %1 is what happened, %2 the cause
        why = ExchangeDetail::tr("%1: %2").arg(why, routetext::fault(step.fault));
    }
    if (!isCall(step) && step.availableMs > 0) {
        //: %1 is why a backend was passed over, %2 a time
        why = ExchangeDetail::tr("%1; back in %2").arg(why, humantext::seconds(step.availableMs));
    }
    return why;
}

} // namespace

ExchangeDetail::ExchangeDetail(LiveModel &model, QObject *parent)
    : QObject(parent)
    , m_model(model)
{
    connect(&model, &QAbstractItemModel::dataChanged, this,
            [this](const QModelIndex &first, const QModelIndex &last) {
                const int row = m_model.rowOf(m_event.id);
                if (row >= first.row() && row <= last.row()) {
                    follow();
                }
            });
    // After clear() a running exchange comes back as a new row.
    connect(&model, &QAbstractItemModel::rowsInserted, this, [this] {
        if (isValid() && isRunning()) {
            follow();
        }
    });
}

void ExchangeDetail::follow()
{
    const int row = m_model.rowOf(m_event.id);
    if (row >= 0) {
        m_event = m_model.at(row);
        Q_EMIT changed();
    }
}

void ExchangeDetail::show(double exchangeId)
{
    const int row = m_model.rowOf(quint64(exchangeId));
    if (row < 0) {
        return;
    }
    m_event = m_model.at(row);
    Q_EMIT changed();
}

void ExchangeDetail::close()
{
    if (isValid()) {
        m_event = {};
        Q_EMIT changed();
    }
}

QString ExchangeDetail::requestId() const
{
    return QString::fromLatin1(m_event.requestId);
}

QString ExchangeDetail::title() const
{
    return isValid() ? QString(QString::fromLatin1(m_event.method) + u' ' +
                               QString::fromUtf8(m_event.path))
                     : QString();
}

LiveModel::Phase ExchangeDetail::phase() const
{
    return LiveModel::Phase(m_event.phase);
}

QString ExchangeDetail::phaseText() const
{
    return isValid() ? humantext::phase(m_event.phase) : QString();
}

QString ExchangeDetail::errorCode() const
{
    return QString::fromLatin1(m_event.errorCode);
}

QString ExchangeDetail::keyName() const
{
    return m_model.keyName(m_event.keyId);
}

QString ExchangeDetail::backend() const
{
    return QString::fromUtf8(m_event.backend);
}

QVariantList ExchangeDetail::facts() const
{
    QVariantList list;
    if (!isValid()) {
        return list;
    }
    const auto add = [&list](const QString &label, const QString &value, bool mono = false) {
        list << QVariantMap{{QStringLiteral("label"), label},
                            {QStringLiteral("value"), value.isEmpty() ? humantext::none() : value},
                            {QStringLiteral("mono"), mono}};
    };
    const ExchangeEvent &e = m_event;
    const QString milliseconds =
        QDateTime::fromMSecsSinceEpoch(e.startedAtUs / 1'000).date().toString(Qt::ISODate) + u' ' +
        humantext::clockTime(e.startedAtUs);
    add(tr("Request id"), requestId(), true);
    add(tr("Time"), milliseconds, true);
    add(tr("Client"), QString::fromLatin1(e.peer), true);
    add(tr("Key"), keyName());
    if (e.teamId != 0) {
        add(tr("Team"), m_model.teamName(e.teamId));
    }
    add(tr("Model asked for"), QString::fromUtf8(e.requestedModel), true);
    add(tr("Model served"), QString::fromUtf8(e.servedModel), true);
    add(tr("Backend"), backend());
    add(tr("Status"), e.status > 0 ? QString::number(e.status) : QString(), true);
    add(tr("Streamed"), e.stream ? tr("yes") : tr("no"));
    add(tr("Time to first byte"), humantext::duration(e.timings.firstByteUs), true);
    add(tr("Total time"), totalText(), true);
    const QString estimated = e.usage.estimated ? QStringLiteral("≈ ") : QString();
    add(tr("Tokens in"),
        e.usage.input < 0 ? QString() : estimated + humantext::count(e.usage.input), true);
    add(tr("Tokens out"),
        e.usage.output < 0 ? QString() : estimated + humantext::count(e.usage.output), true);
    if (e.usage.cachedInput > 0) {
        add(tr("Cached input tokens"), humantext::count(e.usage.cachedInput), true);
    }
    if (e.usage.reasoning > 0) {
        add(tr("Reasoning tokens"), humantext::count(e.usage.reasoning), true);
    }
    if (e.usage.cacheWrite > 0) {
        add(tr("Tokens written to cache"), humantext::count(e.usage.cacheWrite), true);
    }
    add(tr("Cost"),
        e.cost ? QString(estimated + humantext::money(*e.cost))
        : LiveModel::isRunning(e) || e.attempts == 0 ? QString()
                                                     : tr("no known price"),
        e.cost.has_value());
    const double rate = tokensPerSecond(e, m_model.nowUs());
    add(tr("Tokens per second"), rate < 0 ? QString() : QLocale().toString(rate, 'f', 1), true);
    if (e.stream) {
        add(tr("Events relayed"), humantext::count(e.streamedEvents), true);
    }
    add(tr("Request size"), humantext::bytes(e.bytesIn), true);
    add(tr("Response size"), humantext::bytes(e.bytesOut), true);
    add(tr("Attempts"), QString::number(e.attempts), true);
    if (!e.errorCode.isEmpty()) {
        add(tr("Error code"), errorCode(), true);
    }
    return list;
}

QVariantList ExchangeDetail::segments() const
{
    QVariantList list;
    if (!isValid()) {
        return list;
    }
    const auto stages = stagesOf(m_event);
    qint64 cursor = 0;
    size_t next = 0; // the stage after the last one that was reached
    const auto add = [&list](const Stage &stage, qint64 startUs, qint64 endUs) {
        list << QVariantMap{
            {QStringLiteral("label"), stage.label},
            {QStringLiteral("kind"), QString::fromLatin1(stage.kind)},
            {QStringLiteral("startUs"), double(startUs)},
            {QStringLiteral("durationUs"), double(endUs - startUs)},
            {QStringLiteral("text"), humantext::duration(endUs - startUs)},
        };
    };
    for (size_t i = 0; i + 1 < stages.size(); ++i) {
        // Stages overlap by rounding at most; a later one never starts before the one before it.
        if (stages[i].endUs < cursor) {
            continue;
        }
        add(stages[i], cursor, stages[i].endUs);
        cursor = stages[i].endUs;
        next = i + 1;
    }
    // What was going on last: until the end, or until now.
    if (next >= 2 && next < 5) {
        next = 5;
    }
    const auto totalNowUs = qint64(totalUs());
    if (totalNowUs > cursor) {
        add(stages[next], cursor, totalNowUs);
    }
    return list;
}

QVariantList ExchangeDetail::attemptBars() const
{
    QVariantList list;
    if (!isValid() || std::count_if(m_event.trace.begin(), m_event.trace.end(), isCall) < 2) {
        return list;
    }
    for (const RouteStep &step : m_event.trace) {
        if (!isCall(step)) {
            continue;
        }
        const double untilUs =
            step.durationUs >= 0 ? double(step.atUs + step.durationUs) : totalUs();
        const QString tone = QString::fromLatin1(looksOf(step).first);
        list << QVariantMap{
            {QStringLiteral("label"), QString::fromUtf8(step.backend)},
            {QStringLiteral("kind"), tone == QStringLiteral("bad") ? QStringLiteral("failed")
                                     : tone == QStringLiteral("neutral")
                                         ? QStringLiteral("calledOff")
                                         : QStringLiteral("answered")},
            {QStringLiteral("startUs"), double(step.atUs)},
            {QStringLiteral("durationUs"), std::max(0.0, untilUs - double(step.atUs))},
            {QStringLiteral("text"), humantext::duration(qint64(untilUs) - step.atUs)},
        };
    }
    return list;
}

QVariantList ExchangeDetail::route() const
{
    QVariantList list;
    if (!isValid()) {
        return list;
    }
    for (const RouteStep &step : m_event.trace) {
        const auto [tone, icon] = looksOf(step);
        const QString backend = QString::fromUtf8(step.backend);
        const QString why = whyOf(step);
        const QString what = routetext::stepKind(step.kind);
        list << QVariantMap{
            {QStringLiteral("backend"), backend},
            {QStringLiteral("model"), QString::fromUtf8(step.model)},
            {QStringLiteral("what"), what},
            {QStringLiteral("why"), why},
            {QStringLiteral("tone"), QString::fromLatin1(tone)},
            {QStringLiteral("icon"), QString::fromLatin1(icon)},
            //: When a step began, counted from the request's first byte
            {QStringLiteral("at"), tr("+ %1").arg(humantext::duration(step.atUs))},
            {QStringLiteral("duration"),
             step.durationUs >= 0 ? humantext::duration(step.durationUs) : QString()},
            {QStringLiteral("status"), step.status > 0 ? QString::number(step.status) : QString()},
            //: Read aloud; %1 is what was done, %2 a backend, %3 why
            {QStringLiteral("spoken"), tr("%1 %2: %3").arg(what, backend, why)},
        };
    }
    return list;
}

QString ExchangeDetail::routeSummary() const
{
    if (!isValid() || m_event.trace.isEmpty()) {
        return {};
    }
    const auto skipped = int(m_event.trace.size()) -
                         int(std::count_if(m_event.trace.begin(), m_event.trace.end(), isCall));
    QString text = tr("%n call(s) to backends, told to the client as x-tidegate-attempts", nullptr,
                      m_event.attempts);
    if (skipped > 0) {
        text += QStringLiteral("; ") + tr("%n lane(s) passed over", nullptr, skipped);
    }
    if (m_event.cost) {
        //: %1 is an amount of money
        text += QStringLiteral("; ") + tr("%1 in all").arg(humantext::money(*m_event.cost));
    }
    return text + u'.';
}

double ExchangeDetail::totalUs() const
{
    return isValid() ? double(totalTimeUs(m_event, m_model.nowUs())) : 0;
}

QString ExchangeDetail::totalText() const
{
    return isValid() ? humantext::duration(qint64(totalUs())) : QString();
}

QString ExchangeDetail::accessibleText() const
{
    if (!isValid()) {
        return {};
    }
    QStringList parts;
    const QVariantList list = segments();
    for (const QVariant &segment : list) {
        const QVariantMap map = segment.toMap();
        parts << map.value(QStringLiteral("label")).toString() + u' ' +
                     humantext::spokenDuration(
                         qint64(map.value(QStringLiteral("durationUs")).toDouble()));
    }
    //: Read aloud; %1 is a time, %2 a list of stages with their times
    return tr("%1 in all: %2")
        .arg(humantext::spokenDuration(qint64(totalUs())), parts.join(QStringLiteral(", ")));
}

QString ExchangeDetail::curlText() const
{
    if (!isValid()) {
        return {};
    }
    QString base = m_baseUrl;
    const QString path = QString::fromUtf8(m_event.path);
    if (base.endsWith(u"/v1") && path.startsWith(u"/v1")) {
        base.chop(3);
    }
    // The path came from a client and goes into a shell.
    QString quotedPath = path;
    quotedPath.replace(u'\'', QStringLiteral("'\\''"));
    QString text = QStringLiteral("curl '") + base + quotedPath + QStringLiteral("' \\\n") +
                   QStringLiteral("  -H \"Authorization: Bearer $TIDEGATE_API_KEY\"");
    if (m_event.method == "POST") {
        QJsonObject body{{QStringLiteral("model"), QString::fromUtf8(m_event.requestedModel)}};
        if (m_event.endpoint == Endpoint::ChatCompletions) {
            body[QStringLiteral("messages")] =
                QJsonArray{QJsonObject{{QStringLiteral("role"), QStringLiteral("user")},
                                       {QStringLiteral("content"), QStringLiteral("Hello")}}};
        } else if (m_event.endpoint == Endpoint::Completions) {
            body[QStringLiteral("prompt")] = QStringLiteral("Hello");
        } else {
            body[QStringLiteral("input")] = QStringLiteral("Hello");
        }
        if (m_event.stream) {
            body[QStringLiteral("stream")] = true;
            text += QStringLiteral(" -N");
        }
        QString json = QString::fromUtf8(QJsonDocument(body).toJson(QJsonDocument::Compact));
        json.replace(u'\'', QStringLiteral("'\\''"));
        text +=
            QStringLiteral(" \\\n  -H 'Content-Type: application/json' \\\n  -d '") + json + u'\'';
    }
    return text;
}

QString ExchangeDetail::jsonText() const
{
    if (!isValid()) {
        return {};
    }
    const ExchangeEvent &e = m_event;
    const QJsonObject object{
        {QStringLiteral("request_id"), requestId()},
        {QStringLiteral("time"), rfc3339(e.startedAtUs)},
        {QStringLiteral("client"), QString::fromLatin1(e.peer)},
        {QStringLiteral("method"), QString::fromLatin1(e.method)},
        {QStringLiteral("path"), QString::fromUtf8(e.path)},
        {QStringLiteral("key"), keyName()},
        {QStringLiteral("requested_model"), QString::fromUtf8(e.requestedModel)},
        {QStringLiteral("served_model"), QString::fromUtf8(e.servedModel)},
        {QStringLiteral("backend"), backend()},
        {QStringLiteral("phase"),
         QString::fromLatin1(QMetaEnum::fromType<LiveModel::Phase>().valueToKey(int(phase())))
             .toLower()},
        {QStringLiteral("status"), e.status},
        {QStringLiteral("stream"), e.stream},
        {QStringLiteral("attempts"), e.attempts},
        {QStringLiteral("error_code"), errorCode()},
        {QStringLiteral("error_message"), e.errorMessage},
        {QStringLiteral("tokens"),
         QJsonObject{{QStringLiteral("input"), numberOrNull(e.usage.input)},
                     {QStringLiteral("output"), numberOrNull(e.usage.output)},
                     {QStringLiteral("cached_input"), numberOrNull(e.usage.cachedInput)},
                     {QStringLiteral("reasoning"), numberOrNull(e.usage.reasoning)},
                     {QStringLiteral("estimated"), e.usage.estimated}}},
        {QStringLiteral("bytes_in"), e.bytesIn},
        {QStringLiteral("bytes_out"), e.bytesOut},
        {QStringLiteral("events"), e.streamedEvents},
        {QStringLiteral("trace"), e.trace.toJson()},
        {QStringLiteral("timings_us"),
         QJsonObject{{QStringLiteral("request_read"), numberOrNull(e.timings.requestReadUs)},
                     {QStringLiteral("routed"), numberOrNull(e.timings.routedUs)},
                     {QStringLiteral("connected"), numberOrNull(e.timings.connectedUs)},
                     {QStringLiteral("tls"), numberOrNull(e.timings.tlsUs)},
                     {QStringLiteral("sent"), numberOrNull(e.timings.sentUs)},
                     {QStringLiteral("first_byte"), numberOrNull(e.timings.firstByteUs)},
                     {QStringLiteral("end"), numberOrNull(e.timings.endUs)}}},
    };
    return QString::fromUtf8(QJsonDocument(object).toJson());
}

void ExchangeDetail::copyAsCurl() const
{
    QGuiApplication::clipboard()->setText(curlText());
}

void ExchangeDetail::copyAsJson() const
{
    QGuiApplication::clipboard()->setText(jsonText());
}

} // namespace tidegate
