// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/configimport.h"

#include "gateway/config/backendparser.h"
#include "gateway/config/closestmatch.h"
#include "gateway/config/policyparser.h"
#include "gateway/config/pricefile.h"
#include "gateway/engine/backenddesk.h"
#include "gateway/engine/configeditor.h"
#include "gateway/engine/manageddesk.h"
#include "gateway/policy/pricetable.h"

#include <QJsonArray>
#include <QSet>

#include <algorithm>
#include <memory>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr int kVersion = 1;
const QString kRateLimits = u"rate_limits"_s;

using Entries = std::vector<std::pair<QByteArray, QJsonObject>>;
using Reply = std::function<void(const Result<Done> &)>;

QJsonObject byName(const Entries &entries)
{
    QJsonObject object;
    for (const auto &[name, config] : entries) {
        object.insert(QString::fromUtf8(name), config);
    }
    return object;
}

/// The changes that an import comes to. Makes them once they are all known to be sound.
class Import
{
public:
    Import(ConfigEditor &editor, ConfigPtr inForce)
        : m_editor(editor)
        , m_inForce(std::move(inForce))
    {
    }

    void plan(const QJsonObject &json)
    {
        checkForm(json);
        planBackends(json.value(u"backends"_s).toObject());
        planModels(json.value(u"models"_s).toObject());
        planTeams(json.value(u"teams"_s).toObject());
        planKeys(json.value(u"keys"_s).toArray());
        planPrices(json.value(u"prices"_s).toObject());
        planSettings(json.value(u"settings"_s).toObject());
        planRateLimits(json.value(kRateLimits));
    }

    [[nodiscard]] const QStringList &errors() const { return m_errors; }
    [[nodiscard]] const ImportReport &report() const { return m_report; }

    /// The editor makes changes in the order in which they are asked for.
    static void run(const std::shared_ptr<Import> &self,
                    const std::function<void(Result<ImportReport>)> &reply)
    {
        if (self->m_steps.empty()) {
            reply(self->m_report);
            return;
        }
        self->m_open = self->m_steps.size();
        for (const auto &step : self->m_steps) {
            step([self, reply](const Result<Done> &result) {
                if (!result) {
                    self->m_errors.append(result.error());
                }
                if (--self->m_open > 0) {
                    return;
                }
                if (self->m_errors.isEmpty()) {
                    reply(self->m_report);
                } else {
                    reply(Error{u"Not everything could be imported. "_s +
                                self->m_errors.join(u'\n')});
                }
            });
        }
        self->m_steps.clear();
    }

private:
    void checkForm(const QJsonObject &json)
    {
        static const QStringList kMaps{u"backends"_s, u"models"_s, u"teams"_s,
                                       u"prices"_s,   kRateLimits, u"settings"_s};
        static const QStringList kOthers{u"keys"_s, u"object"_s, u"version"_s, u"exported_at"_s};
        for (auto it = json.begin(); it != json.end(); ++it) {
            if (kMaps.contains(it.key()) ? !it.value().isObject()
                                         : it.key() == u"keys"_s && !it.value().isArray()) {
                m_errors.append(u"%1: Must be %2."_s.arg(
                    it.key(), it.key() == u"keys"_s ? u"a list"_s : u"an object"_s));
            } else if (!kMaps.contains(it.key()) && !kOthers.contains(it.key())) {
                m_errors.append(u"%1: Unknown key."_s.arg(it.key()) +
                                didYouMean(it.key(), kMaps + kOthers));
            }
        }
        if (json.value(u"version"_s).toInt() != kVersion) {
            m_errors.append(u"version: Must be %1."_s.arg(kVersion));
        }
    }

    template <typename T>
    bool isSound(const Result<T> &parsed)
    {
        if (!parsed) {
            m_errors.append(parsed.error());
        }
        return bool(parsed);
    }

    /// Notes what becomes of an entry; false when there is nothing to do.
    bool isNews(const QString &path, const QJsonValue &before, const QJsonValue &after)
    {
        const bool made = before.isUndefined();
        QStringList &list = made              ? m_report.created
                            : before == after ? m_report.unchanged
                                              : m_report.changed;
        list.append(path);
        return made || before != after;
    }

    template <typename T>
    bool isOwned(const std::vector<T> &inForce, const QString &name, const QString &path)
    {
        const bool owned =
            std::any_of(inForce.cbegin(), inForce.cend(), [&name](const auto &entry) {
                return entry.name == name.toUtf8() && entry.origin != Origin::Panel;
            });
        if (owned) {
            m_report.skipped.append(path);
        }
        return owned;
    }

    void planBackends(const QJsonObject &backends)
    {
        for (const BackendConfig &backend : m_inForce->backends) {
            m_backends.insert(QString::fromUtf8(backend.name));
        }
        const QJsonObject stored = byName(m_editor.stored().backends);
        for (auto it = backends.begin(); it != backends.end(); ++it) {
            const QString path = u"backends."_s + it.key();
            const QByteArray name = it.key().toUtf8();
            const QJsonObject config = it.value().toObject();
            m_backends.insert(it.key());
            if (!isSound(parseBackend(name, config)) ||
                isOwned(m_inForce->backends, it.key(), path) ||
                !isNews(path, stored.value(it.key()), config)) {
                continue;
            }
            m_steps.push_back([editor = &m_editor, name, config](const Reply &reply) {
                editor->saveBackend(name, config, reply);
            });
        }
    }

    void planModels(const QJsonObject &models)
    {
        const QJsonObject stored = byName(m_editor.stored().models);
        for (auto it = models.begin(); it != models.end(); ++it) {
            const QString path = u"models."_s + it.key();
            const QByteArray name = it.key().toUtf8();
            const QJsonObject config = it.value().toObject();
            const auto parsed = parseModel(name, config);
            if (!isSound(parsed)) {
                continue;
            }
            for (const ModelTarget &target : parsed->targets) {
                const QString backend = QString::fromUtf8(target.backend);
                if (!m_backends.contains(backend)) {
                    m_errors.append(u"%1.targets: There is no backend \"%2\".%3"_s.arg(
                        path, backend, didYouMean(backend, m_backends.values())));
                }
            }
            if (isOwned(m_inForce->models, it.key(), path) ||
                !isNews(path, stored.value(it.key()), config)) {
                continue;
            }
            m_steps.push_back([editor = &m_editor, name, config](const Reply &reply) {
                editor->saveModel(name, config, reply);
            });
        }
    }

    void planTeams(const QJsonObject &teams)
    {
        QJsonObject stored;
        QHash<QString, qint64> ids;
        for (const StoredTeam &team : m_editor.stored().teams) {
            stored.insert(team.name, team.config);
            ids.insert(team.name, team.id);
            m_teams.insert(team.name);
        }
        QSet<QString> ofFile;
        for (const Team &team : m_inForce->keys.teams()) {
            m_teams.insert(team.name);
            if (team.fromFile) {
                ofFile.insert(team.name);
            }
        }
        for (auto it = teams.begin(); it != teams.end(); ++it) {
            const QString path = u"teams."_s + it.key();
            const QJsonObject config = it.value().toObject();
            m_teams.insert(it.key());
            if (!isSound(parseTeam(it.key(), config))) {
                continue;
            }
            if (ofFile.contains(it.key())) {
                m_report.skipped.append(path);
                continue;
            }
            if (isNews(path, stored.value(it.key()), config)) {
                const qint64 id = ids.value(it.key(), 0);
                m_steps.push_back(
                    [editor = &m_editor, id, name = it.key(), config](const Reply &reply) {
                        editor->saveTeam(id, name, config, [reply](const Result<Team> &team) {
                            reply(team ? Result<Done>(Done{}) : Error{team.error()});
                        });
                    });
            }
        }
    }

    void planKeys(const QJsonArray &keys)
    {
        for (const QJsonValue &entry : keys) {
            ClientKey key;
            key.name = entry.toObject().value(u"name"_s).toString();
            key.config = entry.toObject().value(u"config"_s).toObject();
            const auto checked = parseKey(key);
            if (!isSound(checked)) {
                continue;
            }
            if (!checked->team.isEmpty() && !m_teams.contains(checked->team)) {
                m_errors.append(u"keys.%1.team: There is no team \"%2\".%3"_s.arg(
                    key.name, checked->team, didYouMean(checked->team, m_teams.values())));
                continue;
            }
            planKey(key);
        }
    }

    void planKey(const ClientKey &key)
    {
        const QString path = u"keys."_s + key.name;
        const ClientKey *before = nullptr;
        for (const ClientKey &stored : m_editor.stored().keys) {
            if (stored.name == key.name && !stored.revokedAt.isValid()) {
                before = &stored;
                break;
            }
        }
        if (!isNews(path, before ? QJsonValue(before->config) : QJsonValue(QJsonValue::Undefined),
                    key.config)) {
            return;
        }
        if (before) {
            m_steps.push_back([editor = &m_editor, id = before->id, key](const Reply &reply) {
                editor->updateKey(
                    id, key.name, key.config, [reply](const Result<ClientKey> &changed) {
                        reply(changed ? Result<Done>(Done{}) : Error{changed.error()});
                    });
            });
            return;
        }
        m_steps.push_back([this, key](const Reply &reply) {
            m_editor.createKey(key.name, key.config,
                               [this, reply](const Result<Store::NewKey> &made) {
                                   if (made) {
                                       m_report.newKeys.push_back(*made);
                                   }
                                   reply(made ? Result<Done>(Done{}) : Error{made.error()});
                               });
        });
    }

    void planPrices(const QJsonObject &prices)
    {
        const QJsonObject stored = byName(m_editor.stored().prices);
        for (auto it = prices.begin(); it != prices.end(); ++it) {
            const QByteArray pattern = it.key().toUtf8();
            const QJsonObject config = it.value().toObject();
            if (isSound(parsePrice(pattern, config)) &&
                isNews(u"prices."_s + it.key(), stored.value(it.key()), config)) {
                m_steps.push_back([editor = &m_editor, pattern, config](const Reply &reply) {
                    editor->savePrice(pattern, config, reply);
                });
            }
        }
    }

    void planSettings(const QJsonObject &settings)
    {
        const QJsonObject &stored = m_editor.stored().settings;
        for (auto it = settings.begin(); it != settings.end(); ++it) {
            if (isNews(u"settings."_s + it.key(), stored.value(it.key()), it.value())) {
                m_steps.push_back(
                    [editor = &m_editor, key = it.key(), value = it.value()](const Reply &reply) {
                        editor->saveSetting(key, value, reply);
                    });
            }
        }
    }

    void planRateLimits(const QJsonValue &limits)
    {
        if (limits.isObject() && isSound(checkRateLimits(limits.toObject())) &&
            isNews(kRateLimits, m_editor.stored().settings.value(kRateLimits), limits)) {
            m_steps.push_back([editor = &m_editor, limits](const Reply &reply) {
                editor->saveSetting(kRateLimits, limits, reply);
            });
        }
    }

    ConfigEditor &m_editor;
    ConfigPtr m_inForce;
    ImportReport m_report;
    QStringList m_errors;
    QSet<QString> m_backends; ///< before and after
    QSet<QString> m_teams;    ///< the same
    std::vector<std::function<void(const Reply &)>> m_steps;
    size_t m_open = 0; ///< steps not yet answered
};

} // namespace

QJsonObject exportedConfig(const StoredConfig &stored)
{
    QJsonObject teams;
    for (const StoredTeam &team : stored.teams) {
        teams.insert(team.name, team.config);
    }
    QJsonArray keys;
    for (const ClientKey &key : stored.keys) {
        if (!key.revokedAt.isValid()) {
            keys.append(QJsonObject{{u"name"_s, key.name}, {u"config"_s, key.config}});
        }
    }
    QJsonObject settings = stored.settings;
    const QJsonValue rateLimits = settings.take(kRateLimits);
    settings.remove(ManagedDesk::kConfirmedSetting); // another machine's people have to see it
    settings.remove(BackendDesk::kDrainedSetting);   // says how things are, not how they should be
    QJsonObject result{{u"object"_s, u"tidegate.export"_s},
                       {u"version"_s, kVersion},
                       {u"exported_at"_s, QDateTime::currentDateTimeUtc().toString(Qt::ISODate)},
                       {u"backends"_s, byName(stored.backends)},
                       {u"models"_s, byName(stored.models)},
                       {u"teams"_s, teams},
                       {u"keys"_s, keys},
                       {u"prices"_s, byName(stored.prices)},
                       {u"settings"_s, settings}};
    if (rateLimits.isObject()) {
        result.insert(kRateLimits, rateLimits);
    }
    return result;
}

QJsonObject configAsFile(const ConfigSnapshot &config)
{
    const ServerConfig &server = config.server;
    QJsonObject backends;
    for (const BackendConfig &backend : config.backends) {
        backends.insert(QString::fromUtf8(backend.name), backend.source);
    }
    QJsonObject models;
    for (const ModelConfig &model : config.models) {
        models.insert(QString::fromUtf8(model.name), model.source);
    }
    QJsonObject teams;
    for (const Team &team : config.keys.teams()) {
        teams.insert(team.name, team.config);
    }
    QJsonObject keys;
    for (const auto &key : config.keys.all()) {
        if (!key->revokedAt.isValid()) {
            // The database allows a name twice, the file does not.
            const QString name =
                keys.contains(key->name) ? u"%1#%2"_s.arg(key->name).arg(key->id) : key->name;
            keys.insert(name, key->config);
        }
    }
    QJsonObject prices{
        {u"unknown"_s, config.unknownPrice == UnknownPrice::Allow ? u"allow"_s : u"deny"_s}};
    if (config.priceFile) {
        prices.insert(u"file"_s, config.priceFile->file);
    }
    QJsonObject file{
        {u"server"_s,
         QJsonObject{{u"host"_s, server.host.toString()},
                     {u"port"_s, server.port},
                     {u"workers"_s, server.workers},
                     {u"max_request_body_bytes"_s, server.maxRequestBodyBytes},
                     {u"max_connections"_s, server.maxConnections},
                     {u"header_timeout_seconds"_s, server.headerTimeoutSeconds},
                     {u"drain_seconds"_s, server.drainSeconds},
                     {u"auth"_s, server.auth == AuthMode::Off ? u"off"_s : u"required"_s}}},
        {u"backends"_s, backends},
        {u"models"_s, models},
        {u"teams"_s, teams},
        {u"keys"_s, keys},
        {u"rate_limits"_s, config.rateLimits.source},
        {u"prices"_s, prices},
        {u"log"_s, QJsonObject{{u"level"_s, QString::fromUtf8(config.logLevel)},
                               {u"format"_s, QString::fromUtf8(config.logFormat)},
                               {u"retention_days"_s, config.retentionDays}}}};
    if (!config.defaultBackend.isEmpty()) {
        file.insert(u"default_backend"_s, QString::fromUtf8(config.defaultBackend));
    }
    return file;
}

void importConfig(ConfigEditor &editor, const ConfigPtr &inForce, const QJsonObject &json,
                  bool dryRun, const std::function<void(Result<ImportReport>)> &reply)
{
    const auto import = std::make_shared<Import>(editor, inForce);
    import->plan(json);
    if (!import->errors().isEmpty()) {
        reply(Error{import->errors().join(u'\n')});
    } else if (dryRun) {
        reply(import->report());
    } else {
        Import::run(import, reply);
    }
}

} // namespace tidegate
