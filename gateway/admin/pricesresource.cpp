// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/pricesresource.h"

#include "gateway/admin/adminjson.h"
#include "gateway/config/pricefile.h"
#include "gateway/engine/gateway.h"

#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

QString originName(PriceOrigin origin)
{
    switch (origin) {
    case PriceOrigin::Shipped:
        return u"shipped"_s;
    case PriceOrigin::File:
        return u"file"_s;
    case PriceOrigin::Database:
        break;
    }
    return u"database"_s;
}

} // namespace

PricesResource::PricesResource(Gateway &gateway)
    : AdminResource(u"prices"_s, u"price"_s, u"pattern"_s)
    , m_gateway(gateway)
{
}

std::vector<QJsonObject> PricesResource::items() const
{
    std::vector<QJsonObject> result;
    for (const PatternPrice &price : m_gateway.config()->prices->entries()) {
        QJsonObject item = price.config;
        item.insert(u"object"_s, u"price"_s);
        item.insert(u"pattern"_s, QString::fromUtf8(price.pattern.pattern()));
        item.insert(u"source"_s, originName(price.origin));
        result.push_back(std::move(item));
    }
    return result;
}

QStringList PricesResource::readOnly() const
{
    return {};
}

void PricesResource::create(const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    const QString pattern = config.take(u"pattern"_s).toString();
    if (pattern.isEmpty()) {
        answer(ApiError{400, "invalid_request", "pattern: Say for which model or pattern.",
                        "pattern"});
        return;
    }
    if (find(pattern).value(u"source"_s) == u"database"_s) {
        answer(ApiError{
            409, "already_exists",
            u"There is a price for '%1' already. Use PATCH to change it."_s.arg(pattern).toUtf8(),
            "pattern"});
        return;
    }
    save(pattern, config, std::move(answer));
}

void PricesResource::change(const QString &id, const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    if (config.take(u"pattern"_s).toString() != id) {
        answer(ApiError{400, "invalid_request",
                        "pattern: A price keeps its pattern. Make a new one and delete this one.",
                        "pattern"});
        return;
    }
    save(id, config, std::move(answer));
}

void PricesResource::save(const QString &pattern, const QJsonObject &config, Answer answer)
{
    if (const auto parsed = parsePrice(pattern.toUtf8(), config); !parsed) {
        answer(adminjson::invalid(parsed.error(), u"prices.%1."_s.arg(pattern)));
        return;
    }
    m_gateway.savePrice(
        pattern.toUtf8(), config,
        [this, pattern, answer = std::move(answer)](const Result<Done> &saved) {
            if (!saved) {
                answer(adminjson::refused(saved.error(), u"prices.%1."_s.arg(pattern)));
                return;
            }
            answer(found(pattern));
        });
}

void PricesResource::remove(const QString &id, std::function<void(const QString &error)> done)
{
    m_gateway.removePrice(id.toUtf8(), [done = std::move(done)](const Result<Done> &result) {
        done(result ? QString() : result.error());
    });
}

} // namespace tidegate
