// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/configeditor.h"

#include "gateway/config/backendparser.h"
#include "gateway/config/closestmatch.h"
#include "gateway/config/mergepatch.h"
#include "gateway/config/modelcheck.h"
#include "gateway/config/policyparser.h"
#include "gateway/config/pricefile.h"

#include <QPointer>

#include <algorithm>
#include <iterator>
#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qsizetype kLongestName = 128;
constexpr int kLongestOverlapSeconds = 30 * 86'400;
const QString kRateLimits = u"rate_limits"_s;

bool isGoodName(const QString &name)
{
    return !name.isEmpty() && name == name.trimmed() && name.size() <= kLongestName &&
           std::none_of(name.cbegin(), name.cend(),
                        [](QChar c) { return c.category() == QChar::Other_Control; });
}

/// A patch's "name" is the entry's name, everything else its configuration.
Result<QString> takeName(QJsonObject &patch, const QString &fallback)
{
    const QString key = u"name"_s;
    if (!patch.contains(key)) {
        return fallback;
    }
    const QJsonValue name = patch.take(key);
    if (!name.isString()) {
        return Error{u"name: Must be a text."_s};
    }
    return name.toString();
}

} // namespace

ConfigEditor::ConfigEditor(Store &store, Context context, QObject *parent)
    : QObject(parent)
    , m_store(store)
    , m_context(std::move(context))
{
}

// --- one change after the other

void ConfigEditor::queue(std::function<void(Stored)> change)
{
    m_queue.push_back(std::move(change));
    if (!m_busy) {
        runNext();
    }
}

void ConfigEditor::runNext()
{
    if (m_queue.empty()) {
        m_busy = false;
        return;
    }
    m_busy = true;
    const auto change = std::move(m_queue.front());
    m_queue.pop_front();
    change([self = QPointer(this)] {
        if (self) {
            // Not at once: a long queue of refused changes would go deep into the stack.
            QMetaObject::invokeMethod(
                self, [self] { self->runNext(); }, Qt::QueuedConnection);
        }
    });
}

template <typename S, typename T>
Store::Reply<S> ConfigEditor::whenStored(Stored stored, Reply<T> reply,
                                         std::function<void(const S &)> note,
                                         std::function<T(const S &)> answer)
{
    return [self = QPointer(this), stored = std::move(stored), reply = std::move(reply),
            note = std::move(note), answer = std::move(answer)](const Result<S> &result) {
        if (!self) {
            return;
        }
        if (!result) {
            stored();
            reply(Error{result.error()});
            return;
        }
        note(*result);
        self->m_context.apply([reply, answer, value = *result](const Result<Done> &applied) {
            if (applied) {
                reply(answer(value));
            } else {
                reply(Error{tr("The change is stored, but not in force: %1").arg(applied.error())});
            }
        });
        stored();
    };
}

// --- client keys

Result<ClientKey> ConfigEditor::storedKey(qint64 id) const
{
    const auto &keys = m_stored.keys;
    const auto found = std::find_if(keys.cbegin(), keys.cend(),
                                    [id](const ClientKey &key) { return key.id == id; });
    if (found != keys.cend()) {
        return *found;
    }
    if (const ConfigPtr config = m_context.config()) {
        for (const auto &key : config->keys.all()) {
            if (key->id == id) {
                return Error{tr("The key \"%1\" comes from the configuration file or the "
                                "environment. Change it there.")
                                 .arg(key->name)};
            }
        }
    }
    return Error{tr("There is no client key with the id %1.").arg(id)};
}

Result<Done> ConfigEditor::checkKey(const ClientKey &key) const
{
    if (!isGoodName(key.name)) {
        return Error{tr("name: Must be 1 to %1 characters on one line, without spaces around them.")
                         .arg(kLongestName)};
    }
    const auto parsed = parseKey(key);
    if (!parsed) {
        return Error{parsed.error()};
    }
    const QStringList teams = teamNames();
    if (!parsed->team.isEmpty() && !teams.contains(parsed->team)) {
        return Error{u"keys.%1.team: "_s.arg(key.name) +
                     tr("There is no team \"%1\".").arg(parsed->team) +
                     didYouMean(parsed->team, teams)};
    }
    return Done{};
}

ClientKey ConfigEditor::keyInForce(const ClientKey &stored) const
{
    if (const ConfigPtr config = m_context.config()) {
        for (const auto &key : config->keys.all()) {
            if (key->id == stored.id) {
                return *key;
            }
        }
    }
    return stored;
}

void ConfigEditor::noteKey(const ClientKey &key)
{
    const auto known = std::find_if(m_stored.keys.begin(), m_stored.keys.end(),
                                    [&key](const ClientKey &other) { return other.id == key.id; });
    if (known == m_stored.keys.end()) {
        m_stored.keys.push_back(key);
    } else {
        *known = key;
    }
}

void ConfigEditor::createKey(const QString &name, const QJsonObject &config,
                             Reply<Store::NewKey> reply)
{
    queue([this, name, config, reply = std::move(reply)](const Stored &stored) {
        ClientKey key;
        key.name = name;
        key.config = config;
        if (const auto checked = checkKey(key); !checked) {
            stored();
            reply(Error{checked.error()});
            return;
        }
        m_store.createKey(name, config,
                          whenStored<Store::NewKey, Store::NewKey>(
                              stored, reply,
                              [this](const Store::NewKey &made) { noteKey(made.record); },
                              [this](const Store::NewKey &made) {
                                  Q_EMIT keysChanged();
                                  return Store::NewKey{keyInForce(made.record), made.plaintext};
                              }));
    });
}

void ConfigEditor::changeKey(qint64 id, std::function<Result<ClientKey>(ClientKey)> change,
                             Reply<ClientKey> reply)
{
    queue([this, id, change = std::move(change), reply = std::move(reply)](const Stored &stored) {
        const auto before = storedKey(id);
        const auto after = before ? change(*before) : before;
        const auto checked = after ? checkKey(*after) : Result<Done>(Error{after.error()});
        if (!checked) {
            stored();
            reply(Error{checked.error()});
            return;
        }
        m_store.updateKey(id, after->name, after->config,
                          whenStored<ClientKey, ClientKey>(
                              stored, reply, [this](const ClientKey &key) { noteKey(key); },
                              [this](const ClientKey &key) {
                                  Q_EMIT keysChanged();
                                  return keyInForce(key);
                              }));
    });
}

void ConfigEditor::updateKey(qint64 id, const QString &name, const QJsonObject &config,
                             Reply<ClientKey> reply)
{
    changeKey(
        id,
        [name, config](ClientKey key) -> Result<ClientKey> {
            key.name = name;
            key.config = config;
            return key;
        },
        std::move(reply));
}

void ConfigEditor::patchKey(qint64 id, const QJsonObject &patch, Reply<ClientKey> reply)
{
    changeKey(
        id,
        [patch](ClientKey key) -> Result<ClientKey> {
            QJsonObject rest = patch;
            const auto name = takeName(rest, key.name);
            if (!name) {
                return Error{name.error()};
            }
            key.name = *name;
            key.config = mergePatched(key.config, rest);
            return key;
        },
        std::move(reply));
}

void ConfigEditor::rotateKey(qint64 id, int overlapSeconds, Reply<Store::NewKey> reply)
{
    queue([this, id, overlapSeconds, reply = std::move(reply)](const Stored &stored) {
        const auto key = storedKey(id);
        const bool inRange = overlapSeconds >= 0 && overlapSeconds <= kLongestOverlapSeconds;
        if (!key || !inRange) {
            stored();
            reply(Error{
                key ? tr("The overlap must be from 0 to %1 seconds.").arg(kLongestOverlapSeconds)
                    : key.error()});
            return;
        }
        m_store.rotateKey(id, overlapSeconds,
                          whenStored<Store::NewKey, Store::NewKey>(
                              stored, reply,
                              [this](const Store::NewKey &made) { noteKey(made.record); },
                              [this](const Store::NewKey &made) {
                                  Q_EMIT keysChanged();
                                  return Store::NewKey{keyInForce(made.record), made.plaintext};
                              }));
    });
}

void ConfigEditor::revokeKey(qint64 id, Reply<ClientKey> reply)
{
    queue([this, id, reply = std::move(reply)](const Stored &stored) {
        if (const auto key = storedKey(id); !key) {
            stored();
            reply(Error{key.error()});
            return;
        }
        m_store.revokeKey(id, whenStored<ClientKey, ClientKey>(
                                  stored, reply, [this](const ClientKey &key) { noteKey(key); },
                                  [this](const ClientKey &key) {
                                      Q_EMIT keysChanged();
                                      return keyInForce(key);
                                  }));
    });
}

void ConfigEditor::deleteKey(qint64 id, Reply<Done> reply)
{
    queue([this, id, reply = std::move(reply)](const Stored &stored) {
        if (const auto key = storedKey(id); !key) {
            stored();
            reply(Error{key.error()});
            return;
        }
        m_store.deleteKey(id, whenStored<Done, Done>(
                                  stored, reply,
                                  [this, id](const Done &) {
                                      std::erase_if(m_stored.keys, [id](const ClientKey &key) {
                                          return key.id == id;
                                      });
                                  },
                                  [this](const Done &) {
                                      Q_EMIT keysChanged();
                                      return Done{};
                                  }));
    });
}

// --- teams

QStringList ConfigEditor::teamNames() const
{
    QStringList names;
    for (const StoredTeam &team : m_stored.teams) {
        names.append(team.name);
    }
    if (const ConfigPtr config = m_context.config()) {
        for (const Team &team : config->keys.teams()) {
            if (team.fromFile) {
                names.append(team.name);
            }
        }
    }
    return names;
}

QStringList ConfigEditor::fileKeysOf(qint64 team) const
{
    QStringList names;
    if (const ConfigPtr config = m_context.config()) {
        for (const auto &key : config->keys.all()) {
            if (key->fromFile && key->teamId == team) {
                names.append(key->name);
            }
        }
    }
    return names;
}

Result<StoredTeam> ConfigEditor::storedTeam(qint64 id) const
{
    const auto &teams = m_stored.teams;
    const auto found = std::find_if(teams.cbegin(), teams.cend(),
                                    [id](const StoredTeam &team) { return team.id == id; });
    if (found != teams.cend()) {
        return *found;
    }
    const ConfigPtr config = m_context.config();
    if (const Team *team = config ? config->keys.team(id) : nullptr) {
        return Error{tr("The team \"%1\" comes from the configuration file. Change it there.")
                         .arg(team->name)};
    }
    return Error{tr("There is no team with the id %1.").arg(id)};
}

Team ConfigEditor::teamInForce(const StoredTeam &stored) const
{
    const ConfigPtr config = m_context.config();
    if (const Team *team = config ? config->keys.team(stored.id) : nullptr) {
        return *team;
    }
    // Only when the file sets a team of that name since: then that one is in force.
    Team team;
    team.id = stored.id;
    team.name = stored.name;
    team.config = stored.config;
    return team;
}

void ConfigEditor::changeTeam(qint64 id, std::function<Result<StoredTeam>(StoredTeam)> change,
                              Reply<Team> reply)
{
    queue([this, id, change = std::move(change), reply = std::move(reply)](const Stored &stored) {
        const auto before = id == 0 ? Result<StoredTeam>(StoredTeam()) : storedTeam(id);
        const auto after = before ? change(*before) : before;
        QString refusal;
        if (!after) {
            refusal = after.error();
        } else if (const auto parsed = parseTeam(after->name, after->config); !parsed) {
            refusal = parsed.error();
        } else if (before->name != after->name) {
            const QStringList inFile = id == 0 ? QStringList() : fileKeysOf(id);
            if (teamNames().contains(after->name)) {
                refusal = tr("There is a team \"%1\" already.").arg(after->name);
            } else if (!inFile.isEmpty()) {
                refusal = tr("The team cannot be renamed, because keys of the configuration file "
                             "name it: %1.")
                              .arg(inFile.join(u", "_s));
            }
        }
        if (!refusal.isEmpty()) {
            stored();
            reply(Error{refusal});
            return;
        }
        m_store.saveTeam(id, after->name, after->config,
                         whenStored<StoredTeam, Team>(
                             stored, reply,
                             [this, oldName = before->name](const StoredTeam &saved) {
                                 const auto known = std::find_if(
                                     m_stored.teams.begin(), m_stored.teams.end(),
                                     [&saved](const auto &team) { return team.id == saved.id; });
                                 if (known == m_stored.teams.end()) {
                                     m_stored.teams.push_back(saved);
                                     return;
                                 }
                                 *known = saved;
                                 // The store has renamed it in its keys as well.
                                 for (ClientKey &key : m_stored.keys) {
                                     if (key.config.value(u"team"_s).toString() == oldName) {
                                         key.config.insert(u"team"_s, saved.name);
                                     }
                                 }
                             },
                             [this](const StoredTeam &saved) {
                                 Q_EMIT teamsChanged();
                                 Q_EMIT keysChanged();
                                 return teamInForce(saved);
                             }));
    });
}

void ConfigEditor::saveTeam(qint64 id, const QString &name, const QJsonObject &config,
                            Reply<Team> reply)
{
    changeTeam(
        id,
        [name, config](StoredTeam team) -> Result<StoredTeam> {
            team.name = name;
            team.config = config;
            return team;
        },
        std::move(reply));
}

void ConfigEditor::patchTeam(qint64 id, const QJsonObject &patch, Reply<Team> reply)
{
    if (id == 0) {
        reply(Error{tr("There is no team with the id %1.").arg(id)});
        return;
    }
    changeTeam(
        id,
        [patch](StoredTeam team) -> Result<StoredTeam> {
            QJsonObject rest = patch;
            const auto name = takeName(rest, team.name);
            if (!name) {
                return Error{name.error()};
            }
            team.name = *name;
            team.config = mergePatched(team.config, rest);
            return team;
        },
        std::move(reply));
}

void ConfigEditor::removeTeam(qint64 id, Reply<Done> reply)
{
    queue([this, id, reply = std::move(reply)](const Stored &stored) {
        const auto team = storedTeam(id);
        QString refusal = team ? QString() : team.error();
        if (team) {
            QStringList users = fileKeysOf(id);
            for (const ClientKey &key : m_stored.keys) {
                if (!key.revokedAt.isValid() &&
                    key.config.value(u"team"_s).toString() == team->name) {
                    users.append(key.name);
                }
            }
            if (!users.isEmpty()) {
                refusal = tr("Keys belong to the team \"%1\": %2. Give them another team, or "
                             "revoke them, first.")
                              .arg(team->name, users.join(u", "_s));
            }
        }
        if (!refusal.isEmpty()) {
            stored();
            reply(Error{refusal});
            return;
        }
        m_store.removeTeam(id, whenStored<Done, Done>(
                                   stored, reply,
                                   [this, id](const Done &) {
                                       std::erase_if(m_stored.teams, [id](const StoredTeam &other) {
                                           return other.id == id;
                                       });
                                   },
                                   [this](const Done &) {
                                       Q_EMIT teamsChanged();
                                       return Done{};
                                   }));
    });
}

// --- backends, public models and prices

ConfigEditor::Entries &ConfigEditor::entries(Section section)
{
    switch (section) {
    case Section::Backends:
        return m_stored.backends;
    case Section::Models:
        return m_stored.models;
    case Section::Prices:
        break;
    }
    return m_stored.prices;
}

const QJsonObject *ConfigEditor::findEntry(Section section, const QByteArray &name)
{
    const Entries &all = entries(section);
    const auto found = std::find_if(all.cbegin(), all.cend(),
                                    [&name](const auto &entry) { return entry.first == name; });
    return found == all.cend() ? nullptr : &found->second;
}

QStringList ConfigEditor::backendNames() const
{
    QStringList names;
    for (const auto &[name, entry] : m_stored.backends) {
        names.append(QString::fromUtf8(name));
    }
    if (const ConfigPtr config = m_context.config()) {
        for (const BackendConfig &backend : config->backends) {
            if (backend.origin != Origin::Panel) {
                names.append(QString::fromUtf8(backend.name));
            }
        }
    }
    return names;
}

QString ConfigEditor::whyReadOnly(Section section, const QByteArray &name) const
{
    const ConfigPtr config = m_context.config();
    if (!config) {
        return {};
    }
    const auto isOwned = [&name](const auto &all) {
        return std::any_of(all.cbegin(), all.cend(), [&name](const auto &entry) {
            return entry.name == name && entry.origin != Origin::Panel;
        });
    };
    const QString shown = QString::fromUtf8(name);
    if (section == Section::Backends && isOwned(config->backends)) {
        return tr("The backend \"%1\" comes from the configuration file or the environment. "
                  "Change it there.")
            .arg(shown);
    }
    if (section == Section::Models && isOwned(config->models)) {
        return tr("The model \"%1\" comes from the configuration file. Change it there.")
            .arg(shown);
    }
    return {};
}

Result<Done> ConfigEditor::checkEntry(Section section, const QByteArray &name,
                                      const QJsonObject &config) const
{
    switch (section) {
    case Section::Backends: {
        const auto parsed = parseBackend(name, config);
        return parsed ? Result<Done>(Done{}) : Error{parsed.error()};
    }
    case Section::Prices: {
        const auto parsed = parsePrice(name, config);
        return parsed ? Result<Done>(Done{}) : Error{parsed.error()};
    }
    case Section::Models:
        break;
    }
    const auto parsed = parseModel(name, config);
    if (!parsed) {
        return Error{parsed.error()};
    }
    const QStringList backends = backendNames();
    for (const ModelTarget &target : parsed->targets) {
        const QString backend = QString::fromUtf8(target.backend);
        if (!backends.contains(backend)) {
            return Error{u"models.%1.targets: "_s.arg(QString::fromUtf8(name)) +
                         tr("There is no backend \"%1\".").arg(backend) +
                         didYouMean(backend, backends)};
        }
    }
    return checkAmongModels(*parsed);
}

// Fallbacks, aliases and the rest that depends on the other models.
Result<Done> ConfigEditor::checkAmongModels(const ModelConfig &model) const
{
    const ConfigPtr config = m_context.config();
    if (!config) {
        return Done{};
    }
    std::vector<ModelConfig> models;
    std::copy_if(config->models.begin(), config->models.end(), std::back_inserter(models),
                 [&model](const ModelConfig &other) { return other.name != model.name; });
    models.push_back(model); // last, so that what collides is its mistake
    for (const ModelMistake &mistake : checkModels(models, config->backends)) {
        if (!mistake.harmless && mistake.involved.contains(model.name)) {
            return Error{u"models.%1.%2: "_s.arg(QString::fromUtf8(mistake.model), mistake.key) +
                         mistake.message};
        }
    }
    return Done{};
}

void ConfigEditor::changeEntry(Section section, const QByteArray &name,
                               std::function<Result<QJsonObject>()> config, Reply<Done> reply)
{
    queue([this, section, name, config = std::move(config),
           reply = std::move(reply)](const Stored &stored) {
        QString refusal = whyReadOnly(section, name);
        const auto after = refusal.isEmpty() ? config() : Result<QJsonObject>(Error{refusal});
        const auto checked =
            after ? checkEntry(section, name, *after) : Result<Done>(Error{after.error()});
        if (!checked) {
            stored();
            reply(Error{checked.error()});
            return;
        }
        auto done = whenStored<Done, Done>(
            stored, reply,
            [this, section, name, saved = *after](const Done &) {
                Entries &all = entries(section);
                const auto known = std::find_if(all.begin(), all.end(), [&name](const auto &entry) {
                    return entry.first == name;
                });
                if (known == all.end()) {
                    all.emplace_back(name, saved);
                } else {
                    known->second = saved;
                }
            },
            [this, section](const Done &) {
                if (section == Section::Prices) {
                    Q_EMIT pricesChanged();
                }
                return Done{};
            });
        switch (section) {
        case Section::Backends:
            m_store.saveBackend(name, *after, std::move(done));
            break;
        case Section::Models:
            m_store.saveModel(name, *after, std::move(done));
            break;
        case Section::Prices:
            m_store.savePrice(name, *after, std::move(done));
            break;
        }
    });
}

void ConfigEditor::patchEntry(Section section, const QByteArray &name, const QJsonObject &patch,
                              Reply<Done> reply)
{
    changeEntry(
        section, name,
        [this, section, name, patch]() -> Result<QJsonObject> {
            const QJsonObject *before = findEntry(section, name);
            if (!before) {
                return Error{tr("There is no \"%1\" to change.").arg(QString::fromUtf8(name))};
            }
            return mergePatched(*before, patch);
        },
        std::move(reply));
}

void ConfigEditor::removeEntry(Section section, const QByteArray &name, Reply<Done> reply)
{
    queue([this, section, name, reply = std::move(reply)](const Stored &stored) {
        // One that the file hides may go: nothing in force changes.
        if (!findEntry(section, name)) {
            const QString owned = whyReadOnly(section, name);
            stored();
            reply(Error{owned.isEmpty()
                            ? tr("There is no \"%1\" to remove.").arg(QString::fromUtf8(name))
                            : owned});
            return;
        }
        auto done = whenStored<Done, Done>(
            stored, reply,
            [this, section, name](const Done &) {
                std::erase_if(entries(section),
                              [&name](const auto &entry) { return entry.first == name; });
            },
            [this, section](const Done &) {
                if (section == Section::Prices) {
                    Q_EMIT pricesChanged();
                }
                return Done{};
            });
        switch (section) {
        case Section::Backends:
            m_store.removeBackend(name, std::move(done));
            break;
        case Section::Models:
            m_store.removeModel(name, std::move(done));
            break;
        case Section::Prices:
            m_store.removePrice(name, std::move(done));
            break;
        }
    });
}

void ConfigEditor::saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply)
{
    changeEntry(
        Section::Backends, name, [config] { return Result<QJsonObject>(config); },
        std::move(reply));
}

void ConfigEditor::patchBackend(const QByteArray &name, const QJsonObject &patch, Reply<Done> reply)
{
    patchEntry(Section::Backends, name, patch, std::move(reply));
}

void ConfigEditor::removeBackend(const QByteArray &name, Reply<Done> reply)
{
    removeEntry(Section::Backends, name, std::move(reply));
}

void ConfigEditor::saveModel(const QByteArray &name, const QJsonObject &config, Reply<Done> reply)
{
    changeEntry(
        Section::Models, name, [config] { return Result<QJsonObject>(config); }, std::move(reply));
}

void ConfigEditor::patchModel(const QByteArray &name, const QJsonObject &patch, Reply<Done> reply)
{
    patchEntry(Section::Models, name, patch, std::move(reply));
}

void ConfigEditor::removeModel(const QByteArray &name, Reply<Done> reply)
{
    removeEntry(Section::Models, name, std::move(reply));
}

void ConfigEditor::savePrice(const QByteArray &pattern, const QJsonObject &config,
                             Reply<Done> reply)
{
    changeEntry(
        Section::Prices, pattern, [config] { return Result<QJsonObject>(config); },
        std::move(reply));
}

void ConfigEditor::patchPrice(const QByteArray &pattern, const QJsonObject &patch,
                              Reply<Done> reply)
{
    patchEntry(Section::Prices, pattern, patch, std::move(reply));
}

void ConfigEditor::removePrice(const QByteArray &pattern, Reply<Done> reply)
{
    removeEntry(Section::Prices, pattern, std::move(reply));
}

// --- settings

Result<Done> ConfigEditor::checkSetting(const QString &key, const QJsonValue &value) const
{
    if (value.isNull()) {
        return Done{};
    }
    if (key == u"server.port"_s && (value.toInt(-1) < 0 || value.toInt(-1) > 65'535)) {
        return Error{tr("server.port: Must be a whole number from 0 to 65535.")};
    }
    if (key == u"default_backend"_s && !backendNames().contains(value.toString())) {
        return Error{u"default_backend: "_s +
                     tr("There is no backend \"%1\".").arg(value.toString()) +
                     didYouMean(value.toString(), backendNames())};
    }
    if (key == u"prices.unknown"_s && value.toString() != u"deny"_s &&
        value.toString() != u"allow"_s) {
        return Error{tr("prices.unknown: Must be deny or allow.")};
    }
    if (key == kRateLimits) {
        if (!value.isObject()) {
            return Error{tr("rate_limits: Must be an object.")};
        }
        if (const auto checked = checkRateLimits(value.toObject()); !checked) {
            return Error{checked.error()};
        }
    }
    return Done{};
}

void ConfigEditor::changeSetting(const QString &key, const QJsonValue &value, Stored stored,
                                 Reply<Done> reply)
{
    if (const auto checked = checkSetting(key, value); !checked) {
        stored();
        reply(Error{checked.error()});
        return;
    }
    m_store.saveSetting(key, value,
                        whenStored<Done, Done>(
                            std::move(stored), std::move(reply),
                            [this, key, value](const Done &) {
                                if (value.isNull()) {
                                    m_stored.settings.remove(key);
                                } else {
                                    m_stored.settings.insert(key, value);
                                }
                            },
                            [](const Done &) { return Done{}; }));
}

void ConfigEditor::saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply)
{
    queue([this, key, value, reply = std::move(reply)](const Stored &stored) {
        changeSetting(key, value, stored, reply);
    });
}

void ConfigEditor::patchRateLimits(const QJsonObject &patch, Reply<Done> reply)
{
    queue([this, patch, reply = std::move(reply)](const Stored &stored) {
        const QJsonObject before = m_stored.settings.value(kRateLimits).toObject();
        const QJsonObject after = mergePatched(before, patch);
        changeSetting(kRateLimits, after.isEmpty() ? QJsonValue() : QJsonValue(after), stored,
                      reply);
    });
}

} // namespace tidegate
