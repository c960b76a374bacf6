// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/limitsresource.h"

#include "gateway/admin/adminjson.h"
#include "gateway/config/policyparser.h"
#include "gateway/engine/gateway.h"

#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

const QString kSection = u"rate_limits"_s;
const QString kPerModel = u"per_model"_s;
const QString kModelPrefix = u"model:"_s;

/// The limits of that name in @p section; nothing when it has none.
QJsonValue limitsIn(const QJsonObject &section, const QString &name)
{
    return name.startsWith(kModelPrefix)
               ? section.value(kPerModel).toObject().value(name.mid(kModelPrefix.size()))
               : section.value(name);
}

/// @p section with those limits put in, or taken out when they are undefined.
QJsonObject changed(QJsonObject section, const QString &name, const QJsonValue &limits)
{
    if (!name.startsWith(kModelPrefix)) {
        section.insert(name, limits);
        return section;
    }
    QJsonObject models = section.value(kPerModel).toObject();
    models.insert(name.mid(kModelPrefix.size()), limits);
    section.insert(kPerModel, models.isEmpty() ? QJsonValue(QJsonValue::Undefined) : models);
    return section;
}

} // namespace

LimitsResource::LimitsResource(Gateway &gateway)
    : AdminResource(u"limits"_s, u"limit"_s, u"name"_s)
    , m_gateway(gateway)
{
}

QJsonObject LimitsResource::stored() const
{
    return m_gateway.exportConfig().value(kSection).toObject();
}

std::vector<QJsonObject> LimitsResource::items() const
{
    const QJsonObject &section = m_gateway.config()->rateLimits.source;
    const QJsonObject database = stored();
    std::vector<QJsonObject> result;
    const auto add = [&result, &database](const QString &name, const QJsonValue &limits) {
        QJsonObject item = limits.toObject();
        const bool fromDatabase = limitsIn(database, name) == limits;
        item.insert(u"object"_s, u"limit"_s);
        item.insert(u"name"_s, name);
        item.insert(u"source"_s, adminjson::origin(fromDatabase ? Origin::Panel : Origin::File));
        result.push_back(std::move(item));
    };
    for (const QString &name : {u"default"_s, u"per_ip"_s}) {
        if (section.value(name).isObject()) {
            add(name, section.value(name));
        }
    }
    const QJsonObject models = section.value(kPerModel).toObject();
    for (auto it = models.constBegin(); it != models.constEnd(); ++it) {
        add(kModelPrefix + it.key(), it.value());
    }
    return result;
}

QStringList LimitsResource::readOnly() const
{
    return {};
}

void LimitsResource::create(const QJsonObject &item, Answer answer)
{
    QJsonObject limits = item;
    const QString name = limits.take(u"name"_s).toString();
    const bool isModel = name.startsWith(kModelPrefix) && name.size() > kModelPrefix.size();
    if (name != u"default"_s && name != u"per_ip"_s && !isModel) {
        answer(ApiError{400, "invalid_request",
                        "name: Must be \"default\", \"per_ip\" or \"model:\" and a model name or "
                        "pattern.",
                        "name"});
        return;
    }
    if (!find(name).isEmpty()) {
        answer(ApiError{
            409, "already_exists",
            u"There are limits '%1' already. Use PATCH to change them."_s.arg(name).toUtf8(),
            "name"});
        return;
    }
    save(name, limits, std::move(answer));
}

void LimitsResource::change(const QString &id, const QJsonObject &item, Answer answer)
{
    QJsonObject limits = item;
    if (limits.take(u"name"_s).toString() != id) {
        answer(ApiError{400, "invalid_request", "name: Limits keep their name.", "name"});
        return;
    }
    save(id, limits, std::move(answer));
}

void LimitsResource::save(const QString &name, const QJsonObject &limits, Answer answer)
{
    const QJsonObject section = changed(stored(), name, limits);
    if (const auto checked = checkRateLimits(section); !checked) {
        const QString path =
            name.startsWith(kModelPrefix) ? u"per_model."_s + name.mid(kModelPrefix.size()) : name;
        answer(adminjson::invalid(checked.error(), u"%1.%2."_s.arg(kSection, path)));
        return;
    }
    m_gateway.saveSetting(kSection, section,
                          [this, name, answer = std::move(answer)](const Result<Done> &saved) {
                              if (!saved) {
                                  answer(adminjson::refused(saved.error(), {}));
                                  return;
                              }
                              answer(found(name));
                          });
}

void LimitsResource::remove(const QString &id, std::function<void(const QString &error)> done)
{
    const QJsonObject section = changed(stored(), id, QJsonValue(QJsonValue::Undefined));
    m_gateway.saveSetting(kSection, section.isEmpty() ? QJsonValue() : QJsonValue(section),
                          [done = std::move(done)](const Result<Done> &result) {
                              done(result ? QString() : result.error());
                          });
}

} // namespace tidegate
