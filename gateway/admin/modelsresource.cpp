// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/modelsresource.h"

#include "gateway/admin/adminjson.h"
#include "gateway/config/policyparser.h"
#include "gateway/engine/gateway.h"

#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

ModelsResource::ModelsResource(Gateway &gateway)
    : AdminResource(u"models"_s, u"model"_s, u"name"_s)
    , m_gateway(gateway)
{
}

void ModelsResource::addRoutes(AdminRouter &router)
{
    AdminResource::addRoutes(router);
    router.add(HttpMethod::Post, "models/explain",
               [this](const AdminCall &call) { explain(call); });
}

void ModelsResource::explain(const AdminCall &call) const
{
    const auto answer = m_gateway.explainRoute(call.body);
    if (!answer) {
        call.reply->sendError(adminjson::invalid(answer.error(), {}));
        return;
    }
    call.reply->sendJson(200, adminjson::compact(*answer));
}

std::vector<QJsonObject> ModelsResource::items() const
{
    std::vector<QJsonObject> result;
    for (const ModelConfig &model : m_gateway.config()->models) {
        QJsonObject item = model.source;
        item.insert(u"object"_s, u"model"_s);
        item.insert(u"name"_s, QString::fromUtf8(model.name));
        item.insert(u"source"_s, adminjson::origin(model.origin));
        result.push_back(std::move(item));
    }
    return result;
}

QStringList ModelsResource::readOnly() const
{
    return {};
}

void ModelsResource::create(const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    const QString name = config.take(u"name"_s).toString();
    if (name.isEmpty()) {
        answer(ApiError{400, "invalid_request", "name: Give the model a name.", "name"});
        return;
    }
    if (!find(name).isEmpty()) {
        answer(
            ApiError{409, "already_exists",
                     u"There is a model '%1' already. Use PATCH to change it."_s.arg(name).toUtf8(),
                     "name"});
        return;
    }
    save(name, config, std::move(answer));
}

void ModelsResource::change(const QString &id, const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    if (config.take(u"name"_s).toString() != id) {
        answer(ApiError{400, "invalid_request",
                        "name: A model keeps its name. Make a new one and delete this one.",
                        "name"});
        return;
    }
    save(id, config, std::move(answer));
}

void ModelsResource::save(const QString &name, const QJsonObject &config, Answer answer)
{
    if (const auto parsed = parseModel(name.toUtf8(), config); !parsed) {
        answer(adminjson::invalid(parsed.error(), u"models.%1."_s.arg(name)));
        return;
    }
    m_gateway.saveModel(
        name.toUtf8(), config, [this, name, answer = std::move(answer)](const Result<Done> &saved) {
            if (!saved) {
                answer(adminjson::refused(saved.error(), u"models.%1."_s.arg(name)));
                return;
            }
            answer(found(name));
        });
}

void ModelsResource::remove(const QString &id, std::function<void(const QString &error)> done)
{
    m_gateway.removeModel(id.toUtf8(), [done = std::move(done)](const Result<Done> &result) {
        done(result ? QString() : result.error());
    });
}

} // namespace tidegate
