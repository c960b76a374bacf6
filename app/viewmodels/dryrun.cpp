// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/dryrun.h"

#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"
#include "app/viewmodels/routetext.h"

#include <QJsonArray>
#include <QLocale>

namespace tidegate {

namespace {

QString text(const QJsonObject &object, const char *name)
{
    return object.value(QString::fromLatin1(name)).toString();
}

QVariantMap fact(const QString &label, const QString &value)
{
    return {{QStringLiteral("label"), label}, {QStringLiteral("value"), value}};
}

} // namespace

DryRun::DryRun(const GatewayLink &link, QObject *parent)
    : QObject(parent)
    , m_link(link)
{
}

void DryRun::setModel(const QString &model)
{
    if (m_model != model.trimmed()) {
        m_model = model.trimmed();
        ask();
    }
}

void DryRun::setKey(const QString &key)
{
    if (m_key != key) {
        m_key = key;
        ask();
    }
}

void DryRun::setTools(bool tools)
{
    if (m_tools != tools) {
        m_tools = tools;
        ask();
    }
}

void DryRun::ask()
{
    m_answer = {};
    m_problem.clear();
    if (!m_model.isEmpty()) {
        QJsonObject question{{QStringLiteral("model"), m_model}};
        if (!m_key.isEmpty()) {
            question[QStringLiteral("key")] = m_key;
        }
        if (m_tools) {
            question[QStringLiteral("tools")] = true;
        }
        Result<QJsonObject> answer = m_link.explainRoute(question);
        if (answer) {
            m_answer = std::move(answer).value();
        } else {
            m_problem = answer.error();
        }
    }
    Q_EMIT changed();
}

bool DryRun::isOk() const
{
    return m_problem.isEmpty() && !text(m_answer, "backend").isEmpty();
}

QString DryRun::headline() const
{
    if (!m_problem.isEmpty()) {
        return m_problem;
    }
    const QJsonObject error = m_answer.value(QStringLiteral("error")).toObject();
    if (!error.isEmpty()) {
        //: %1 is an HTTP status, %2 a sentence
        return tr("The client gets %1. %2")
            .arg(error.value(QStringLiteral("status")).toInt())
            .arg(text(error, "message"));
    }
    if (isOk()) {
        //: %1 is a backend, %2 a model
        return tr("Goes to %1 as %2.")
            .arg(text(m_answer, "backend"), text(m_answer, "served_model"));
    }
    return isAnswered() ? tr("Nowhere now: every lane is out.") : QString();
}

QVariantList DryRun::facts() const
{
    QVariantList list;
    if (m_answer.isEmpty()) {
        return list;
    }
    const QString match = routetext::match(text(m_answer, "match"));
    if (!match.isEmpty()) {
        list << fact(tr("Name"), match);
    }
    if (const auto strategy = routingStrategyFromName(text(m_answer, "strategy").toLatin1());
        strategy && !text(m_answer, "public_model").isEmpty()) {
        list << fact(tr("Order"), routetext::strategyHint(*strategy));
    }
    const QJsonValue hedge = m_answer.value(QStringLiteral("hedge"));
    if (hedge.isObject()) {
        const QJsonValue after = hedge[QStringLiteral("after_ms")];
        list << fact(tr("Second try"),
                     after.isDouble()
                         ? tr("When the first has not answered after %1.")
                               .arg(humantext::duration(qint64(after.toDouble()) * 1'000))
                         : tr("When the first is unusually late, as soon as that is known."));
    }
    const QJsonValue mirror = m_answer.value(QStringLiteral("mirror"));
    if (mirror.isObject()) {
        list << fact(
            tr("Mirror"),
            tr("%1 % of the requests also go to %2.")
                .arg(QLocale().toString(mirror[QStringLiteral("percent")].toDouble(), 'g', 4),
                     mirror[QStringLiteral("backend")].toString()));
    }
    return list;
}

QVariantMap DryRun::lane(const QJsonObject &object, int place, bool first) const
{
    const QLocale locale;
    const bool available = place > 0 && object.value(QStringLiteral("available")).toBool(true);
    const double share = object.value(QStringLiteral("share")).toDouble();
    QString why;
    if (!available) {
        why = routetext::stepReason(text(object, "reason"));
        const QJsonValue wait = object.value(QStringLiteral("available_in_ms"));
        if (wait.toDouble() > 0) {
            //: %1 is a reason, %2 a time
            why = tr("%1; back in %2").arg(why, humantext::seconds(qint64(wait.toDouble())));
        }
    } else if (first) {
        why = tr("Takes the request");
    } else if (share > 0) {
        why = tr("Takes its share of the requests");
    } else if (object.value(QStringLiteral("fallback")).toBool()) {
        why = tr("Fallback, when those before cannot answer");
    } else {
        why = tr("Next, when those before cannot answer");
    }
    const int inFlight = object.value(QStringLiteral("in_flight")).toInt();
    const int waiting = object.value(QStringLiteral("waiting")).toInt();
    const double latencyMs = object.value(QStringLiteral("latency_ms")).toDouble();
    QStringList load;
    if (place > 0) {
        load << tr("%1 active").arg(locale.toString(inFlight));
        if (waiting > 0) {
            load << tr("%1 waiting").arg(locale.toString(waiting));
        }
        if (latencyMs > 0) {
            load << humantext::duration(qint64(latencyMs * 1e3));
        }
    }
    const QString shareText =
        share > 0 ? tr("%1 %").arg(locale.toString(share * 100, 'f', 0)) : QString();
    //: Read aloud; %1 is a backend, %2 a model, %3 a reason
    const QString spoken =
        tr("%1 with %2: %3").arg(text(object, "backend"), text(object, "model"), why);
    return {{QStringLiteral("place"), place},
            {QStringLiteral("backend"), text(object, "backend")},
            {QStringLiteral("model"), text(object, "model")},
            {QStringLiteral("first"), first},
            {QStringLiteral("available"), available},
            {QStringLiteral("fallback"), object.value(QStringLiteral("fallback")).toBool()},
            {QStringLiteral("share"), share},
            {QStringLiteral("shareText"), shareText},
            {QStringLiteral("why"), why},
            {QStringLiteral("load"), load.join(QStringLiteral(" · "))},
            {QStringLiteral("spoken"), spoken}};
}

QVariantList DryRun::lanes() const
{
    QVariantList list;
    int place = 0;
    bool found = false;
    const QJsonArray planned = m_answer.value(QStringLiteral("lanes")).toArray();
    for (const QJsonValue &value : planned) {
        const QJsonObject object = value.toObject();
        const bool first = !found && object.value(QStringLiteral("available")).toBool();
        found = found || first;
        list << lane(object, ++place, first);
    }
    const QJsonArray skipped = m_answer.value(QStringLiteral("skipped")).toArray();
    for (const QJsonValue &value : skipped) {
        list << lane(value.toObject(), 0, false);
    }
    return list;
}

} // namespace tidegate
