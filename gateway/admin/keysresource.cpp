// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/keysresource.h"

#include "gateway/admin/adminjson.h"
#include "gateway/admin/liveuse.h"
#include "gateway/config/policyparser.h"
#include "gateway/engine/gateway.h"

#include <QDateTime>

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qint64 kLongestOverlap = 30 * 86'400;

QString stateOf(const ClientKey &key)
{
    const QDateTime now = QDateTime::currentDateTimeUtc();
    if (key.revokedAt.isValid()) {
        return u"revoked"_s;
    }
    if (key.disabled) {
        return u"disabled"_s;
    }
    return key.expiresAt.isValid() && key.expiresAt <= now ? u"expired"_s : u"active"_s;
}

} // namespace

KeysResource::KeysResource(Gateway &gateway)
    : AdminResource(u"keys"_s, u"key"_s, u"id"_s)
    , m_gateway(gateway)
{
}

void KeysResource::addRoutes(AdminRouter &router)
{
    AdminResource::addRoutes(router);
    router.add(HttpMethod::Post, "keys/{id}/rotate",
               [this](const AdminCall &call) { rotate(call); });
}

QJsonObject KeysResource::itemOf(const ClientKey &key)
{
    QJsonObject item = key.config;
    // The file's entry has them; nobody needs them here.
    item.remove(u"key"_s);
    item.remove(u"key_sha256"_s);
    const bool isVariable = key.fromFile && key.config.isEmpty() && key.name == u"environment"_s;
    item.insert(u"object"_s, u"key"_s);
    item.insert(u"id"_s, key.id);
    item.insert(u"name"_s, key.name);
    item.insert(u"prefix"_s, key.prefix);
    item.insert(u"source"_s, adminjson::origin(isVariable     ? Origin::Environment
                                               : key.fromFile ? Origin::File
                                                              : Origin::Panel));
    item.insert(u"state"_s, stateOf(key));
    item.insert(u"created_at"_s, adminjson::time(key.createdAt));
    item.insert(u"revoked_at"_s, adminjson::time(key.revokedAt));
    item.insert(u"previous_until"_s,
                adminjson::time(key.previousUntil > QDateTime::currentDateTimeUtc()
                                    ? key.previousUntil
                                    : QDateTime()));
    return item;
}

std::vector<QJsonObject> KeysResource::items() const
{
    std::vector<ClientKey> keys = m_gateway.clientKeys();
    // Newest first; those of the file, which have no age, last.
    std::sort(keys.begin(), keys.end(),
              [](const ClientKey &a, const ClientKey &b) { return a.id > b.id; });
    const LiveUse use(m_gateway);
    std::vector<QJsonObject> result;
    result.reserve(keys.size());
    for (const ClientKey &key : keys) {
        result.push_back(itemOf(key));
        result.back().insert(u"usage"_s, use.ofKey(key.id));
    }
    return result;
}

QStringList KeysResource::readOnly() const
{
    return {u"id"_s,         u"prefix"_s,         u"state"_s, u"created_at"_s,
            u"revoked_at"_s, u"previous_until"_s, u"usage"_s};
}

std::optional<ApiError> KeysResource::check(const QString &name, const QJsonObject &config)
{
    if (name.trimmed().isEmpty()) {
        return ApiError{400, "invalid_request", "name: Give the key a name.", "name"};
    }
    for (const QString &secret : {u"key"_s, u"key_sha256"_s}) {
        if (config.contains(secret)) {
            return ApiError{400, "invalid_request",
                            secret.toUtf8() + ": Tidegate makes the key; the answer has it.",
                            secret.toUtf8()};
        }
    }
    ClientKey key;
    key.name = name;
    key.config = config;
    if (const auto parsed = parseKey(std::move(key)); !parsed) {
        return adminjson::invalid(parsed.error(), u"keys.%1."_s.arg(name));
    }
    return std::nullopt;
}

void KeysResource::create(const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    const QString name = config.take(u"name"_s).toString();
    if (const auto error = check(name, config)) {
        answer(*error);
        return;
    }
    m_gateway.createKey(
        name, config, [this, name, answer = std::move(answer)](const Result<Store::NewKey> &made) {
            if (!made) {
                answer(adminjson::refused(made.error(), u"keys.%1."_s.arg(name)));
                return;
            }
            QJsonObject key = find(QString::number(made->record.id));
            key.insert(u"key"_s, QString::fromLatin1(made->plaintext));
            answer(key);
        });
}

void KeysResource::change(const QString &id, const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    const QString name = config.take(u"name"_s).toString();
    if (find(id).value(u"state"_s) == u"revoked"_s) {
        answer(ApiError{409, "conflict", "A revoked key cannot be changed. Make a new one.", {}});
        return;
    }
    if (const auto error = check(name, config)) {
        answer(*error);
        return;
    }
    m_gateway.updateKey(
        id.toLongLong(), name, config,
        [this, id, name, answer = std::move(answer)](const Result<ClientKey> &changed) {
            if (!changed) {
                answer(adminjson::refused(changed.error(), u"keys.%1."_s.arg(name)));
                return;
            }
            answer(found(id));
        });
}

void KeysResource::remove(const QString &id, std::function<void(const QString &error)> done)
{
    m_gateway.deleteKey(id.toLongLong(), [done = std::move(done)](const Result<Done> &result) {
        done(result ? QString() : result.error());
    });
}

void KeysResource::rotate(const AdminCall &call)
{
    const QString id = call.names.constFirst();
    const QJsonObject item = find(id);
    if (item.isEmpty()) {
        call.reply->sendError(noSuch(id));
        return;
    }
    if (item.value(u"source"_s) != u"database"_s || item.value(u"state"_s) == u"revoked"_s) {
        call.reply->sendError({409,
                               "read_only",
                               item.value(u"state"_s) == u"revoked"_s
                                   ? "A revoked key gets no new secret. Make a new key."
                                   : "This key comes from the configuration file. Change it there.",
                               {}});
        return;
    }
    const QJsonValue overlap = call.body.value(u"overlap_seconds"_s);
    const double seconds = overlap.toDouble(overlap.isUndefined() ? 0 : -1);
    const bool alone = call.body.size() == (overlap.isUndefined() ? 0 : 1);
    if (!alone || seconds < 0 || seconds > double(kLongestOverlap) || seconds != qint64(seconds)) {
        call.reply->sendError({400, "invalid_request",
                               "overlap_seconds: Must be a whole number of seconds from 0 to " +
                                   QByteArray::number(kLongestOverlap) +
                                   "; the body has no other field.",
                               "overlap_seconds"});
        return;
    }
    m_gateway.rotateKey(id.toLongLong(), int(seconds),
                        [this, id, reply = call.reply](const Result<Store::NewKey> &made) {
                            if (!made) {
                                reply->sendError(adminjson::refused(made.error(), {}));
                                return;
                            }
                            QJsonObject rotated = find(id);
                            rotated.insert(u"key"_s, QString::fromLatin1(made->plaintext));
                            reply->sendJson(200, adminjson::compact(rotated));
                        });
}

} // namespace tidegate
