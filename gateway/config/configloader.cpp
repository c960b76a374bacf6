// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configloader.h"

#include "gateway/config/backendparser.h"
#include "gateway/config/closestmatch.h"
#include "gateway/config/configproblems.h"
#include "gateway/config/configschema.h"
#include "gateway/config/configsource.h"
#include "gateway/config/configvalidator.h"
#include "gateway/config/modelcheck.h"
#include "gateway/config/policyparser.h"
#include "gateway/config/pricefile.h"
#include "gateway/config/urlguard.h"
#include "gateway/config/yamlreader.h"
#include "gateway/policy/keygenerator.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QHash>
#include <QSet>
#include <QUrl>
#include <QtEndian>

#include <algorithm>
#include <limits>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qsizetype kShortestGoodKey = 16;

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

/// Keys and teams outside the database need an id too: negative, and the same for the same name at
/// each start whatever else is configured, because ledger rows carry it. 47 bits stay exact in
/// JSON.
qint64 idOfConfigured(const QByteArray &origin, const QString &name)
{
    const QByteArray identity = origin + ':' + name.toUtf8();
    const QByteArray hash = QCryptographicHash::hash(identity, QCryptographicHash::Sha256);
    const auto bits = qFromBigEndian<quint64>(hash.constData()) >> 17;
    return -qint64(bits) - 1;
}

std::optional<QHostAddress> parseListenAddress(const QString &text)
{
    if (text.compare(u"localhost"_s, Qt::CaseInsensitive) == 0) {
        return QHostAddress(QHostAddress::LocalHost);
    }
    QString plain = text;
    if (plain.startsWith(u'[') && plain.endsWith(u']')) {
        plain = plain.mid(1, plain.size() - 2);
    }
    const QHostAddress address(plain);
    const bool shortForm =
        address.protocol() == QAbstractSocket::IPv4Protocol && plain.count(u'.') != 3;
    if (address.isNull() || shortForm || address.isMulticast() || address.isBroadcast()) {
        return std::nullopt;
    }
    return address;
}

QByteArray normalLogLevel(const QString &level)
{
    return level == u"warn"_s ? QByteArrayLiteral("warning") : level.toLatin1();
}

/// Merges the sources into one snapshot. On the stack of loadConfig().
class ConfigLoader
{
public:
    explicit ConfigLoader(const ConfigInput &input)
        : m_input(input)
        , m_fileProblems(input.file)
        , m_snapshot(std::make_shared<ConfigSnapshot>())
    {
    }

    ConfigOutcome load()
    {
        applyStored();
        applyFile();
        applyEnvironment();
        applyCommandLine();
        checkListening();
        fillModels();
        checkReferences();
        fillTeams();
        fillKeys();
        fillPrices();
        std::stable_sort(m_snapshot->backends.begin(), m_snapshot->backends.end(),
                         [](const auto &a, const auto &b) { return a.priority < b.priority; });

        ConfigOutcome outcome;
        outcome.problems = m_fileProblems.sorted();
        outcome.problems.insert(outcome.problems.end(), m_priceProblems.begin(),
                                m_priceProblems.end());
        const auto others = m_otherProblems.all();
        outcome.problems.insert(outcome.problems.end(), others.begin(), others.end());
        outcome.fileText = m_fileText;
        if (!m_fileProblems.hasErrors() && !m_otherProblems.hasErrors()) {
            outcome.snapshot = std::move(m_snapshot);
        }
        return outcome;
    }

private:
    // --- database

    void applyStored()
    {
        const QJsonObject &settings = m_input.stored.settings;
        if (const QJsonValue host = settings.value(u"server.host"_s); !host.isUndefined()) {
            if (const auto address = parseListenAddress(host.toString())) {
                m_snapshot->server.host = *address;
                m_snapshot->server.hostOrigin = Origin::Panel;
            } else {
                m_otherProblems.warning(0, u"server.host"_s,
                                        u"The address saved in the panel is not an IP address; "
                                        "127.0.0.1 is used."_s);
            }
        }
        if (const QJsonValue port = settings.value(u"server.port"_s); !port.isUndefined()) {
            const int number = port.toInt(-1);
            if (number >= 0 && number <= 65'535) {
                m_snapshot->server.port = quint16(number);
                m_snapshot->server.portOrigin = Origin::Panel;
            } else {
                m_otherProblems.warning(
                    0, u"server.port"_s,
                    u"The port saved in the panel is not from 0 to 65535; 8080 is "
                    "used."_s);
            }
        }
        for (const auto &[name, config] : m_input.stored.backends) {
            auto backend = parseBackend(name, config, m_input.environment);
            if (!backend) {
                m_otherProblems.warning(0, u"backends."_s + QString::fromUtf8(name),
                                        u"This backend of the panel is left out: "_s +
                                            backend.error());
                continue;
            }
            m_snapshot->backends.push_back(std::move(backend).value());
        }
        if (settings.value(u"prices.unknown"_s).toString() == u"allow"_s) {
            m_snapshot->unknownPrice = UnknownPrice::Allow;
        }
    }

    // --- file

    void applyFile()
    {
        if (m_input.file.isEmpty()) {
            return;
        }
        const QFileInfo info(m_input.file);
        if (m_input.fileText) {
            m_fileText = *m_input.fileText;
        } else {
            QFile file(m_input.file);
            if (!info.isFile() || !file.open(QIODevice::ReadOnly)) {
                m_fileProblems.error(0, {},
                                     info.isFile()
                                         ? u"The file cannot be read: %1."_s.arg(file.errorString())
                                         : u"There is no such file."_s);
                return;
            }
            m_fileText = file.read(YamlReader::kMaxBytes + 1);
        }
        m_baseDir = info.absolutePath();
        auto root = YamlReader::read(m_fileText, m_fileProblems);
        if (!root) {
            return;
        }
        ConfigValidator validator(m_input.environment, m_baseDir, m_fileProblems);
        validator.validate(*root, configSchema(), {});
        m_root = std::move(*root);

        applyServer();
        applyFileBackends();
        applyFileModels();
        applyLog();
        if (const ConfigNode *prices = m_root.find(u"prices"); prices && prices->find(u"unknown")) {
            m_snapshot->unknownPrice =
                prices->string(u"unknown") == u"allow"_s ? UnknownPrice::Allow : UnknownPrice::Deny;
        }
        checkCache();
        m_snapshot->defaultBackend = m_root.string(u"default_backend").toUtf8();
    }

    void applyServer()
    {
        const ConfigNode *section = m_root.find(u"server");
        if (!section) {
            return;
        }
        ServerConfig &server = m_snapshot->server;
        if (const ConfigNode *host = section->find(u"host"); host && host->value.isValid()) {
            if (const auto address = parseListenAddress(host->text)) {
                server.host = *address;
                server.hostOrigin = Origin::File;
            } else {
                m_fileProblems.error(host->line, u"server.host"_s,
                                     u"Must be an IP address of this machine: 127.0.0.1 for this "
                                     "machine only, 0.0.0.0 or :: for the network."_s);
            }
        }
        if (const ConfigNode *port = section->find(u"port"); port && port->value.isValid()) {
            server.port = quint16(port->value.toUInt());
            server.portOrigin = Origin::File;
        }
        server.workers = int(section->integer(u"workers", server.workers));
        server.maxRequestBodyBytes =
            section->integer(u"max_request_body_bytes", server.maxRequestBodyBytes);
        server.maxConnections = int(section->integer(u"max_connections", server.maxConnections));
        server.headerTimeoutSeconds =
            int(section->integer(u"header_timeout_seconds", server.headerTimeoutSeconds));
        server.drainSeconds = int(section->integer(u"drain_seconds", server.drainSeconds));
        if (section->string(u"auth") == u"off"_s) {
            server.auth = AuthMode::Off;
            m_authLine = section->find(u"auth")->line;
        }
    }

    void applyFileBackends()
    {
        const ConfigNode *backends = m_root.find(u"backends");
        const ConfigNode *providers = m_root.find(u"providers");
        if (backends && providers) {
            m_fileProblems.error(providers->keyLine, u"providers"_s,
                                 u"backends: and providers: are the same section. Put all of them "
                                 "below backends:."_s);
        }
        for (const ConfigNode *section : {backends, providers}) {
            if (!section) {
                continue;
            }
            for (const ConfigNode &entry : section->items) {
                BackendConfig backend = readBackend(
                    entry,
                    {entry.key.toUtf8(), Origin::File, section->key + u'.' + entry.key, m_baseDir},
                    m_fileProblems);
                checkBreaker(entry.find(u"breaker"),
                             section->key + u'.' + entry.key + u".breaker"_s);
                checkRetry(entry.find(u"retry"), section->key + u'.' + entry.key + u".retry"_s);
                addBackend(std::move(backend), entry.keyLine);
            }
        }
        const ConfigNode *breaker = m_root.find(u"circuit_breaker");
        checkBreaker(breaker, u"circuit_breaker"_s);
        m_snapshot->breaker = readBreaker(breaker).over(m_snapshot->breaker);
    }

    /// Adds, or takes the place of a weaker source's backend of that name.
    void addBackend(BackendConfig &&backend, int line)
    {
        auto &all = m_snapshot->backends;
        const auto same =
            std::find_if(all.begin(), all.end(), [&backend](const BackendConfig &other) {
                return other.name == backend.name;
            });
        if (same == all.end()) {
            m_backendLines.insert(backend.name, line);
            all.push_back(std::move(backend));
            return;
        }
        if (same->origin == Origin::Panel) {
            m_otherProblems.note(
                0, u"backends."_s + QString::fromUtf8(backend.name),
                u"This backend is set in the panel and in the %1; the %1 counts."_s.arg(
                    backend.origin == Origin::File ? u"configuration file"_s : u"environment"_s));
        }
        m_backendLines.insert(backend.name, line);
        all.erase(same);
        all.push_back(std::move(backend));
    }

    void checkBreaker(const ConfigNode *breaker, const QString &path)
    {
        if (breaker &&
            breaker->integer(u"open_seconds", 30) > breaker->integer(u"max_open_seconds", 86'400)) {
            m_fileProblems.error(breaker->line, path + u".max_open_seconds"_s,
                                 u"Must not be smaller than open_seconds."_s);
        }
    }

    void checkRetry(const ConfigNode *retry, const QString &path)
    {
        if (retry && retry->find(u"max_backoff_ms") &&
            retry->integer(u"backoff_ms", 0) > retry->integer(u"max_backoff_ms", 0)) {
            m_fileProblems.error(retry->line, path + u".max_backoff_ms"_s,
                                 u"Must not be smaller than backoff_ms."_s);
        }
    }

    void checkCache()
    {
        const ConfigNode *cache = m_root.find(u"cache");
        if (cache && cache->boolean(u"enabled", true) && cache->string(u"mode") == u"semantic"_s &&
            !cache->find(u"embedding")) {
            m_fileProblems.error(cache->line, u"cache.embedding"_s,
                                 u"The semantic cache needs embedding: { backend, model }."_s);
        }
    }

    void applyFileModels()
    {
        const ConfigNode *models = m_root.find(u"models");
        if (!models) {
            return;
        }
        for (const ConfigNode &entry : models->items) {
            checkRetry(entry.find(u"retry"), u"models."_s + entry.key + u".retry"_s);
            m_snapshot->models.push_back(readModel(entry, Origin::File));
        }
    }

    void applyLog()
    {
        const ConfigNode *section = m_root.find(u"log");
        if (!section) {
            return;
        }
        m_snapshot->logLevel = normalLogLevel(section->string(u"level", u"info"_s));
        m_snapshot->logFormat = section->string(u"format", u"auto"_s).toLatin1();
        m_snapshot->logRequests = section->string(u"requests", u"errors"_s).toLatin1();
        m_snapshot->retentionDays =
            int(section->integer(u"retention_days", m_snapshot->retentionDays));
    }

    // --- environment and command line

    /// The trimmed value; empty when the variable is not set or empty, as containers like to do.
    [[nodiscard]] QString variable(const QString &name) const
    {
        return m_input.environment.value(name).trimmed();
    }

    /// The values of these variables are never repeated: a secret may have been mixed up with one.
    void refuseVariable(const QString &name, const QString &expected)
    {
        m_otherProblems.error(0, name,
                              u"The environment variable %1 must be %2."_s.arg(name, expected));
    }

    std::optional<qint64> numberVariable(const QString &name, qint64 minimum, qint64 maximum)
    {
        const QString text = variable(name);
        if (text.isEmpty()) {
            return std::nullopt;
        }
        bool ok = false;
        const qint64 number = text.toLongLong(&ok);
        if (!ok || number < minimum || number > maximum) {
            refuseVariable(name, u"a whole number from %1 to %2"_s.arg(minimum).arg(maximum));
            return std::nullopt;
        }
        return number;
    }

    void applyEnvironment()
    {
        ServerConfig &server = m_snapshot->server;
        if (const QString host = variable(u"TIDEGATE_HOST"_s); !host.isEmpty()) {
            if (const auto address = parseListenAddress(host)) {
                server.host = *address;
                server.hostOrigin = Origin::Environment;
            } else {
                refuseVariable(u"TIDEGATE_HOST"_s, u"an IP address, like 127.0.0.1 or 0.0.0.0"_s);
            }
        }
        if (const auto port = numberVariable(u"TIDEGATE_PORT"_s, 0, 65'535)) {
            server.port = quint16(*port);
            server.portOrigin = Origin::Environment;
        }
        applyBodyLimitVariable();
        applyUpstreamVariables();
        applyRateLimits();
        applyBreakers();
        if (const QString level = variable(u"TIDEGATE_LOG_LEVEL"_s); !level.isEmpty()) {
            if (!applyLogLevel(level)) {
                refuseVariable(u"TIDEGATE_LOG_LEVEL"_s, u"debug, info, warning or error"_s);
            }
        }
    }

    /// The rules of the gateway and of each backend; the variable switches all of them.
    void applyBreakers()
    {
        const QString name = u"TIDEGATE_CIRCUIT_BREAKER_ENABLED"_s;
        const QString text = variable(name);
        const std::optional<bool> enabled = parseBoolean(text);
        if (!text.isEmpty() && !enabled) {
            refuseVariable(name, u"true or false"_s);
        }
        m_snapshot->breaker.enabled = enabled.value_or(m_snapshot->breaker.enabled);
        for (BackendConfig &backend : m_snapshot->backends) {
            backend.breaker = backend.breakerOverrides.over(m_snapshot->breaker);
            backend.breaker.enabled = enabled.value_or(backend.breaker.enabled);
        }
    }

    /// Panel, file and environment together: each entry from the strongest that has it.
    void applyRateLimits()
    {
        const QString path = u"rate_limits"_s;
        ConfigNode merged;
        if (const QJsonValue stored = m_input.stored.settings.value(path); stored.isObject()) {
            if (auto checked = checkRateLimits(stored.toObject())) {
                merged = std::move(checked).value();
            } else {
                m_otherProblems.warning(
                    0, path, u"The limits of the panel are left out: "_s + checked.error());
            }
        }
        if (const ConfigNode *section = m_root.find(path)) {
            overlay(merged, *section);
        }
        m_snapshot->rateLimits = readRateLimits(merged);
        if (const auto rpm =
                numberVariable(u"TIDEGATE_RATE_LIMIT_RPM"_s, 1, std::numeric_limits<int>::max())) {
            RateLimits &limits = m_snapshot->rateLimits;
            limits.perKey.requestsPerMinute = *rpm;
            QJsonObject entry = limits.source.value(u"default"_s).toObject();
            entry.insert(u"requests_per_minute"_s, *rpm);
            limits.source.insert(u"default"_s, entry);
        }
    }

    /// Puts the entries of @p stronger in the place of those of @p node; per_model's one by one.
    static void overlay(ConfigNode &node, const ConfigNode &stronger)
    {
        node.kind = ConfigNode::Kind::Map;
        for (const ConfigNode &entry : stronger.items) {
            const auto same =
                std::find_if(node.items.begin(), node.items.end(),
                             [&entry](const ConfigNode &other) { return other.key == entry.key; });
            if (same == node.items.end()) {
                node.items.push_back(entry);
            } else if (entry.key == u"per_model"_s) {
                overlay(*same, entry);
            } else {
                *same = entry;
            }
        }
    }

    void applyBodyLimitVariable()
    {
        const QString name = u"TIDEGATE_MAX_REQUEST_BODY_BYTES"_s;
        const QString text = variable(name);
        if (text.isEmpty()) {
            return;
        }
        const SchemaField *field =
            configSchema().child(u"server")->child(u"max_request_body_bytes");
        const auto bytes = parseBytes(text);
        if (!bytes || double(*bytes) < field->minimum || double(*bytes) > field->maximum) {
            refuseVariable(name, u"a number of bytes from 1 to 4000000000, or like 32MiB"_s);
            return;
        }
        m_snapshot->server.maxRequestBodyBytes = *bytes;
    }

    void applyUpstreamVariables()
    {
        const QString urlName = u"TIDEGATE_UPSTREAM_URL"_s;
        const QString url = variable(urlName);
        const QString keyName = u"TIDEGATE_UPSTREAM_API_KEY"_s;
        if (url.isEmpty()) {
            if (!variable(keyName).isEmpty()) {
                m_otherProblems.warning(0, keyName,
                                        u"Has no effect without TIDEGATE_UPSTREAM_URL."_s);
            }
            return;
        }
        ConfigNode entry;
        entry.kind = ConfigNode::Kind::Map;
        const auto add = [&entry](const QString &key, const QString &raw, const QString &text) {
            ConfigNode node;
            node.kind = ConfigNode::Kind::Scalar;
            node.key = key;
            node.raw = raw;
            node.text = text;
            node.value = text;
            entry.items.push_back(std::move(node));
        };
        add(u"type"_s, u"local"_s, u"local"_s);
        add(u"url"_s, u"${TIDEGATE_UPSTREAM_URL}"_s, url);
        if (const QString key = variable(keyName); !key.isEmpty()) {
            add(u"api_key"_s, u"${TIDEGATE_UPSTREAM_API_KEY}"_s, key);
        }
        ConfigProblems problems;
        BackendConfig backend = readBackend(
            entry, {"upstream", Origin::Environment, u"upstream"_s, QDir::currentPath()}, problems);
        for (const ConfigProblem &problem : problems.all()) {
            const QString name = problem.key.endsWith(u".url"_s) ? urlName : keyName;
            if (problem.severity == ConfigProblem::Severity::Error) {
                m_otherProblems.error(0, name, problem.message);
            } else {
                m_otherProblems.warning(0, name, problem.message);
            }
        }
        if (!problems.hasErrors()) {
            addBackend(std::move(backend), 0);
        }
    }

    bool applyLogLevel(const QString &text)
    {
        const QString level = text.toLower();
        const SchemaField *field = configSchema().child(u"log")->child(u"level");
        if (!field->choices.contains(level)) {
            return false;
        }
        m_snapshot->logLevel = normalLogLevel(level);
        return true;
    }

    void applyCommandLine()
    {
        // The panel shows the command line and the environment alike: neither can be changed there.
        if (m_input.host) {
            if (const auto address = parseListenAddress(*m_input.host)) {
                m_snapshot->server.host = *address;
                m_snapshot->server.hostOrigin = Origin::Environment;
            } else {
                m_otherProblems.error(0, u"--host"_s,
                                      u"Must be an IP address, like 127.0.0.1 or 0.0.0.0."_s);
            }
        }
        if (m_input.port) {
            m_snapshot->server.port = *m_input.port;
            m_snapshot->server.portOrigin = Origin::Environment;
        }
        if (m_input.logLevel && !applyLogLevel(QString::fromUtf8(*m_input.logLevel))) {
            m_otherProblems.error(0, u"--log-level"_s, u"Must be debug, info, warning or error."_s);
        }
    }

    // --- the whole

    void checkListening()
    {
        ServerConfig &server = m_snapshot->server;
        if (server.auth == AuthMode::Required || server.host.isLoopback()) {
            return;
        }
        if (server.hostOrigin == Origin::Panel) {
            m_otherProblems.warning(
                0, u"server.host"_s,
                u"The address saved in the panel is not used, because "
                "server.auth is off: without keys, only 127.0.0.1 is allowed."_s);
            server.host = QHostAddress(QHostAddress::LocalHost);
            server.hostOrigin = Origin::Default;
            return;
        }
        m_fileProblems.error(
            m_authLine, u"server.auth"_s,
            u"Without authentication the gateway listens on this machine only, but "
            "the address is %1. Set auth: required, or host: 127.0.0.1."_s.arg(
                server.host.toString()));
    }

    [[nodiscard]] const BackendConfig *backendNamed(const QByteArray &name) const
    {
        const auto &all = m_snapshot->backends;
        const auto it =
            std::find_if(all.cbegin(), all.cend(),
                         [&name](const BackendConfig &backend) { return backend.name == name; });
        return it == all.cend() ? nullptr : &*it;
    }

    /// Says that @p node must name a backend, and warns when it names one that cannot be used.
    void checkBackendReference(const ConfigNode &node, const QString &path)
    {
        if (!node.value.isValid()) {
            return;
        }
        const BackendConfig *backend = backendNamed(node.text.toUtf8());
        if (backend) {
            if (!backend->active) {
                m_fileProblems.warning(
                    node.line, path,
                    u"The backend \"%1\" is not active in this version."_s.arg(node.text));
            }
            return;
        }
        QStringList names;
        for (const BackendConfig &known : m_snapshot->backends) {
            names.append(QString::fromUtf8(known.name));
        }
        m_fileProblems.error(
            node.line, path,
            u"There is no backend \"%1\".%2"_s.arg(node.raw, didYouMean(node.text, names)));
    }

    void checkReferences()
    {
        checkDefaultBackend();
        const ConfigNode *models = m_root.find(u"models");
        if (models) {
            for (const ConfigNode &model : models->items) {
                checkModelReferences(model);
            }
        }
        checkModelsTogether();
        if (const ConfigNode *cache = m_root.find(u"cache")) {
            checkEmbedding(*cache, u"cache.embedding.backend"_s);
        }
        checkSelfReference();
    }

    void checkDefaultBackend()
    {
        if (const ConfigNode *node = m_root.find(u"default_backend")) {
            checkBackendReference(*node, u"default_backend"_s);
            return;
        }
        const QJsonValue stored = m_input.stored.settings.value(u"default_backend"_s);
        const QByteArray name = stored.toString().toUtf8();
        if (name.isEmpty()) {
            return;
        }
        if (backendNamed(name)) {
            m_snapshot->defaultBackend = name;
        } else {
            m_otherProblems.warning(
                0, u"default_backend"_s,
                u"The default backend saved in the panel does not exist any more; "
                "unknown models are answered with an error."_s);
        }
    }

    void checkEmbedding(const ConfigNode &cache, const QString &path)
    {
        const ConfigNode *embedding = cache.find(u"embedding");
        const ConfigNode *backend = embedding ? embedding->find(u"backend") : nullptr;
        if (backend) {
            checkBackendReference(*backend, path);
        }
    }

    void checkModelReferences(const ConfigNode &model)
    {
        const QString path = u"models."_s + model.key;
        if (const ConfigNode *targets = model.find(u"targets")) {
            int index = 0;
            for (const ConfigNode &target : targets->items) {
                if (const ConfigNode *backend = target.find(u"backend")) {
                    checkBackendReference(*backend,
                                          u"%1.targets[%2].backend"_s.arg(path).arg(index));
                }
                ++index;
            }
        }
        if (const ConfigNode *cache = model.find(u"cache")) {
            checkEmbedding(*cache, path + u".cache.embedding.backend"_s);
        }
    }

    void checkModelsTogether()
    {
        const ConfigNode *models = m_root.find(u"models");
        for (const ModelMistake &mistake : checkModels(m_snapshot->models, m_snapshot->backends)) {
            const QString name = QString::fromUtf8(mistake.model);
            const QString path = u"models.%1.%2"_s.arg(name, mistake.key);
            const ConfigNode *node = models ? models->find(name) : nullptr;
            // What the database adds to the file's models must not make the file refused.
            const bool byPanel = std::any_of(m_snapshot->models.cbegin(), m_snapshot->models.cend(),
                                             [&mistake](const ModelConfig &model) {
                                                 return model.origin == Origin::Panel &&
                                                        mistake.involved.contains(model.name);
                                             });
            if (!node || byPanel) {
                m_otherProblems.warning(0, path, mistake.message);
                continue;
            }
            for (const QString &part : mistake.key.split(u'.')) {
                const ConfigNode *child = node->find(part);
                node = child ? child : node;
            }
            const auto item = std::find_if(
                node->items.cbegin(), node->items.cend(), [&mistake](const ConfigNode &candidate) {
                    return !mistake.value.isEmpty() && candidate.text == mistake.value;
                });
            const int line = item != node->items.cend() ? item->line : node->line;
            if (mistake.harmless) {
                m_fileProblems.warning(line, path, mistake.message);
            } else {
                m_fileProblems.error(line, path, mistake.message);
            }
        }
    }

    void checkSelfReference()
    {
        const quint16 ownPort = m_snapshot->server.port;
        for (const BackendConfig &backend : m_snapshot->backends) {
            const QUrl url = QUrl::fromEncoded(backend.baseUrl);
            const auto address = UrlGuard::literalAddress(url.host());
            const bool thisMachine =
                address ? UrlGuard::classify(*address) == UrlGuard::AddressKind::Loopback
                        : UrlGuard::isLocalhostName(url.host());
            if (ownPort == 0 || !thisMachine || url.port(80) != ownPort) {
                continue;
            }
            const QString message =
                u"This url leads to Tidegate itself, which listens on port %1. Change "
                "server.port or the backend's url."_s.arg(ownPort);
            const QString key = u"backends.%1.url"_s.arg(QString::fromUtf8(backend.name));
            if (backend.origin == Origin::File) {
                m_fileProblems.warning(m_backendLines.value(backend.name), key, message);
            } else {
                m_otherProblems.warning(0, key, message);
            }
        }
    }

    // --- public models, teams and client keys

    /// Adds those of the database that the file does not name.
    void fillModels()
    {
        for (const auto &[name, config] : m_input.stored.models) {
            const QString path = u"models."_s + QString::fromUtf8(name);
            auto &all = m_snapshot->models;
            if (std::any_of(all.cbegin(), all.cend(),
                            [&name](const ModelConfig &other) { return other.name == name; })) {
                m_otherProblems.note(0, path,
                                     u"This model is set in the panel and in the configuration "
                                     "file; the configuration file counts."_s);
                continue;
            }
            auto parsed = parseModel(name, config);
            if (!parsed) {
                m_otherProblems.warning(
                    0, path, u"This model of the panel is left out: "_s + parsed.error());
                continue;
            }
            ModelConfig model = std::move(parsed).value();
            std::erase_if(model.targets, [&](const ModelTarget &target) {
                if (backendNamed(target.backend)) {
                    return false;
                }
                m_otherProblems.warning(0, path,
                                        u"There is no backend \"%1\" any more; this target is "
                                        "left out."_s.arg(QString::fromUtf8(target.backend)));
                return true;
            });
            if (!model.targets.empty()) {
                all.push_back(std::move(model));
            }
        }
    }

    void fillTeams()
    {
        const ConfigNode *section = m_root.find(u"teams");
        for (const ConfigNode &entry : section ? section->items : std::vector<ConfigNode>()) {
            Team team = readTeam(entry, entry.key);
            team.id = idOfConfigured("team", entry.key);
            team.fromFile = true;
            addTeam(std::move(team));
        }
        for (const StoredTeam &stored : m_input.stored.teams) {
            const QString path = u"teams."_s + stored.name;
            if (m_teamIds.contains(stored.name)) {
                m_otherProblems.note(0, path,
                                     u"This team is set in the panel and in the configuration "
                                     "file; the configuration file counts."_s);
                continue;
            }
            auto parsed = parseTeam(stored.name, stored.config);
            if (!parsed) {
                // Its keys are refused: going on without its budget could cost what nobody allowed.
                m_brokenTeams.insert(stored.name);
                m_otherProblems.warning(
                    0, path,
                    u"This team of the panel is left out, and its keys are refused: "_s +
                        parsed.error());
                continue;
            }
            Team team = std::move(parsed).value();
            team.id = stored.id;
            addTeam(std::move(team));
        }
    }

    void addTeam(Team &&team)
    {
        m_teamIds.insert(team.name, team.id);
        m_snapshot->keys.add(std::move(team));
    }

    [[nodiscard]] QStringList teamNames() const
    {
        QStringList names;
        for (const Team &team : m_snapshot->keys.teams()) {
            names.append(team.name);
        }
        return names;
    }

    /// What a key takes from other sections.
    void completeKey(ClientKey &key)
    {
        key.teamId = m_teamIds.value(key.team, 0);
        if (!key.config.contains(u"limits"_s)) {
            key.limits = m_snapshot->rateLimits.perKey;
        }
    }

    /// Adds a key unless one with the same secret is there; returns the name of that one.
    QString addKey(ClientKey key)
    {
        const auto known = m_keyNames.constFind(key.sha256);
        if (known != m_keyNames.cend()) {
            return *known;
        }
        m_keyNames.insert(key.sha256, key.name);
        m_snapshot->keys.add(std::move(key));
        return {};
    }

    void fillKeys()
    {
        fillEnvironmentKey();
        if (const ConfigNode *keys = m_root.find(u"keys")) {
            for (const ConfigNode &entry : keys->items) {
                fillFileKey(entry);
            }
        }
        for (const ClientKey &key : m_input.stored.keys) {
            addStoredKey(key);
        }
    }

    void addStoredKey(const ClientKey &stored)
    {
        const QString path = u"keys."_s + stored.name;
        auto parsed = parseKey(stored);
        if (!parsed) {
            ClientKey broken = stored;
            broken.disabled = true;
            addKey(std::move(broken));
            m_otherProblems.warning(0, path,
                                    u"This key of the panel is refused until it is repaired: "_s +
                                        parsed.error());
            return;
        }
        ClientKey key = std::move(parsed).value();
        completeKey(key);
        const bool inForce = !key.disabled && !key.revokedAt.isValid();
        if (m_brokenTeams.contains(key.team)) {
            key.disabled = true;
        } else if (!key.team.isEmpty() && key.teamId == 0 && inForce) {
            m_otherProblems.warning(
                0, path + u".team"_s,
                u"There is no team \"%1\"; only the key's own limits and "
                "budget count.%2"_s.arg(key.team, didYouMean(key.team, teamNames())));
        }
        addKey(std::move(key));
    }

    void fillEnvironmentKey()
    {
        const QString name = u"TIDEGATE_BEARER_TOKEN"_s;
        const QByteArray token = variable(name).toUtf8();
        if (token.isEmpty() || !checkKeyText(token, 0, name, m_otherProblems)) {
            return;
        }
        ClientKey key;
        key.id = idOfConfigured("environment", name);
        key.name = u"environment"_s;
        key.sha256 = KeyGenerator::hash(view(token));
        key.prefix = KeyGenerator::prefix(view(token));
        key.fromFile = true;
        completeKey(key);
        addKey(std::move(key));
    }

    static bool checkKeyText(const QByteArray &text, int line, const QString &path,
                             ConfigProblems &problems)
    {
        const bool visible =
            std::all_of(text.cbegin(), text.cend(), [](char c) { return c > 0x20 && c < 0x7f; });
        if (!visible) {
            problems.error(
                line, path,
                u"A client key consists of visible ASCII characters without spaces, because "
                "it is sent in a header."_s);
            return false;
        }
        if (text.size() < kShortestGoodKey) {
            problems.warning(line, path,
                             u"This client key is short and can be guessed. Use at least 16 random "
                             "characters."_s);
        }
        return true;
    }

    void fillFileKey(const ConfigNode &entry)
    {
        const QString path = u"keys."_s + entry.key;
        const ConfigNode *plain = entry.find(u"key");
        const ConfigNode *hashed = entry.find(u"key_sha256");
        if ((plain != nullptr) == (hashed != nullptr)) {
            m_fileProblems.error(entry.keyLine, path,
                                 plain ? u"Give either key or key_sha256, not both."_s
                                       : u"Give the key as key: \"${VARIABLE}\", or its hash as "
                                         "key_sha256."_s);
            return;
        }
        const ConfigNode *source = plain ? plain : hashed;
        if (!source->value.isValid()) {
            return;
        }
        ClientKey key;
        key.id = idOfConfigured("file", entry.key);
        key.name = entry.key;
        key.fromFile = true;
        if (plain) {
            const QByteArray text = plain->text.toUtf8();
            if (!checkKeyText(text, plain->line, path + u".key"_s, m_fileProblems)) {
                return;
            }
            key.sha256 = KeyGenerator::hash(view(text));
            key.prefix = KeyGenerator::prefix(view(text));
        } else {
            key.sha256 = hashed->value.toByteArray();
            key.prefix = u"…"_s;
        }
        fillFileKeyRules(entry, path, key);
        const QString twin = addKey(std::move(key));
        if (!twin.isEmpty()) {
            m_fileProblems.error(
                source->line, path,
                u"This is the same key as that of \"%1\". Each needs its own."_s.arg(twin));
        }
    }

    void fillFileKeyRules(const ConfigNode &entry, const QString &path, ClientKey &key)
    {
        readKeyRules(entry, key);
        key.config = sourceOf(entry, keySchema()).toObject();
        completeKey(key);
        if (key.expiresAt.isValid() && key.expiresAt < QDateTime::currentDateTimeUtc()) {
            m_fileProblems.warning(entry.find(u"expires")->line, path + u".expires"_s,
                                   u"This key has expired and is refused."_s);
        }
        if (const ConfigNode *team = entry.find(u"team");
            team && team->value.isValid() && key.teamId == 0) {
            m_fileProblems.error(team->line, path + u".team"_s,
                                 u"There is no team \"%1\".%2"_s.arg(
                                     team->raw, didYouMean(team->text, teamNames())));
        }
    }

    // --- prices

    void fillPrices()
    {
        std::vector<PriceLayer> layers{shippedPrices()};
        const ConfigNode *section = m_root.find(u"prices");
        if (const QString path = section ? section->string(u"file") : QString(); !path.isEmpty()) {
            fillPriceFile(path, section->find(u"file")->line);
        }
        if (m_snapshot->priceFile) {
            layers.push_back(*m_snapshot->priceFile);
        }
        PriceLayer stored;
        for (const auto &[pattern, config] : m_input.stored.prices) {
            auto price = parsePrice(pattern, config);
            if (price) {
                stored.entries.push_back(std::move(price).value());
                continue;
            }
            m_otherProblems.warning(0, u"prices."_s + QString::fromUtf8(pattern),
                                    u"This price of the panel is left out: "_s + price.error());
        }
        layers.push_back(std::move(stored));
        m_snapshot->prices = std::make_shared<const PriceTable>(std::move(layers));
    }

    void fillPriceFile(const QString &path, int line)
    {
        ConfigProblems problems(path);
        if (auto layer = readPriceFile(path, problems)) {
            m_snapshot->priceFile = std::make_shared<const PriceLayer>(std::move(*layer));
        } else if (m_input.lastPrices) {
            m_snapshot->priceFile = m_input.lastPrices;
            m_fileProblems.warning(line, u"prices.file"_s,
                                   u"The price file has a mistake; the prices that were read from "
                                   "it before stay in force."_s);
        } else {
            m_fileProblems.error(line, u"prices.file"_s,
                                 u"The price file cannot be used. See what is said about it."_s);
        }
        m_priceProblems = problems.sorted();
    }

    const ConfigInput &m_input;
    ConfigProblems m_fileProblems;
    ConfigProblems m_otherProblems;
    std::shared_ptr<ConfigSnapshot> m_snapshot;
    ConfigNode m_root; ///< the validated file; empty without one
    QByteArray m_fileText;
    QString m_baseDir;
    int m_authLine = 0;
    QHash<QByteArray, int> m_backendLines;
    QHash<QByteArray, QString> m_keyNames; ///< by hash
    QHash<QString, qint64> m_teamIds;
    QSet<QString> m_brokenTeams; ///< of the database
    std::vector<ConfigProblem> m_priceProblems;
};

} // namespace

ConfigOutcome loadConfig(const ConfigInput &input)
{
    return ConfigLoader(input).load();
}

} // namespace tidegate
