// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/policyform.h"

#include "gateway/base/money.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QHostAddress>
#include <QJsonArray>
#include <QTimeZone>

#include <array>
#include <limits>
#include <utility>

namespace tidegate::policyform {

namespace {

/// The name under which translators find these texts.
class PolicyForm
{
    Q_DECLARE_TR_FUNCTIONS(PolicyForm)
};

/// A field of a form and the configuration's name for it.
using Field = std::pair<const char *, const char *>;

constexpr std::array<Field, 4> kLimits{{{"requestsPerMinute", "requests_per_minute"},
                                        {"tokensPerMinute", "tokens_per_minute"},
                                        {"tokensPerDay", "tokens_per_day"},
                                        {"maxConcurrency", "max_concurrency"}}};
constexpr std::array<Field, 6> kPrices{{{"input", "input"},
                                        {"output", "output"},
                                        {"cachedInput", "cached_input"},
                                        {"cacheWrite", "cache_write"},
                                        {"reasoning", "reasoning"},
                                        {"perRequest", "per_request"}}};

const QString kTokenBucket = QStringLiteral("token_bucket");
const QString kSlidingWindow = QStringLiteral("sliding_window");

QString text(const QVariantMap &form, const char *field)
{
    return form.value(QLatin1String(field)).toString().trimmed();
}

QStringList items(const QString &list)
{
    QStringList result;
    const QStringList parts = list.split(u',', Qt::SkipEmptyParts);
    for (const QString &part : parts) {
        if (!part.trimmed().isEmpty()) {
            result << part.trimmed();
        }
    }
    return result;
}

QString joined(const QJsonValue &array)
{
    QStringList result;
    const QJsonArray values = array.toArray();
    for (const QJsonValue &value : values) {
        result << value.toString();
    }
    return result.join(QStringLiteral(", "));
}

/// Numbers and decimal texts alike.
QString scalar(const QJsonValue &value)
{
    if (value.isDouble()) {
        const double number = value.toDouble();
        return number == double(qint64(number)) ? QString::number(qint64(number))
                                                : QString::number(number, 'g', 12);
    }
    return value.toString();
}

std::optional<Money> amount(const QString &typed)
{
    return Money::parse(typed.toLatin1());
}

bool isExpiry(const QString &typed)
{
    return QDate::fromString(typed, Qt::ISODate).isValid() ||
           QDateTime::fromString(typed, Qt::ISODate).isValid();
}

bool isNetwork(const QString &typed)
{
    if (typed.contains(u'/')) {
        return !QHostAddress::parseSubnet(typed).first.isNull();
    }
    return !QHostAddress(typed).isNull();
}

void setOrRemove(QJsonObject &object, const char *name, const QJsonValue &value, bool present)
{
    if (present) {
        object[QLatin1String(name)] = value;
    } else {
        object.remove(QLatin1String(name));
    }
}

} // namespace

QVariantMap fromConfig(const QJsonObject &config)
{
    QVariantMap form;
    form[QStringLiteral("team")] = config.value(QStringLiteral("team")).toString();
    form[QStringLiteral("models")] = joined(config.value(QStringLiteral("models")));
    form[QStringLiteral("expires")] = config.value(QStringLiteral("expires")).toString();
    form[QStringLiteral("allowedIps")] = joined(config.value(QStringLiteral("allowed_ips")));
    form[QStringLiteral("disabled")] = config.value(QStringLiteral("disabled")).toBool();
    const QJsonObject limits = config.value(QStringLiteral("limits")).toObject();
    for (const auto &[field, name] : kLimits) {
        form[QLatin1String(field)] = scalar(limits.value(QLatin1String(name)));
    }
    form[QStringLiteral("algorithm")] =
        limits.value(QStringLiteral("algorithm")).toString(kTokenBucket);
    const QJsonObject budget = config.value(QStringLiteral("budget")).toObject();
    form[QStringLiteral("budgetUsd")] = scalar(budget.value(QStringLiteral("usd")));
    form[QStringLiteral("budgetPeriod")] =
        budget.value(QStringLiteral("period")).toString(QStringLiteral("month"));
    form[QStringLiteral("budgetTimezone")] =
        budget.value(QStringLiteral("timezone"))
            .toString(budget.isEmpty() ? QString::fromLatin1(QTimeZone::systemTimeZoneId())
                                       : QStringLiteral("UTC"));
    form[QStringLiteral("budgetSoftPercent")] =
        scalar(budget.value(QStringLiteral("soft_percent")));
    form[QStringLiteral("budgetShadow")] =
        budget.value(QStringLiteral("mode")).toString() == QStringLiteral("shadow");
    return form;
}

QVariantMap problems(const QVariantMap &form)
{
    QVariantMap found;
    for (const auto &[field, name] : kLimits) {
        const QString typed = text(form, field);
        bool number = false;
        const qint64 value = typed.toLongLong(&number);
        if (!typed.isEmpty() && (!number || value < 1 || value > 1'000'000'000'000)) {
            found[QLatin1String(field)] = PolicyForm::tr("A whole number from 1, or empty.");
        }
    }
    if (text(form, "maxConcurrency").toLongLong() > std::numeric_limits<int>::max()) {
        found[QStringLiteral("maxConcurrency")] =
            PolicyForm::tr("That is more than can be counted.");
    }
    const QString expires = text(form, "expires");
    if (!expires.isEmpty() && !isExpiry(expires)) {
        found[QStringLiteral("expires")] =
            PolicyForm::tr("A date like 2027-01-31, or empty for never.");
    }
    const QStringList networks = items(text(form, "allowedIps"));
    for (const QString &network : networks) {
        if (!isNetwork(network)) {
            found[QStringLiteral("allowedIps")] =
                PolicyForm::tr("“%1” is not an address or a network like 10.0.0.0/8.").arg(network);
        }
    }
    const QString usd = text(form, "budgetUsd");
    if (!usd.isEmpty()) {
        const std::optional<Money> money = amount(usd);
        if (!money || *money <= Money()) {
            found[QStringLiteral("budgetUsd")] =
                PolicyForm::tr("An amount of US dollars like 20 or 12.50, or empty.");
        }
        const QByteArray zone = text(form, "budgetTimezone").toLatin1();
        if (zone != "UTC" && !QTimeZone::isTimeZoneIdAvailable(zone)) {
            found[QStringLiteral("budgetTimezone")] =
                PolicyForm::tr("A time zone like Europe/Berlin.");
        }
        const QString percent = text(form, "budgetSoftPercent");
        bool number = false;
        const int value = percent.toInt(&number);
        if (!percent.isEmpty() && (!number || value < 1 || value > 100)) {
            found[QStringLiteral("budgetSoftPercent")] = PolicyForm::tr("From 1 to 100.");
        }
    }
    return found;
}

QJsonObject toConfig(const QVariantMap &form, const QJsonObject &base)
{
    QJsonObject config = base;
    const QString team = text(form, "team");
    const QStringList models = items(text(form, "models"));
    const QString expires = text(form, "expires");
    const QStringList networks = items(text(form, "allowedIps"));
    setOrRemove(config, "team", team, !team.isEmpty());
    setOrRemove(config, "models", QJsonArray::fromStringList(models), !models.isEmpty());
    setOrRemove(config, "expires", expires, !expires.isEmpty());
    setOrRemove(config, "allowed_ips", QJsonArray::fromStringList(networks), !networks.isEmpty());
    setOrRemove(config, "disabled", true, form.value(QStringLiteral("disabled")).toBool());

    QJsonObject limits = config.value(QStringLiteral("limits")).toObject();
    for (const auto &[field, name] : kLimits) {
        const QString typed = text(form, field);
        setOrRemove(limits, name, typed.toLongLong(), !typed.isEmpty());
    }
    limits.remove(QStringLiteral("algorithm"));
    // Alone it would be limits that limit nothing.
    setOrRemove(limits, "algorithm", kSlidingWindow,
                !limits.isEmpty() && text(form, "algorithm") == kSlidingWindow);
    setOrRemove(config, "limits", limits, !limits.isEmpty());

    const QString usd = text(form, "budgetUsd");
    QJsonObject budget = config.value(QStringLiteral("budget")).toObject();
    // As text: money never goes through a binary fraction.
    budget[QStringLiteral("usd")] = usd;
    budget[QStringLiteral("period")] = text(form, "budgetPeriod");
    budget[QStringLiteral("timezone")] = text(form, "budgetTimezone");
    const QString percent = text(form, "budgetSoftPercent");
    setOrRemove(budget, "soft_percent", percent.toInt(), !percent.isEmpty());
    setOrRemove(budget, "mode", QStringLiteral("shadow"),
                form.value(QStringLiteral("budgetShadow")).toBool());
    setOrRemove(config, "budget", budget, !usd.isEmpty());
    return config;
}

QVariantMap priceFromConfig(const QJsonObject &config)
{
    QVariantMap form;
    for (const auto &[field, name] : kPrices) {
        form[QLatin1String(field)] = scalar(config.value(QLatin1String(name)));
    }
    return form;
}

QVariantMap priceProblems(const QVariantMap &form)
{
    QVariantMap found;
    if (text(form, "pattern").isEmpty()) {
        found[QStringLiteral("pattern")] = PolicyForm::tr("A model name, or a pattern like gpt-*.");
    }
    for (const auto &[field, name] : kPrices) {
        const QString typed = text(form, field);
        const std::optional<Money> money = amount(typed);
        const bool needed = qstrcmp(field, "input") == 0 || qstrcmp(field, "output") == 0;
        if (typed.isEmpty() ? needed : !money || *money < Money()) {
            found[QLatin1String(field)] = PolicyForm::tr("US dollars like 0.15; 0 is free.");
        }
    }
    return found;
}

QJsonObject priceToConfig(const QVariantMap &form, const QJsonObject &base)
{
    QJsonObject config = base;
    for (const auto &[field, name] : kPrices) {
        const QString typed = text(form, field);
        setOrRemove(config, name, typed, !typed.isEmpty());
    }
    return config;
}

} // namespace tidegate::policyform
