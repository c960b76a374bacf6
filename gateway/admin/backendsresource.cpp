// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/backendsresource.h"

#include "gateway/admin/adminjson.h"
#include "gateway/config/backendparser.h"
#include "gateway/engine/backendjson.h"

#include <QJsonArray>

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

QString keyStateName(KeyState state)
{
    switch (state) {
    case KeyState::NotNeeded:
        return u"not_needed"_s;
    case KeyState::Ready:
        return u"ready"_s;
    case KeyState::Pending:
        return u"pending"_s;
    case KeyState::Missing:
        return u"missing"_s;
    case KeyState::Locked:
        return u"locked"_s;
    case KeyState::Unavailable:
        break;
    }
    return u"unavailable"_s;
}

constexpr int kLongestTrip = 86'400;

/// A way to the key, and not the key.
bool isReference(const QString &key)
{
    return key.startsWith(u"keychain:"_s) || key.startsWith(u"file:"_s) || key.contains(u"${"_s);
}

} // namespace

BackendsResource::BackendsResource(Gateway &gateway, SecretSource *secrets)
    : AdminResource(u"backends"_s, u"backend"_s, u"name"_s)
    , m_gateway(gateway)
    , m_secrets(secrets)
{
}

void BackendsResource::addRoutes(AdminRouter &router)
{
    AdminResource::addRoutes(router);
    router.add(HttpMethod::Post, "backends/{name}/test",
               [this](const AdminCall &call) { test(call); });
    router.add(HttpMethod::Post, "backends/{name}/drain", doing(&Gateway::drainBackend));
    router.add(HttpMethod::Post, "backends/{name}/resume", doing(&Gateway::resumeBackend));
    router.add(HttpMethod::Post, "backends/{name}/confirm", doing(&Gateway::confirmCommand));
    router.add(HttpMethod::Post, "backends/{name}/start", doing(&Gateway::startManaged));
    router.add(HttpMethod::Post, "backends/{name}/stop", doing(&Gateway::stopManaged));
    router.add(HttpMethod::Post, "backends/{name}/breaker/trip",
               [this](const AdminCall &call) { trip(call); });
    router.add(HttpMethod::Post, "backends/{name}/breaker/reset", doing(&Gateway::resetBreaker));
}

std::vector<QJsonObject> BackendsResource::items() const
{
    std::vector<QJsonObject> result;
    const ConfigPtr config = m_gateway.config();
    const std::vector<BackendStatus> statuses = m_gateway.backendStatus(); // in the same order
    for (size_t i = 0; i < config->backends.size(); ++i) {
        const BackendConfig &backend = config->backends[i];
        QJsonObject item = backend.source;
        item.insert(u"object"_s, u"backend"_s);
        item.insert(u"name"_s, QString::fromUtf8(backend.name));
        item.insert(u"source"_s, adminjson::origin(backend.origin));
        item.insert(u"base_url"_s, backend.baseUrl.isEmpty()
                                       ? QJsonValue(QJsonValue::Null)
                                       : QJsonValue(QString::fromUtf8(backend.baseUrl)));
        item.insert(u"key_state"_s, keyStateName(backend.keyState));
        item.insert(u"active"_s, backend.active);
        item.insert(u"status"_s, toJson(statuses[i]));
        result.push_back(std::move(item));
    }
    return result;
}

QStringList BackendsResource::readOnly() const
{
    return {u"base_url"_s, u"key_state"_s, u"active"_s, u"status"_s};
}

void BackendsResource::create(const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    const QString name = config.take(u"name"_s).toString();
    if (name.isEmpty()) {
        answer(ApiError{400, "invalid_request", "name: Give the backend a name.", "name"});
        return;
    }
    if (!find(name).isEmpty()) {
        answer(ApiError{
            409, "already_exists",
            u"There is a backend '%1' already. Use PATCH to change it."_s.arg(name).toUtf8(),
            "name"});
        return;
    }
    save(name, std::move(config), std::move(answer));
}

void BackendsResource::change(const QString &id, const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    if (config.take(u"name"_s).toString() != id) {
        answer(ApiError{400, "invalid_request",
                        "name: A backend keeps its name. Make a new one and delete this one.",
                        "name"});
        return;
    }
    save(id, std::move(config), std::move(answer));
}

void BackendsResource::save(const QString &name, QJsonObject config, Answer answer)
{
    const QString key = config.value(u"api_key"_s).toString();
    const bool isLiteral = !key.isEmpty() && !isReference(key);
    if (isLiteral) {
        config.insert(u"api_key"_s, QString(u"keychain:"_s + name));
    }
    // Checked before the keychain is touched.
    if (const auto parsed = parseBackend(name.toUtf8(), config); !parsed) {
        answer(adminjson::invalid(parsed.error(), u"backends.%1."_s.arg(name)));
        return;
    }
    if (!isLiteral) {
        store(name, config, std::move(answer));
        return;
    }
    const auto refuse = [answer](const QString &why) {
        answer(ApiError{400, "invalid_request",
                        u"api_key: The key was not stored, because only the system's keychain may "
                        "hold one in plain text. %1 Without a keychain give a reference: "
                        "\"${VARIABLE}\", \"file:/path\" or \"keychain:NAME\"."_s.arg(why)
                            .simplified()
                            .toUtf8(),
                        "api_key"});
    };
    if (!m_secrets) {
        refuse(u"This program has none."_s);
        return;
    }
    m_secrets->write(name, Secret(key.toUtf8()),
                     [this, name, config, answer, refuse](const SecretSource::Answer &written) {
                         if (written.state != KeyState::Ready) {
                             refuse(written.message);
                             return;
                         }
                         store(name, config, [this, answer, name](const auto &result) {
                             if (std::holds_alternative<ApiError>(result)) {
                                 answer(result);
                                 return;
                             }
                             // The key of before may still be known by that name.
                             m_gateway.refreshSecrets();
                             answer(found(name));
                         });
                     });
}

void BackendsResource::store(const QString &name, const QJsonObject &config, Answer answer)
{
    m_gateway.saveBackend(
        name.toUtf8(), config,
        [this, name, answer = std::move(answer)](const Result<Done> &result) {
            if (!result) {
                answer(adminjson::refused(result.error(), u"backends.%1."_s.arg(name)));
                return;
            }
            answer(found(name));
        });
}

void BackendsResource::remove(const QString &id, std::function<void(const QString &error)> done)
{
    m_gateway.removeBackend(id.toUtf8(), [done = std::move(done)](const Result<Done> &result) {
        done(result ? QString() : result.error());
    });
}

Gateway::Reply<Done> BackendsResource::answerTo(const AdminCall &call) const
{
    return [this, name = call.names.constFirst(), reply = call.reply](const Result<Done> &done) {
        const auto item = found(name);
        if (const auto *missing = std::get_if<ApiError>(&item)) {
            reply->sendError(*missing);
        } else if (!done) {
            reply->sendError(adminjson::refused(done.error(), {}));
        } else {
            reply->sendJson(200, adminjson::compact(std::get<QJsonObject>(item)));
        }
    };
}

AdminRouter::Handler BackendsResource::doing(Action action)
{
    return [this, action](const AdminCall &call) {
        if (!call.body.isEmpty()) {
            const QByteArray field = call.body.constBegin().key().toUtf8();
            call.reply->sendError(
                {400, "invalid_request", field + ": This call takes no fields.", field});
            return;
        }
        // On a reference of its own: GCC 12's check of virtual tables (-fsanitize=vptr) reads an
        // uninitialised register when the member belongs to this.
        Gateway &gateway = m_gateway;
        Gateway::Reply<Done> answer = answerTo(call);
        (gateway.*action)(call.names.constFirst().toUtf8(), std::move(answer));
    };
}

void BackendsResource::trip(const AdminCall &call)
{
    const QJsonValue wanted = call.body.value(u"seconds"_s);
    const double seconds = wanted.toDouble(wanted.isUndefined() ? 0 : -1);
    const bool alone = call.body.size() == (wanted.isUndefined() ? 0 : 1);
    const bool fits = wanted.isUndefined() || (seconds >= 1 && seconds <= kLongestTrip);
    if (!alone || !fits || seconds != int(seconds)) {
        call.reply->sendError({400, "invalid_request",
                               "seconds: Must be a whole number from 1 to " +
                                   QByteArray::number(kLongestTrip) +
                                   ", or left out: until it is reset. There is no other field.",
                               "seconds"});
        return;
    }
    m_gateway.tripBreaker(call.names.constFirst().toUtf8(), int(seconds), answerTo(call));
}

void BackendsResource::test(const AdminCall &call)
{
    const QString name = call.names.constFirst();
    if (find(name).isEmpty()) {
        call.reply->sendError(noSuch(name));
        return;
    }
    m_gateway.testSavedBackend(name.toUtf8(), [reply = call.reply](const BackendTest &test) {
        reply->sendJson(200, adminjson::compact({
                                 {u"object"_s, u"backend.test"_s},
                                 {u"reachable"_s, test.reachable},
                                 {u"status"_s, test.status},
                                 {u"latency_us"_s, test.latencyUs},
                                 {u"models"_s, QJsonArray::fromStringList(test.models)},
                                 {u"message"_s, test.message},
                             }));
    });
}

} // namespace tidegate
