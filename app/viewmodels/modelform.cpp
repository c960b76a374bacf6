// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/modelform.h"

#include <QCoreApplication>
#include <QJsonArray>
#include <QRegularExpression>
#include <QVariantList>

namespace tidegate::modelform {

namespace {

class ModelForm
{
    Q_DECLARE_TR_FUNCTIONS(ModelForm)
};

constexpr int kHighestWeight = 1'000'000;

QString key(const char *name)
{
    return QString::fromLatin1(name);
}

QString text(const QVariantMap &map, const char *name)
{
    return map.value(key(name)).toString().trimmed();
}

QStringList names(const QString &commaSeparated)
{
    QStringList list;
    for (const QString &part : commaSeparated.split(u',')) {
        if (!part.trimmed().isEmpty()) {
            list << part.trimmed();
        }
    }
    return list;
}

QString joined(const QJsonValue &list)
{
    QStringList parts;
    const QJsonArray array = list.toArray();
    for (const QJsonValue &part : array) {
        parts << part.toString();
    }
    return parts.join(QStringLiteral(", "));
}

/// A number as the form shows it; what was written with a unit stays as it is.
QString shown(const QJsonValue &value)
{
    return value.isDouble() ? QString::number(value.toDouble()) : value.toString();
}

bool isNumber(const QString &text, double minimum, double maximum)
{
    bool ok = false;
    const double number = text.toDouble(&ok);
    return ok && number >= minimum && number <= maximum;
}

bool isWhole(const QString &text, int minimum, int maximum)
{
    bool ok = false;
    const int number = text.toInt(&ok);
    return ok && number >= minimum && number <= maximum;
}

void put(QJsonObject &object, const char *name, const QJsonValue &value, bool present)
{
    if (present) {
        object[key(name)] = value;
    } else {
        object.remove(key(name));
    }
}

} // namespace

QVariantMap fromConfig(const QJsonObject &config)
{
    QVariantList targets;
    const QJsonArray array = config.value(key("targets")).toArray();
    for (const QJsonValue &value : array) {
        const QJsonObject target = value.toObject();
        const QJsonValue weight = target.value(key("weight"));
        targets << QVariantMap{
            {key("backend"), target.value(key("backend")).toString()},
            {key("model"), target.value(key("model")).toString()},
            {key("weight"), weight.isUndefined() ? QStringLiteral("1") : shown(weight)}};
    }
    QString affinity = config.value(key("affinity")).toString(QStringLiteral("off"));
    QString header;
    if (affinity != QStringLiteral("off") && affinity != QStringLiteral("prompt_prefix")) {
        header = affinity;
        affinity = QStringLiteral("header");
    }
    const QJsonObject hedge = config.value(key("hedge")).toObject();
    const QJsonObject mirror = config.value(key("mirror")).toObject();
    return {
        {key("targets"), targets},
        {key("strategy"), config.value(key("strategy")).toString(QStringLiteral("priority"))},
        {key("aliases"), joined(config.value(key("aliases")))},
        {key("fallbacks"), joined(config.value(key("fallbacks")))},
        {key("affinity"), affinity},
        {key("affinityHeader"), header},
        {key("hedge"), hedge.value(key("enabled")).toBool(hedge.contains(key("after_ms")))},
        {key("hedgeAfter"), shown(hedge.value(key("after_ms")))},
        {key("mirrorBackend"), mirror.value(key("backend")).toString()},
        {key("mirrorModel"), mirror.value(key("model")).toString()},
        {key("mirrorPercent"), shown(mirror.value(key("percent")))},
    };
}

QVariantMap problems(const QVariantMap &form)
{
    static const QRegularExpression kHeader(QStringLiteral("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"));
    QVariantMap wrong;
    const QVariantList targets = form.value(key("targets")).toList();
    if (targets.isEmpty()) {
        wrong.insert(key("targets"), ModelForm::tr("Add at least one target."));
    }
    bool anyWeight = false;
    for (qsizetype i = 0; i < targets.size(); ++i) {
        const QVariantMap target = targets[i].toMap();
        if (text(target, "backend").isEmpty()) {
            wrong.insert(key("targets"), ModelForm::tr("Choose a backend for each target."));
        }
        const QString weight = text(target, "weight");
        if (!isWhole(weight, 0, kHighestWeight)) {
            wrong.insert(QStringLiteral("weight%1").arg(i),
                         ModelForm::tr("A weight is a whole number from 0."));
        }
        anyWeight = anyWeight || weight.toInt() > 0;
    }
    if (!targets.isEmpty() && !anyWeight && wrong.isEmpty()) {
        wrong.insert(key("targets"), ModelForm::tr("One target needs a weight above 0."));
    }
    const QString header = text(form, "affinityHeader");
    if (text(form, "affinity") == QStringLiteral("header") && !kHeader.match(header).hasMatch()) {
        wrong.insert(key("affinityHeader"),
                     ModelForm::tr("The name of a header, for example x-session-id."));
    }
    const QString after = text(form, "hedgeAfter");
    if (form.value(key("hedge")).toBool() && !after.isEmpty() && !isWhole(after, 1, 86'400'000)) {
        wrong.insert(key("hedgeAfter"), ModelForm::tr("Milliseconds, from 1."));
    }
    const QString percent = text(form, "mirrorPercent");
    if (!text(form, "mirrorBackend").isEmpty() && !percent.isEmpty() &&
        !isNumber(percent, 0, 100)) {
        wrong.insert(key("mirrorPercent"), ModelForm::tr("A number from 0 to 100."));
    }
    return wrong;
}

QJsonObject toConfig(const QVariantMap &form, const QJsonObject &base)
{
    QJsonObject config = base;
    // A target that stays keeps what the form does not show of it.
    const QJsonArray before = base.value(key("targets")).toArray();
    QJsonArray targets;
    const QVariantList list = form.value(key("targets")).toList();
    for (const QVariant &value : list) {
        const QVariantMap typed = value.toMap();
        QJsonObject target;
        for (const QJsonValue &old : before) {
            if (old[key("backend")].toString() == text(typed, "backend") &&
                old[key("model")].toString() == text(typed, "model")) {
                target = old.toObject();
            }
        }
        target[key("backend")] = text(typed, "backend");
        put(target, "model", text(typed, "model"), !text(typed, "model").isEmpty());
        const int weight = text(typed, "weight").toInt();
        put(target, "weight", weight, weight != 1);
        targets.append(target);
    }
    config[key("targets")] = targets;
    const QString strategy = text(form, "strategy");
    put(config, "strategy", strategy, strategy != QStringLiteral("priority"));
    for (const char *listName : {"aliases", "fallbacks"}) {
        const QStringList parts = names(text(form, listName));
        put(config, listName, QJsonArray::fromStringList(parts), !parts.isEmpty());
    }
    const QString affinity = text(form, "affinity");
    put(config, "affinity",
        affinity == QStringLiteral("header") ? text(form, "affinityHeader") : affinity,
        affinity != QStringLiteral("off"));

    QJsonObject hedge = base.value(key("hedge")).toObject();
    const bool hedged = form.value(key("hedge")).toBool();
    const QString after = text(form, "hedgeAfter");
    put(hedge, "enabled", true, hedged);
    if (after != shown(hedge.value(key("after_ms")))) {
        put(hedge, "after_ms", after.toInt(), !after.isEmpty());
    }
    put(config, "hedge", hedge, hedged);

    QJsonObject mirror = base.value(key("mirror")).toObject();
    const QString percent = text(form, "mirrorPercent");
    mirror[key("backend")] = text(form, "mirrorBackend");
    put(mirror, "model", text(form, "mirrorModel"), !text(form, "mirrorModel").isEmpty());
    put(mirror, "percent", percent.toDouble(), !percent.isEmpty());
    put(config, "mirror", mirror, !text(form, "mirrorBackend").isEmpty());
    return config;
}

} // namespace tidegate::modelform
