// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/backendparser.h"

#include "gateway/config/backendurl.h"
#include "gateway/config/commandsplitter.h"
#include "gateway/config/configschema.h"
#include "gateway/config/configsource.h"
#include "gateway/config/configvalidator.h"
#include "gateway/config/policyparser.h"
#include "gateway/config/urlguard.h"
#include "gateway/config/variables.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QRegularExpression>
#include <QUrl>

#include <algorithm>
#include <optional>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qint64 kLargestKeyFile = 64 * 1024;

/// Reads one entry; gathers its parts so that each check is a short function.
class BackendReader
{
public:
    BackendReader(const ConfigNode &node, const BackendSource &source, ConfigProblems &problems)
        : m_node(node)
        , m_source(source)
        , m_problems(problems)
    {
    }

    BackendConfig read()
    {
        m_backend.name = m_source.name;
        m_backend.origin = m_source.origin;
        m_backend.source = sourceOf(m_node, backendSchema()).toObject();
        const auto type = backendTypeFromName(m_node.string(u"type").toLatin1());
        if (!type) {
            return m_backend; // said by the validator
        }
        m_backend.type = *type;
        m_backend.active = isActiveBackendType(*type);
        if (!m_backend.active) {
            m_problems.warning(
                lineOf(u"type"), pathOf(u"type"),
                u"Backends of type %1 are not active in this version: nothing is sent "
                "to this one."_s.arg(m_node.string(u"type")));
        }
        readUrl();
        readKeys();
        readModels();
        readHeaders();
        m_backend.timeouts = readTimeouts(m_node.find(u"timeouts")).over(m_backend.timeouts);
        m_backend.retry = readRetry(m_node.find(u"retry")).over(m_backend.retry);
        m_backend.breakerOverrides = readBreaker(m_node.find(u"breaker"));
        readHealth();
        readProxy();
        readManaged();
        readSsh();
        m_backend.priority = int(m_node.integer(u"priority", m_backend.priority));
        m_backend.weight = int(m_node.integer(u"weight", m_backend.weight));
        m_backend.maxConcurrency = int(m_node.integer(u"max_concurrency", 0));
        m_backend.maxQueue = int(m_node.integer(u"max_queue", m_backend.maxQueue));
        m_backend.queueTimeoutMs =
            int(m_node.integer(u"queue_timeout_ms", m_backend.queueTimeoutMs));
        m_backend.allowPrivateNetwork = m_node.boolean(u"allow_private_network", false);
        m_backend.toolCallParser = m_node.string(u"tool_call_parser").toUtf8();
        if (const ConfigNode *tls = m_node.find(u"tls")) {
            m_backend.caFile = QFile::encodeName(tls->string(u"ca_file"));
            m_backend.verifyTls = tls->boolean(u"verify", true);
            if (!m_backend.verifyTls) {
                m_problems.warning(
                    tls->line, pathOf(u"tls.verify"),
                    u"Certificates are not checked: anyone on the way can read the key "
                    "and the prompts. Prefer tls.ca_file."_s);
            }
        }
        return m_backend;
    }

private:
    [[nodiscard]] int lineOf(QStringView key) const
    {
        const ConfigNode *node = m_node.find(key);
        return node ? node->line : m_node.line;
    }
    [[nodiscard]] QString pathOf(QStringView key) const { return m_source.path + u'.' + key; }
    [[nodiscard]] bool needsNoUrl() const
    {
        return m_backend.type == BackendType::Echo || m_backend.type == BackendType::Noop;
    }

    void readUrl()
    {
        const ConfigNode *node = m_node.find(u"url");
        if (needsNoUrl()) {
            if (node) {
                m_problems.warning(node->line, pathOf(u"url"),
                                   u"This type answers by itself and needs no url. Remove it."_s);
            }
            return;
        }
        if (node && !node->value.isValid()) {
            return;
        }
        auto url = normaliseBackendUrl(m_backend.type, m_node.string(u"url"));
        if (!url) {
            m_problems.error(lineOf(u"url"), pathOf(u"url"), url.error());
            return;
        }
        m_backend.baseUrl = *url;
        const QUrl parsed = QUrl::fromEncoded(m_backend.baseUrl);
        const auto address = UrlGuard::literalAddress(parsed.host());
        const bool isPublic =
            address ? UrlGuard::classify(*address) == UrlGuard::AddressKind::Public
                    : parsed.host().contains(u'.') && !UrlGuard::isLocalhostName(parsed.host());
        const bool hasKey = m_node.find(u"api_key") || m_node.find(u"api_keys");
        if (isPublic && hasKey && parsed.scheme() == u"http"_s) {
            m_problems.warning(lineOf(u"url"), pathOf(u"url"),
                               u"The key is sent unencrypted over http. Use https if the server "
                               "offers it."_s);
        }
    }

    void readKeys()
    {
        const ConfigNode *one = m_node.find(u"api_key");
        const ConfigNode *many = m_node.find(u"api_keys");
        if (one && many) {
            m_problems.error(many->keyLine, pathOf(u"api_keys"),
                             u"Give either api_key or api_keys, not both."_s);
            return;
        }
        if (one) {
            readKey(*one, pathOf(u"api_key"));
        }
        if (many) {
            int index = 0;
            for (const ConfigNode &item : many->items) {
                readKey(item, pathOf(u"api_keys[%1]"_s.arg(index++)));
            }
        }
        if (m_backend.keyRefs.empty()) {
            return;
        }
        const bool pending =
            std::any_of(m_backend.keyRefs.cbegin(), m_backend.keyRefs.cend(),
                        [](const SecretRef &ref) { return ref.kind == SecretRef::Kind::Keychain; });
        m_backend.keyState = !m_backend.keys.empty() ? KeyState::Ready
                             : pending               ? KeyState::Pending
                                                     : KeyState::Missing;
    }

    void readKey(const ConfigNode &node, const QString &path)
    {
        if (!node.value.isValid()) {
            return;
        }
        static const QString kKeychain = u"keychain:"_s;
        static const QString kFile = u"file:"_s;
        const QString text = node.value.toString();
        SecretRef ref;
        if (text.startsWith(kKeychain)) {
            ref.kind = SecretRef::Kind::Keychain;
            ref.name = text.mid(kKeychain.size()).trimmed();
            if (ref.name.isEmpty()) {
                m_problems.error(node.line, path, u"A name is missing: write keychain:NAME."_s);
                return;
            }
            m_backend.keyRefs.push_back(std::move(ref));
            return;
        }
        if (text.startsWith(kFile)) {
            readKeyFile(node, path, text.mid(kFile.size()).trimmed());
            return;
        }
        if (m_source.origin == Origin::Panel && !isVariableReference(node.raw)) {
            m_problems.error(node.line, path,
                             u"The database holds no keys. Put the key into the keychain and write "
                             "keychain:NAME, or file:PATH or ${VARIABLE}."_s);
            return;
        }
        if (const auto key = checkedKey(text.toUtf8())) {
            ref.literal = *key;
            m_backend.keys.push_back(*key);
            m_backend.keyRefs.push_back(std::move(ref));
        } else {
            m_problems.error(
                node.line, path,
                u"A key consists of visible ASCII characters without spaces. Check how it "
                "was pasted."_s);
        }
    }

    void readKeyFile(const ConfigNode &node, const QString &path, const QString &name)
    {
        if (name.isEmpty() || (m_source.baseDir.isEmpty() && QDir::isRelativePath(name))) {
            m_problems.error(node.line, path,
                             name.isEmpty() ? u"A path is missing: write file:PATH."_s
                                            : u"The path after file: must be absolute here."_s);
            return;
        }
        SecretRef ref;
        ref.kind = SecretRef::Kind::File;
        ref.name = QDir::cleanPath(QDir(m_source.baseDir).absoluteFilePath(name));
        m_backend.keyRefs.push_back(ref);

        QFile file(ref.name);
        // A pipe or device would block for ever.
        if (!QFileInfo(file).isFile() || !file.open(QIODevice::ReadOnly)) {
            m_problems.warning(
                node.line, path,
                u"The key file %1 does not exist or cannot be read; requests to this "
                "backend are refused until it can."_s.arg(ref.name));
            return;
        }
        const auto key = checkedKey(file.read(kLargestKeyFile).trimmed());
        if (!key) {
            m_problems.warning(
                node.line, path,
                u"The key file %1 must hold one key and nothing else; requests to this "
                "backend are refused until it does."_s.arg(ref.name));
            return;
        }
        m_backend.keys.push_back(*key);
#ifdef Q_OS_UNIX
        if (file.permissions() & (QFileDevice::ReadGroup | QFileDevice::ReadOther)) {
            m_problems.warning(node.line, path,
                               u"Other users of this machine can read the key file %1. Change that "
                               "with: chmod 600"_s.arg(ref.name));
        }
#endif
    }

    /// What may go into a header field as a key.
    static std::optional<Secret> checkedKey(const QByteArray &text)
    {
        const bool visible =
            std::all_of(text.cbegin(), text.cend(), [](char c) { return c > 0x20 && c < 0x7f; });
        return visible && !text.isEmpty() ? std::optional(Secret(text)) : std::nullopt;
    }

    void readModels()
    {
        const ConfigNode *node = m_node.find(u"models");
        if (!node) {
            return;
        }
        for (const ConfigNode &item : node->items) {
            if (!item.value.isValid()) {
                continue;
            }
            Glob glob(item.value.toString().toUtf8());
            if (std::find(m_backend.models.cbegin(), m_backend.models.cend(), glob) !=
                m_backend.models.cend()) {
                m_problems.warning(item.line, pathOf(u"models"),
                                   u"The model \"%1\" is listed twice."_s.arg(item.raw));
                continue;
            }
            m_backend.models.push_back(std::move(glob));
        }
    }

    void readHeaders()
    {
        const ConfigNode *node = m_node.find(u"headers");
        if (!node) {
            return;
        }
        for (const ConfigNode &item : node->items) {
            if (!item.value.isValid()) {
                continue;
            }
            const QString path = pathOf(u"headers") + u'.' + item.key;
            if (item.key.compare(u"authorization"_s, Qt::CaseInsensitive) == 0 &&
                !m_backend.keyRefs.empty()) {
                m_problems.error(item.keyLine, path,
                                 u"api_key already sets this header. Remove one of the two."_s);
            } else if (m_source.origin == Origin::Panel && isSecretHeader(item.key) &&
                       sourceOfSecret(item) == kHiddenSecret) {
                m_problems.error(item.keyLine, path,
                                 u"The database holds no keys. Use api_key, or write the value as "
                                 "${VARIABLE}."_s);
            }
            m_backend.headers.emplace_back(item.key.toLatin1(), item.value.toString().toLatin1());
        }
    }

    void readHealth()
    {
        const ConfigNode *node = m_node.find(u"health");
        if (!node) {
            return;
        }
        HealthRule &health = m_backend.health;
        health.enabled = node->boolean(u"enabled", health.enabled);
        health.path = node->string(u"path").toUtf8();
        health.intervalSeconds = int(node->integer(u"interval_seconds", health.intervalSeconds));
        health.timeoutMs = int(node->integer(u"timeout_ms", health.timeoutMs));
        health.healthyAfter = int(node->integer(u"healthy_after", health.healthyAfter));
        health.unhealthyAfter = int(node->integer(u"unhealthy_after", health.unhealthyAfter));
        health.model = node->string(u"model").toUtf8();
    }

    void readProxy()
    {
        const QString text = m_node.string(u"proxy");
        if (text.isEmpty()) {
            return;
        }
        static const QStringList kSchemes{u"http"_s, u"https"_s, u"socks5"_s, u"socks5h"_s};
        const QUrl url(text, QUrl::StrictMode);
        if (!url.isValid() || url.host().isEmpty() || !kSchemes.contains(url.scheme())) {
            m_problems.error(lineOf(u"proxy"), pathOf(u"proxy"),
                             u"A proxy is written like http://proxy.example.com:3128 or "
                             "socks5h://127.0.0.1:1080."_s);
            return;
        }
        if (const auto allowed = UrlGuard::checkHost(url.host(QUrl::FullyEncoded)); !allowed) {
            m_problems.error(lineOf(u"proxy"), pathOf(u"proxy"), allowed.error());
            return;
        }
        if (m_source.origin == Origin::Panel && !url.password().isEmpty() &&
            !isVariableReference(m_node.find(u"proxy")->raw)) {
            m_problems.error(lineOf(u"proxy"), pathOf(u"proxy"),
                             u"The database holds no passwords. Write the proxy as ${VARIABLE}."_s);
            return;
        }
        m_backend.proxy = url.toEncoded(QUrl::FullyEncoded);
    }

    void readManaged()
    {
        const ConfigNode *node = m_node.find(u"managed");
        if (!node || isLocal(*node, u"managed"_s)) {
            return;
        }
        ManagedRule rule;
        rule.start = readCommand(*node, u"start", &rule.shownStart);
        rule.stop = readCommand(*node, u"stop", &rule.shownStop);
        rule.startTimeoutSeconds =
            int(node->integer(u"start_timeout_seconds", rule.startTimeoutSeconds));
        rule.idleMinutes = int(node->integer(u"idle_minutes", rule.idleMinutes));
        if (const QString text = node->string(u"ready_url"); !text.isEmpty()) {
            const QUrl url(text, QUrl::StrictMode);
            const auto fail = [this, node](const QString &message) {
                m_problems.error(node->find(u"ready_url")->line, pathOf(u"managed.ready_url"),
                                 message);
            };
            const bool isHttp = url.scheme() == u"http"_s || url.scheme() == u"https"_s;
            if (!url.isValid() || !isHttp || url.host().isEmpty() || !url.userInfo().isEmpty()) {
                fail(u"Must be a whole URL such as http://127.0.0.1:8000/health"_s);
            } else if (const auto allowed = UrlGuard::checkHost(url.host(QUrl::FullyEncoded));
                       !allowed) {
                fail(allowed.error());
            }
            rule.readyUrl = url.toEncoded(QUrl::FullyEncoded | QUrl::RemoveFragment);
        }
        m_backend.managed = std::move(rule);
    }

    /// Program and arguments; nothing expands anything in them.
    QStringList readCommand(const ConfigNode &section, QStringView key, QString *shown)
    {
        const ConfigNode *node = section.find(key);
        if (!node || !node->value.isValid()) {
            return {};
        }
        *shown = node->raw;
        const QString path = pathOf(u"managed") + u'.' + key;
        const auto split = splitCommand(node->value.toString());
        if (!split) {
            m_problems.error(node->line, path, split.error());
            return {};
        }
        const QStringList &command = *split;
        if (command.isEmpty() || command.constFirst().isEmpty()) {
            m_problems.error(node->line, path, u"A program is missing."_s);
        } else if (command.constFirst().contains(u'/') &&
                   QDir::isRelativePath(command.constFirst())) {
            m_problems.error(node->line, path,
                             u"Give the program's absolute path, or its name alone if it is in "
                             "PATH."_s);
        }
        return command;
    }

    void readSsh()
    {
        const ConfigNode *node = m_node.find(u"ssh");
        if (!node || isLocal(*node, u"ssh"_s)) {
            return;
        }
        if (!m_backend.proxy.isEmpty()) {
            m_problems.error(node->keyLine, pathOf(u"ssh"),
                             u"A backend is reached through a proxy or through a tunnel, not "
                             "both. Remove one of the two."_s);
        }
        const QUrl url = QUrl::fromEncoded(m_backend.baseUrl);
        SshRule rule;
        rule.host = readSshName(*node, u"host");
        rule.user = readSshName(*node, u"user");
        rule.port = int(node->integer(u"port", 0));
        rule.identityFile = node->string(u"identity_file");
        rule.knownHostsFile = node->string(u"known_hosts_file");
        rule.remoteHost = readSshName(*node, u"remote_host");
        if (rule.remoteHost.isEmpty()) {
            rule.remoteHost = url.host();
        } else if (const auto allowed = UrlGuard::checkHost(rule.remoteHost); !allowed) {
            m_problems.error(node->find(u"remote_host")->line, pathOf(u"ssh.remote_host"),
                             allowed.error());
        }
        rule.remotePort =
            int(node->integer(u"remote_port", url.port(url.scheme() == u"https"_s ? 443 : 80)));
        m_backend.ssh = std::move(rule);
    }

    /// A host or a user: never something that ssh could take for an option or a list.
    QString readSshName(const ConfigNode &section, QStringView key)
    {
        const QString text = section.string(key);
        static const QRegularExpression kName(
            u"\\A(?!-)(?:[A-Za-z0-9._-]{1,255}|[0-9A-Fa-f:.]{2,45})\\z"_s);
        if (!text.isEmpty() && !kName.match(text).hasMatch()) {
            m_problems.error(section.find(key)->line, pathOf(u"ssh") + u'.' + key,
                             u"Must consist of letters, digits, \".\", \"_\" and \"-\", and not "
                             "begin with \"-\"."_s);
            return {};
        }
        return text;
    }

    /// Echo and noop are nowhere to be started or reached.
    bool isLocal(const ConfigNode &node, const QString &section)
    {
        if (needsNoUrl()) {
            m_problems.error(node.keyLine, pathOf(section),
                             u"This type answers by itself. Remove this section."_s);
        }
        return needsNoUrl();
    }

    const ConfigNode &m_node;
    const BackendSource &m_source;
    ConfigProblems &m_problems;
    BackendConfig m_backend;
};

} // namespace

BackendConfig readBackend(const ConfigNode &node, const BackendSource &source,
                          ConfigProblems &problems)
{
    return BackendReader(node, source, problems).read();
}

Result<BackendConfig> parseBackend(const QByteArray &name, const QJsonObject &config,
                                   const QProcessEnvironment &environment)
{
    ConfigProblems problems;
    ConfigNode all;
    all.kind = ConfigNode::Kind::Map;
    all.items.push_back(ConfigNode::fromJson(config));
    all.items.front().key = QString::fromUtf8(name);

    const QString section = u"backends"_s;
    ConfigValidator validator(environment, {}, problems);
    validator.validate(all, *configSchema().child(section), section);

    const QString path = section + u'.' + QString::fromUtf8(name);
    const BackendSource source{name, Origin::Panel, path, {}};
    BackendConfig backend = readBackend(all.items.front(), source, problems);
    if (!problems.hasErrors()) {
        backend.source = config;
        return backend;
    }
    QStringList reasons;
    for (const ConfigProblem &problem : problems.all()) {
        if (problem.severity == ConfigProblem::Severity::Error) {
            reasons.append(problem.toString());
        }
    }
    return Error{reasons.join(u'\n')};
}

} // namespace tidegate
