// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/glob.h"
#include "gateway/base/secret.h"
#include "gateway/config/managedrule.h"
#include "gateway/config/routingrules.h"
#include "gateway/policy/keyring.h"
#include "gateway/upstream/upstreamclient.h"

#include <QByteArray>
#include <QHostAddress>
#include <QJsonObject>
#include <QString>
#include <QStringList>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate {

class PriceTable;
struct PriceLayer;

/// Where a setting came from. The file wins over the panel, the environment over both.
enum class Origin : quint8
{
    Default,
    Panel,
    File,
    Environment
};

enum class AuthMode : quint8
{
    Required,
    Off
};

/// The `server:` section. See contract.md for meaning and defaults.
struct ServerConfig
{
    QHostAddress host = QHostAddress(QHostAddress::LocalHost);
    quint16 port = 8080;
    Origin hostOrigin = Origin::Default;
    Origin portOrigin = Origin::Default;
    int workers = 1;
    qint64 maxRequestBodyBytes = 33'554'432;
    int maxConnections = 12'000;
    int headerTimeoutSeconds = 10;
    int drainSeconds = 30;
    AuthMode auth = AuthMode::Required;
};

enum class BackendType : quint8
{
    OpenAI,
    Anthropic,
    Gemini,
    Azure,
    Ollama,
    VLlm,
    LlamaCpp,
    Tgi,
    SgLang,
    LmStudio,
    Groq,
    Mistral,
    OpenRouter,
    Local,
    Modal,
    Echo,
    Noop
};

/// Whether a backend's key can be used.
enum class KeyState : quint8
{
    NotNeeded,   ///< no api_key configured
    Ready,       ///< at least one key is at hand
    Pending,     ///< the keychain has not answered yet
    Missing,     ///< the keychain, file or variable has no such entry
    Locked,      ///< the keychain is locked
    Unavailable, ///< there is no keychain on this machine, or it does not answer
};

/// Where a key is to be found; never the key itself, except for literals from file or environment.
struct SecretRef
{
    enum class Kind : quint8
    {
        Literal,
        Keychain,
        File
    };
    Kind kind = Kind::Literal;
    QString name;   ///< keychain entry or file path
    Secret literal; ///< for Literal
    bool operator==(const SecretRef &) const = default;
};

/// One upstream server, as validated.
struct BackendConfig
{
    QByteArray name;
    BackendType type = BackendType::OpenAI;
    Origin origin = Origin::Default;
    bool active = true; ///< false: this version does not speak its protocol; never route to it
    QByteArray baseUrl; ///< with its base path, without a trailing slash; empty for echo and noop
    std::vector<SecretRef> keyRefs;
    std::vector<Secret> keys; ///< the resolved ones, in order
    KeyState keyState = KeyState::NotNeeded;
    std::vector<Glob> models;    ///< empty: any model, at the lowest precedence
    int priority = 100;          ///< lower is tried first
    int weight = 1;              ///< share among equals; 0: only when no other is left
    int maxConcurrency = 0;      ///< 0: no bound
    int maxQueue = 100;          ///< how many may wait for a place
    int queueTimeoutMs = 30'000; ///< 0: for as long as the client waits
    RetryRule retry;
    BreakerOverrides breakerOverrides;
    BreakerConfig breaker; ///< in force: the overrides over the gateway's rules
    HealthRule health;
    std::vector<std::pair<QByteArray, QByteArray>> headers;
    UpstreamTimeouts timeouts;
    bool allowPrivateNetwork = false;
    QByteArray proxy;
    QByteArray caFile;
    bool verifyTls = true;
    QByteArray toolCallParser;
    std::optional<ManagedRule> managed; ///< Tidegate starts and stops it
    std::optional<SshRule> ssh;         ///< it is reached through a tunnel
    QJsonObject source; ///< as configured (YAML or panel), for editing; secrets as references
};

/// One of the places where a public model name is served.
struct ModelTarget
{
    QByteArray backend;
    QByteArray model;                 ///< as the backend calls it
    int weight = 1;                   ///< share among equals; 0: only when no other is left
    std::optional<int> priority = {}; ///< lower is tried first; nothing: its place in the list
};

/// A public model name.
struct ModelConfig
{
    QByteArray name;
    Origin origin = Origin::Default;
    std::vector<ModelTarget> targets; ///< never empty
    QJsonObject source;               ///< as configured, for editing
    std::vector<Glob> aliases;        ///< further names and patterns of names
    RoutingStrategy strategy = RoutingStrategy::Priority;
    QByteArrayList fallbacks; ///< names to try when no target can answer
    AffinityRule affinity;
    HedgeRule hedge;
    MirrorRule mirror;
    TimeoutOverrides timeouts;
    RetryOverrides retry;
};

/// Limits of the models that a pattern stands for; each of them is counted by itself.
struct ModelLimits
{
    Glob pattern; ///< of the name that clients ask for
    Limits limits;
};

/// The `rate_limits:` section.
struct RateLimits
{
    Limits perKey;                     ///< `default`: for keys that name none
    Limits perIp;                      ///< for requests without a key, by client address
    std::vector<ModelLimits> perModel; ///< most specific first
    QJsonObject source;                ///< as configured, file and panel merged

    /// The most specific ones that stand for @p model, or null.
    [[nodiscard]] const Limits *forModel(std::string_view model) const;
};

/// What happens to requests of a key or team with a budget when the model's price is not known.
enum class UnknownPrice : quint8
{
    Deny,
    Allow
};

/// Something wrong with, or worth saying about, the configuration.
struct ConfigProblem
{
    enum class Severity : quint8
    {
        Note,
        Warning,
        Error
    };
    Severity severity = Severity::Error;
    QString file;    ///< empty when not from a file
    int line = 0;    ///< 1-based, 0 when unknown
    QString key;     ///< dotted path, e.g. backends.openai.url
    QString message; ///< what, why and what to do

    /// "config.yaml:12: backends.openai.url: …"
    [[nodiscard]] QString toString() const;
};

/// The whole configuration in force: immutable, shared by all threads, swapped whole.
///
/// Exchanges in flight keep the one they started with.
struct ConfigSnapshot
{
    quint64 revision = 0; ///< grows by one with each swap
    ServerConfig server;
    QByteArray defaultBackend;
    std::vector<BackendConfig> backends; ///< by priority, then in order of appearance
    std::vector<ModelConfig> models;
    KeyRing keys; ///< and teams
    RateLimits rateLimits;
    BreakerConfig breaker; ///< for backends that say nothing else
    /// Shipped, from the price file and from the database, merged; never null.
    std::shared_ptr<const PriceTable> prices;
    std::shared_ptr<const PriceLayer> priceFile; ///< the price file's part; null without one
    UnknownPrice unknownPrice = UnknownPrice::Deny;
    QByteArray logLevel = "info";  ///< debug, info, warning or error
    QByteArray logFormat = "auto"; ///< json, text, or auto: text on a terminal and json elsewhere
    QByteArray logRequests = "errors"; ///< which requests get a line: off, errors or all
    int retentionDays = 30;
};

using ConfigPtr = std::shared_ptr<const ConfigSnapshot>;

/// "openai", "llamacpp", … as in the file.
[[nodiscard]] QByteArray backendTypeName(BackendType type);
/// The type of that name, spelled as in the file; nothing for an unknown one.
[[nodiscard]] std::optional<BackendType> backendTypeFromName(QByteArrayView name);
/// All types' names, in the order of the documentation.
[[nodiscard]] QStringList backendTypeNames();
/// False for types whose protocol this version does not speak yet.
[[nodiscard]] bool isActiveBackendType(BackendType type);

} // namespace tidegate
