// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/backendsmodel.h"

#include "app/viewmodels/backendform.h"
#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"
#include "app/viewmodels/priorityorder.h"
#include "app/viewmodels/routetext.h"

#include <QJsonArray>
#include <QLocale>
#include <QPointer>
#include <QRegularExpression>
#include <QUrl>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

struct TypeInfo
{
    const char *type;
    const char *label;
    const char *defaultUrl;
    bool needsKey;
    bool needsUrl;
    bool offered; ///< in the combo; the others are known by name only
};

constexpr TypeInfo kTypes[] = {
    {"openai", "OpenAI", "https://api.openai.com/v1", true, true, true},
    {"openrouter", "OpenRouter", "https://openrouter.ai/api/v1", true, true, true},
    {"groq", "Groq", "https://api.groq.com/openai/v1", true, true, true},
    {"mistral", "Mistral", "https://api.mistral.ai/v1", true, true, true},
    {"ollama", "Ollama", "http://127.0.0.1:11434", false, true, true},
    {"lmstudio", "LM Studio", "http://127.0.0.1:1234", false, true, true},
    {"llamacpp", "llama.cpp", "http://127.0.0.1:8080", false, true, true},
    {"vllm", "vLLM", "http://127.0.0.1:8000", false, true, true},
    {"sglang", "SGLang", "http://127.0.0.1:30000", false, true, true},
    {"tgi", "Text Generation Inference", "http://127.0.0.1:3000", false, true, true},
    {"modal", "Modal", "", false, true, true},
    {"local", "OpenAI-compatible server", "http://127.0.0.1:5000", false, true, true},
    {"echo", "Echo (for testing)", "", false, false, true},
    {"noop", "No-op (for testing)", "", false, false, false},
    {"anthropic", "Anthropic", "https://api.anthropic.com", true, true, false},
    {"gemini", "Gemini", "https://generativelanguage.googleapis.com", true, true, false},
    {"azure", "Azure OpenAI", "", true, true, false},
};

QString hint(const TypeInfo &info)
{
    if (!info.needsUrl) {
        return BackendsModel::tr("Answers with the last message. Needs no server and no key.");
    }
    if (info.needsKey) {
        return BackendsModel::tr("Needs an API key of %1.").arg(QLatin1String(info.label));
    }
    return BackendsModel::tr("Runs on your machine or network. A key is only needed if the server "
                             "asks for one.");
}

QVariantMap toMap(const TypeInfo &info)
{
    return {
        {QStringLiteral("type"), QString::fromLatin1(info.type)},
        {QStringLiteral("label"), QString::fromLatin1(info.label)},
        {QStringLiteral("defaultUrl"), QString::fromLatin1(info.defaultUrl)},
        {QStringLiteral("needsKey"), info.needsKey},
        {QStringLiteral("needsUrl"), info.needsUrl},
        {QStringLiteral("hint"), hint(info)},
    };
}

const TypeInfo *findType(const QString &type)
{
    const auto *const it =
        std::find_if(std::begin(kTypes), std::end(kTypes),
                     [&](const TypeInfo &t) { return type == QLatin1String(t.type); });
    return it == std::end(kTypes) ? nullptr : it;
}

QStringList modelNames(const BackendConfig &backend)
{
    QStringList names;
    for (const Glob &model : backend.models) {
        names << QString::fromUtf8(model.pattern());
    }
    return names;
}

constexpr int kWatchMs = 1'000;

QString keychainReference(const QString &name)
{
    return QStringLiteral("keychain:") + name;
}

} // namespace

BackendsModel::BackendsModel(GatewayLink &link, SessionSecrets &secrets, WallClock clock,
                             QObject *parent)
    : QAbstractListModel(parent)
    , m_link(link)
    , m_secrets(secrets)
    , m_clock(std::move(clock))
{
    m_timer.setInterval(kWatchMs);
    connect(&m_timer, &QTimer::timeout, this, &BackendsModel::refresh);
    connect(&link, &GatewayLink::configChanged, this, &BackendsModel::reload);
    connect(&link, &GatewayLink::backendStatusChanged, this, [this] {
        if (isWatched()) {
            refresh();
        }
    });
    reload();
}

void BackendsModel::setWatched(bool watched)
{
    if (isWatched() == watched) {
        return;
    }
    m_watchedOnce = watched && m_frozen;
    if (watched && !m_frozen) {
        m_timer.start();
    } else {
        m_timer.stop();
    }
    if (watched) {
        refresh();
    }
    Q_EMIT watchedChanged();
}

void BackendsModel::refresh()
{
    m_status.clear();
    for (BackendStatus &status : m_link.backendStatus()) {
        const QByteArray name = status.name;
        m_status.insert(name, std::move(status));
    }
    if (!m_rows.empty()) {
        Q_EMIT dataChanged(index(0), index(rowCount() - 1),
                           {ConditionRole, ConditionTextRole, ReasonTextRole, LoadTextRole,
                            LatenciesRole, ErrorsRole, LatencyTextRole, ErrorTextRole, RateTextRole,
                            AccessibleTextRole});
    }
    Q_EMIT statusChanged();
}

BackendStatus BackendsModel::statusOf(const QString &name) const
{
    return m_status.value(name.toUtf8());
}

QStringList BackendsModel::names() const
{
    QStringList list;
    for (const BackendConfig *backend : m_rows) {
        list << QString::fromUtf8(backend->name);
    }
    return list;
}

QString BackendsModel::typeLabel(const QString &type)
{
    const TypeInfo *info = findType(type);
    return info == nullptr ? type : QString::fromLatin1(info->label);
}

bool BackendsModel::isReadOnly(const BackendConfig &backend)
{
    return backend.origin == Origin::File || backend.origin == Origin::Environment;
}

QString BackendsModel::originText(const BackendConfig &backend)
{
    return backend.origin == Origin::File          ? tr("from config file")
           : backend.origin == Origin::Environment ? tr("from environment")
                                                   : QString();
}

int BackendsModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

QVariant BackendsModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const BackendConfig &backend = *m_rows[size_t(index.row())];
    const QString name = QString::fromUtf8(backend.name);
    const QString type = QString::fromLatin1(backendTypeName(backend.type));
    switch (role) {
    case NameRole:
        return name;
    case TypeRole:
        return type;
    case TypeLabelRole:
        return typeLabel(type);
    case UrlRole:
        return QString::fromUtf8(backend.baseUrl);
    case KeyStateRole:
        return int(backend.keyState);
    case KeyStateTextRole:
        return keyStateText(backend);
    case ModelsRole:
        return modelNames(backend);
    case ModelsTextRole: {
        const QStringList names = modelNames(backend);
        return names.isEmpty() ? tr("any model") : names.join(QStringLiteral(", "));
    }
    case OriginTextRole:
        return originText(backend);
    case ReadOnlyRole:
        return isReadOnly(backend);
    case DefaultRole:
        return m_config->defaultBackend == backend.name;
    case TestStateRole:
        return int(m_tests.value(name).state);
    case TestTextRole:
        return m_tests.value(name).text;
    case AccessibleTextRole:
    case Qt::AccessibleTextRole:
    case Qt::DisplayRole: {
        const BackendStatus status = m_status.value(backend.name);
        QStringList parts = {tr("Backend %1").arg(name),
                             typeLabel(type),
                             conditionText(conditionOf(backend, status)),
                             reasonText(backend, status),
                             loadText(status),
                             QString::fromUtf8(backend.baseUrl),
                             tr("key: %1").arg(keyStateText(backend)),
                             m_tests.value(name).text};
        parts.removeAll(QString());
        return parts.join(QStringLiteral(", "));
    }
    default:
        return statusData(backend, index.row(), role);
    }
}

QVariant BackendsModel::statusData(const BackendConfig &backend, int row, int role) const
{
    const BackendStatus status = m_status.value(backend.name);
    const auto summary = [&] { return m_activity.summary(backend.name, m_clock()); };
    switch (role) {
    case RankRole:
        return rankOf(row);
    case PriorityTextRole:
        return priorityText(row);
    case ConditionRole:
        return int(conditionOf(backend, status));
    case ConditionTextRole:
        return conditionText(conditionOf(backend, status));
    case ReasonTextRole:
        return reasonText(backend, status);
    case LoadTextRole:
        return loadText(status);
    case LatenciesRole:
        return QVariant::fromValue(m_activity.latencies(backend.name, m_clock()));
    case ErrorsRole:
        return QVariant::fromValue(m_activity.errors(backend.name, m_clock()));
    case LatencyTextRole:
        return humantext::duration(summary().latencyUs);
    case ErrorTextRole: {
        const BackendActivity::Summary s = summary();
        if (s.requests == 0) {
            return humantext::none();
        }
        const double percent = 100.0 * double(s.failures) / double(s.requests);
        //: A share in percent
        return tr("%1 %").arg(
            QLocale().toString(percent, 'f', percent > 0 && percent < 10 ? 1 : 0));
    }
    case RateTextRole: {
        const BackendActivity::Summary s = summary();
        if (s.requests == 0) {
            return humantext::none();
        }
        //: Requests in a minute
        return tr("%1/min").arg(QLocale().toString(s.perMinute, 'f', s.perMinute < 10 ? 1 : 0));
    }
    default:
        return {};
    }
}

int BackendsModel::rankOf(int row) const
{
    int rank = 1;
    for (int i = 1; i <= row; ++i) {
        rank += m_rows[size_t(i)]->priority != m_rows[size_t(i - 1)]->priority ? 1 : 0;
    }
    return rank;
}

QString BackendsModel::priorityText(int row) const
{
    QStringList equals;
    for (int i = 0; i < rowCount(); ++i) {
        if (i != row && m_rows[size_t(i)]->priority == m_rows[size_t(row)]->priority) {
            equals << QString::fromUtf8(m_rows[size_t(i)]->name);
        }
    }
    const QString text = tr("Priority %1").arg(m_rows[size_t(row)]->priority);
    //: %1 is "Priority 20", %2 are names of backends
    return equals.isEmpty()
               ? text
               : tr("%1, shared by weight with %2").arg(text, equals.join(QStringLiteral(", ")));
}

BackendsModel::Condition BackendsModel::conditionOf(const BackendConfig &backend,
                                                    const BackendStatus &status)
{
    const bool keyAtHand = backend.keyState == tidegate::KeyState::NotNeeded ||
                           backend.keyState == tidegate::KeyState::Ready ||
                           backend.keyState == tidegate::KeyState::Pending;
    if (!keyAtHand) {
        return Condition::NoKey;
    }
    if (status.managed == ManagedState::Unconfirmed || status.tunnel == TunnelState::Unconfirmed) {
        return Condition::Unconfirmed;
    }
    if (status.draining) {
        return Condition::Draining;
    }
    if (status.breaker.state == BreakerState::Open) {
        return Condition::Open;
    }
    switch (status.managed) {
    case ManagedState::Failed:
        return Condition::Broken;
    case ManagedState::Stopped:
        return Condition::Stopped;
    case ManagedState::Starting:
        return Condition::Starting;
    case ManagedState::Stopping:
        return Condition::Stopping;
    default:
        break;
    }
    if (status.tunnel == TunnelState::Failed) {
        return Condition::Broken;
    }
    if (status.tunnel == TunnelState::Connecting) {
        return Condition::Starting;
    }
    if (status.breaker.state == BreakerState::HalfOpen) {
        return Condition::Probing;
    }
    const bool keysOut =
        !status.keys.empty() &&
        std::none_of(status.keys.cbegin(), status.keys.cend(), [](const CredentialInfo &key) {
            return key.state == CredentialState::Ready || key.state == CredentialState::OnTrial;
        });
    if (keysOut) {
        return Condition::Cooling;
    }
    switch (status.health) {
    case BackendHealth::Healthy:
        return Condition::Healthy;
    case BackendHealth::Loading:
        return Condition::Loading;
    case BackendHealth::Unhealthy:
        return Condition::Unhealthy;
    case BackendHealth::Unknown:
        break;
    }
    return Condition::Unknown;
}

QString BackendsModel::conditionText(Condition condition)
{
    switch (condition) {
    case Condition::Unknown:
        //: State of a backend
        return tr("Not asked yet");
    case Condition::Healthy:
        //: State of a backend
        return tr("Healthy");
    case Condition::Loading:
        //: State of a backend
        return tr("Loading");
    case Condition::Probing:
        //: State of a backend: its circuit breaker is half-open
        return tr("Half-open");
    case Condition::Cooling:
        //: State of a backend: all its keys are out
        return tr("Keys out");
    case Condition::Draining:
        //: State of a backend
        return tr("Draining");
    case Condition::Starting:
        //: State of a backend
        return tr("Starting");
    case Condition::Stopping:
        //: State of a backend
        return tr("Stopping");
    case Condition::Stopped:
        //: State of a backend that is started when it is needed
        return tr("Stopped");
    case Condition::Unconfirmed:
        //: State of a backend: its command waits for a person
        return tr("To be confirmed");
    case Condition::NoKey:
        //: State of a backend
        return tr("No key");
    case Condition::Unhealthy:
        //: State of a backend
        return tr("Unhealthy");
    case Condition::Open:
        //: State of a backend: its circuit breaker is open
        return tr("Breaker open");
    case Condition::Broken:
        //: State of a backend
        return tr("Failed");
    }
    return {};
}

QString BackendsModel::reasonText(const BackendConfig &backend, const BackendStatus &status) const
{
    const qint64 nowMs = m_clock() / 1'000;
    switch (conditionOf(backend, status)) {
    case Condition::NoKey:
        return backend.keyState == tidegate::KeyState::Missing
                   ? tr("Its key is missing: enter one under Edit.")
                   : tr("Its key cannot be read: %1.").arg(keyStateText(backend));
    case Condition::Unconfirmed:
        return tr("Its command runs only after you have seen and confirmed it.");
    case Condition::Draining:
        return status.active > 0 ? tr("No new requests; %n under way.", nullptr, status.active)
                                 : tr("No new requests, and none under way.");
    case Condition::Open: {
        const QString why =
            status.breaker.fault == Fault::None || status.breaker.reason == BreakerReason::ByHand
                ? routetext::breakerReason(status.breaker.reason)
                : routetext::fault(status.breaker.fault);
        if (status.breakerOpenUntilMs <= 0) {
            //: %1 is a reason
            return tr("Left out until it is reset: %1.").arg(why);
        }
        //: %1 is a time, %2 a reason
        return tr("Left out for %1 more: %2.")
            .arg(humantext::seconds(status.breakerOpenUntilMs - nowMs), why);
    }
    case Condition::Probing:
        return tr("One request at a time tries it: %1 of %2 succeeded.")
            .arg(status.breaker.probesSucceeded)
            .arg(status.breaker.probesNeeded);
    case Condition::Cooling:
        return tr("None of its keys can be used now.");
    case Condition::Starting:
    case Condition::Stopping:
    case Condition::Broken:
        return !status.managedDetail.isEmpty() ? status.managedDetail : status.tunnelDetail;
    case Condition::Stopped:
        return tr("The next request starts it.");
    case Condition::Unhealthy:
        return status.healthReason.isEmpty() ? tr("It does not answer as it should.")
                                             : status.healthReason;
    case Condition::Loading:
        return status.healthReason.isEmpty() ? tr("It runs, and its model is not ready yet.")
                                             : status.healthReason;
    case Condition::Healthy:
        return status.managed == ManagedState::Idle && status.idleStopMs > 0
                   ? tr("Idle; stops in %1 without a request.")
                         .arg(humantext::seconds(status.idleStopMs - nowMs))
                   : status.healthReason;
    case Condition::Unknown:
        break;
    }
    return {};
}

QString BackendsModel::loadText(const BackendStatus &status)
{
    const QLocale locale;
    QString text =
        status.maxConcurrency > 0
            //: Requests under way and the most there may be
            ? tr("%1 of %2 busy")
                  .arg(locale.toString(status.active), locale.toString(status.maxConcurrency))
            //: Requests under way
            : tr("%1 active").arg(locale.toString(status.active));
    if (status.waiting > 0) {
        //: Requests in a queue
        text += QStringLiteral(", ") + tr("%1 waiting").arg(locale.toString(status.waiting));
    }
    return text;
}

QHash<int, QByteArray> BackendsModel::roleNames() const
{
    return {
        {NameRole, "name"},
        {TypeRole, "type"},
        {TypeLabelRole, "typeLabel"},
        {UrlRole, "url"},
        {KeyStateRole, "keyState"},
        {KeyStateTextRole, "keyStateText"},
        {ModelsRole, "models"},
        {ModelsTextRole, "modelsText"},
        {OriginTextRole, "originText"},
        {ReadOnlyRole, "readOnly"},
        {DefaultRole, "isDefault"},
        {TestStateRole, "testState"},
        {TestTextRole, "testText"},
        {RankRole, "rank"},
        {PriorityTextRole, "priorityText"},
        {ConditionRole, "condition"},
        {ConditionTextRole, "conditionText"},
        {ReasonTextRole, "reasonText"},
        {LoadTextRole, "loadText"},
        {LatenciesRole, "latencies"},
        {ErrorsRole, "errors"},
        {LatencyTextRole, "latencyText"},
        {ErrorTextRole, "errorText"},
        {RateTextRole, "rateText"},
        {AccessibleTextRole, "accessibleText"},
    };
}

QVariantList BackendsModel::typeInfo()
{
    QVariantList list;
    for (const TypeInfo &info : kTypes) {
        if (info.offered) {
            list << toMap(info);
        }
    }
    return list;
}

QVariantMap BackendsModel::typeInfoFor(const QString &type)
{
    const TypeInfo *info = findType(type);
    return info == nullptr ? QVariantMap() : toMap(*info);
}

const BackendConfig *BackendsModel::find(const QString &name) const
{
    if (!m_config) {
        return nullptr;
    }
    const QByteArray wanted = name.toUtf8();
    const auto it = std::find_if(m_config->backends.cbegin(), m_config->backends.cend(),
                                 [&](const BackendConfig &b) { return b.name == wanted; });
    return it == m_config->backends.cend() ? nullptr : &*it;
}

QVariantMap BackendsModel::get(const QString &name) const
{
    const BackendConfig *backend = find(name);
    if (backend == nullptr) {
        return {};
    }
    return {
        {QStringLiteral("name"), name},
        {QStringLiteral("type"), QString::fromLatin1(backendTypeName(backend->type))},
        {QStringLiteral("url"), QString::fromUtf8(backend->baseUrl)},
        {QStringLiteral("models"), modelNames(*backend)},
        {QStringLiteral("priority"), backend->priority},
        {QStringLiteral("weight"), backend->weight},
        {QStringLiteral("advanced"), backendform::fromConfig(backend->source)},
        {QStringLiteral("allowPrivateNetwork"), backend->allowPrivateNetwork},
        {QStringLiteral("hasKey"), !backend->keyRefs.empty()},
        {QStringLiteral("readOnly"), isReadOnly(*backend)},
    };
}

QVariantList BackendsModel::advancedGroups()
{
    return backendform::groups();
}

QVariantMap BackendsModel::emptyAdvanced()
{
    return backendform::fromConfig({});
}

QVariantMap BackendsModel::advancedProblems(const QVariantMap &form)
{
    return backendform::problems(form);
}

QString BackendsModel::nameProblem(const QString &name) const
{
    static const QRegularExpression pattern(QStringLiteral("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"));
    if (name.isEmpty()) {
        return tr("Give the backend a name.");
    }
    if (!pattern.match(name).hasMatch()) {
        return tr("Use letters, digits, “-”, “_” and “.” only, and at most 64 of them.");
    }
    return find(name) == nullptr ? QString() : tr("There is a backend of that name already.");
}

QString BackendsModel::suggestedName(const QString &type) const
{
    QString name = type;
    for (int n = 2; find(name) != nullptr; ++n) {
        name = type + u'-' + QString::number(n);
    }
    return name;
}

QJsonObject BackendsModel::toConfig(const QVariantMap &backend, const QString &keyReference) const
{
    // What the form does not show (headers, time-outs, …) stays as it is.
    const BackendConfig *existing = find(backend.value(QStringLiteral("name")).toString());
    QJsonObject config = existing == nullptr ? QJsonObject() : existing->source;
    const QString type = backend.value(QStringLiteral("type")).toString();
    config[QStringLiteral("type")] = type;

    const auto set = [&config](const QString &key, const QJsonValue &value, bool present) {
        if (present) {
            config[key] = value;
        } else {
            config.remove(key);
        }
    };
    const TypeInfo *info = findType(type);
    const QString url = backend.value(QStringLiteral("url")).toString().trimmed();
    set(QStringLiteral("url"), url, !url.isEmpty() && (info == nullptr || info->needsUrl));
    QStringList models;
    for (const QString &model : backend.value(QStringLiteral("models")).toStringList()) {
        if (!model.trimmed().isEmpty()) {
            models << model.trimmed();
        }
    }
    set(QStringLiteral("models"), QJsonArray::fromStringList(models), !models.isEmpty());
    const auto setNumber = [&](const QString &formKey, const QString &key, int unset) {
        if (backend.contains(formKey)) {
            const int number = backend.value(formKey).toInt();
            set(key, number, number != unset);
        }
    };
    setNumber(QStringLiteral("priority"), QStringLiteral("priority"), 100);
    setNumber(QStringLiteral("weight"), QStringLiteral("weight"), 1);
    if (backend.contains(QStringLiteral("allowPrivateNetwork"))) {
        const bool allow = backend.value(QStringLiteral("allowPrivateNetwork")).toBool();
        set(QStringLiteral("allow_private_network"), allow, allow);
    }
    if (backend.contains(QStringLiteral("advanced"))) {
        config = backendform::toConfig(backend.value(QStringLiteral("advanced")).toMap(), config);
    }
    if (!keyReference.isEmpty()) {
        config.remove(QStringLiteral("api_keys"));
        config[QStringLiteral("api_key")] = keyReference;
    }
    return config;
}

void BackendsModel::save(const QVariantMap &backend, const QString &key)
{
    if (key.trimmed().isEmpty()) {
        store(backend, QString());
        return;
    }
    const QString name = backend.value(QStringLiteral("name")).toString();
    changePending(1);
    m_secrets.write(name, Secret(key.trimmed().toUtf8()),
                    [self = QPointer(this), backend, name](const SecretSource::Answer &answer) {
                        if (!self) {
                            return;
                        }
                        self->changePending(-1);
                        if (answer.state != tidegate::KeyState::Ready) {
                            const QString why = answer.message.isEmpty()
                                                    ? tr("The keychain did not take the key.")
                                                    : answer.message;
                            Q_EMIT self->saveFailed(
                                name,
                                tr("The key could not be saved. %1 Unlock the keychain and try "
                                   "again, or use the key for this session only.")
                                    .arg(why),
                                true);
                            return;
                        }
                        self->store(backend, keychainReference(name));
                    });
}

void BackendsModel::saveForSession(const QVariantMap &backend, const QString &key)
{
    const QString name = backend.value(QStringLiteral("name")).toString();
    m_secrets.keepForSession(name, Secret(key.trimmed().toUtf8()));
    store(backend, keychainReference(name));
}

void BackendsModel::store(const QVariantMap &backend, const QString &keyReference)
{
    const QString name = backend.value(QStringLiteral("name")).toString();
    changePending(1);
    m_link.saveBackend(name.toUtf8(), toConfig(backend, keyReference),
                       [self = QPointer(this), name,
                        keyChanged = !keyReference.isEmpty()](const Result<Done> &result) {
                           if (!self) {
                               return;
                           }
                           self->changePending(-1);
                           if (!result) {
                               Q_EMIT self->saveFailed(name, result.error(), false);
                               return;
                           }
                           if (keyChanged) {
                               // The reference may be the old one; what it refers to is not.
                               self->m_link.refreshSecrets();
                           }
                           self->setTestResult(name, {});
                           Q_EMIT self->saved(name);
                       });
}

void BackendsModel::remove(const QString &name)
{
    const BackendConfig *backend = find(name);
    if (backend == nullptr) {
        return;
    }
    QString keychainName;
    for (const SecretRef &ref : backend->keyRefs) {
        if (ref.kind == SecretRef::Kind::Keychain && ref.name == name) {
            keychainName = name;
        }
    }
    for (const BackendConfig &other : m_config->backends) {
        for (const SecretRef &ref : other.keyRefs) {
            if (&other != backend && ref.kind == SecretRef::Kind::Keychain &&
                ref.name == keychainName) {
                keychainName.clear();
            }
        }
    }
    changePending(1);
    m_link.removeBackend(
        name.toUtf8(), [self = QPointer(this), name, keychainName](const Result<Done> &result) {
            if (!self) {
                return;
            }
            self->changePending(-1);
            if (!result) {
                Q_EMIT self->removeFailed(name, result.error());
                return;
            }
            self->m_tests.remove(name);
            if (!keychainName.isEmpty()) {
                self->m_secrets.remove(keychainName, [](const SecretSource::Answer &) {});
            }
            Q_EMIT self->removed(name);
        });
}

void BackendsModel::test(const QVariantMap &backend, const QString &key)
{
    const QString name = backend.value(QStringLiteral("name")).toString();
    const QByteArray typed = key.trimmed().toUtf8();
    Secret secret(typed);
    const BackendConfig *existing = find(name);
    if (typed.isEmpty() && existing != nullptr && !existing->keys.empty() &&
        existing->baseUrl == backend.value(QStringLiteral("url")).toString().trimmed().toUtf8()) {
        // A stored key only ever goes to the host that it was stored for.
        secret = existing->keys.front();
    }
    QJsonObject config = toConfig(backend, QString());
    config.remove(QStringLiteral("api_key"));
    config.remove(QStringLiteral("api_keys"));
    changeTesting(1);
    m_link.testBackend(config, secret, [self = QPointer(this), name](const BackendTest &result) {
        if (!self) {
            return;
        }
        self->changeTesting(-1);
        Q_EMIT self->testFinished(name, result.reachable, result.message, result.models);
    });
}

void BackendsModel::testSaved(const QString &name)
{
    const BackendConfig *backend = find(name);
    if (backend == nullptr) {
        return;
    }
    setTestResult(name, {TestState::Running, tr("Testing…"), {}});
    changeTesting(1);
    const Secret key = backend->keys.empty() ? Secret() : backend->keys.front();
    m_link.testBackend(
        backend->source, key, [self = QPointer(this), name](const BackendTest &result) {
            if (!self) {
                return;
            }
            const QString text =
                result.reachable
                    ? tr("%1 (%2)").arg(result.message, humantext::duration(result.latencyUs))
                    : result.message;
            self->setTestResult(name, {result.reachable ? TestState::Passed : TestState::Failed,
                                       text, result.models});
            self->changeTesting(-1);
            Q_EMIT self->testFinished(name, result.reachable, text, result.models);
        });
}

void BackendsModel::retryKeychain()
{
    m_link.refreshSecrets();
}

QStringList BackendsModel::modelsOf(const QString &name) const
{
    return m_tests.value(name).models;
}

BackendsModel::TestState BackendsModel::testStateOf(const QString &name) const
{
    return m_tests.value(name).state;
}

QString BackendsModel::testTextOf(const QString &name) const
{
    return m_tests.value(name).text;
}

QString BackendsModel::keyStateText(const BackendConfig &backend)
{
    switch (backend.keyState) {
    case tidegate::KeyState::NotNeeded:
        return tr("no key needed");
    case tidegate::KeyState::Pending:
        return tr("asking the keychain…");
    case tidegate::KeyState::Missing:
        return tr("missing");
    case tidegate::KeyState::Locked:
        return tr("keychain locked");
    case tidegate::KeyState::Unavailable:
        return tr("keychain unavailable");
    case tidegate::KeyState::Ready:
        break;
    }
    const SecretRef::Kind kind =
        backend.keyRefs.empty() ? SecretRef::Kind::Literal : backend.keyRefs.front().kind;
    if (kind == SecretRef::Kind::Keychain) {
        return tr("in keychain ✓");
    }
    if (kind == SecretRef::Kind::File) {
        return tr("from a key file");
    }
    const QString written = backend.source.value(QStringLiteral("api_key")).toString();
    if (backend.origin == Origin::Environment || written.startsWith(QStringLiteral("${"))) {
        return tr("from environment");
    }
    return backend.origin == Origin::File ? tr("from config file") : tr("set");
}

void BackendsModel::setTestResult(const QString &name, TestResult result)
{
    m_tests.insert(name, std::move(result));
    const auto backend = std::find(m_rows.cbegin(), m_rows.cend(), find(name));
    if (backend != m_rows.cend()) {
        const QModelIndex row = index(int(backend - m_rows.cbegin()));
        Q_EMIT dataChanged(row, row, {TestStateRole, TestTextRole, AccessibleTextRole});
    }
}

Gateway::Reply<Done> BackendsModel::reply(const QString &name, const QString &done)
{
    changePending(1);
    return [self = QPointer(this), name, done](const Result<Done> &result) {
        if (!self) {
            return;
        }
        self->changePending(-1);
        if (!result) {
            Q_EMIT self->actionFailed(name, result.error());
            return;
        }
        self->refresh();
        Q_EMIT self->actionDone(name, done);
    };
}

void BackendsModel::drain(const QString &name)
{
    m_link.drainBackend(name.toUtf8(), reply(name, tr("“%1” gets no new requests.").arg(name)));
}

void BackendsModel::resume(const QString &name)
{
    m_link.resumeBackend(name.toUtf8(), reply(name, tr("“%1” gets requests again.").arg(name)));
}

void BackendsModel::trip(const QString &name, int seconds)
{
    m_link.tripBreaker(name.toUtf8(), seconds,
                       reply(name, tr("The breaker of “%1” is open.").arg(name)));
}

void BackendsModel::resetBreaker(const QString &name)
{
    m_link.resetBreaker(name.toUtf8(), reply(name, tr("The breaker of “%1” is closed.").arg(name)));
}

void BackendsModel::confirmCommand(const QString &name)
{
    m_link.confirmCommand(name.toUtf8(),
                          reply(name, tr("The command of “%1” may run from now on.").arg(name)));
}

void BackendsModel::startManaged(const QString &name)
{
    m_link.startManaged(name.toUtf8(), reply(name, tr("“%1” is being started.").arg(name)));
}

void BackendsModel::stopManaged(const QString &name)
{
    m_link.stopManaged(name.toUtf8(), reply(name, tr("“%1” is being stopped.").arg(name)));
}

void BackendsModel::move(const QString &name, int to)
{
    const auto row = std::find(m_rows.cbegin(), m_rows.cend(), find(name));
    if (row == m_rows.cend() || to < 0 || to >= rowCount() || row - m_rows.cbegin() == to) {
        return;
    }
    const int from = int(row - m_rows.cbegin());
    std::vector<PriorityPlace> places;
    QStringList order = names();
    for (const BackendConfig *backend : m_rows) {
        places.push_back({backend->priority, isReadOnly(*backend)});
    }
    const auto after = movedPlaces(std::move(places), from, to);
    if (!after) {
        Q_EMIT actionFailed(name,
                            isReadOnly(**row)
                                ? tr("The priority of “%1” is set in the config file.").arg(name)
                                : tr("“%1” cannot stand there: the config file sets the "
                                     "priorities around it.")
                                      .arg(name));
        return;
    }
    order.move(from, to);
    // From the end, so that what is in force in between keeps the order of the others.
    for (int i = rowCount() - 1; i >= 0; --i) {
        const BackendConfig *backend = find(order[i]);
        if (backend->priority == (*after)[size_t(i)].priority) {
            continue;
        }
        QJsonObject config = backend->source;
        config[QStringLiteral("priority")] = (*after)[size_t(i)].priority;
        changePending(1);
        m_link.saveBackend(
            order[i].toUtf8(), config,
            [self = QPointer(this), name, own = order[i] == name](const Result<Done> &result) {
                if (!self) {
                    return;
                }
                self->changePending(-1);
                if (!result) {
                    Q_EMIT self->actionFailed(name, result.error());
                } else if (own) {
                    Q_EMIT self->moved(name);
                }
            });
    }
}

void BackendsModel::reload()
{
    // The old one stays until no row points into it.
    const ConfigPtr old = std::exchange(m_config, m_link.config());
    std::vector<const BackendConfig *> rows;
    QList<QByteArray> wanted;
    if (m_config) {
        for (const BackendConfig &backend : m_config->backends) {
            rows.push_back(&backend);
            wanted << backend.name;
        }
    }
    m_activity.keepOnly(wanted);
    QList<QByteArray> shown;
    for (const BackendConfig *backend : m_rows) {
        shown << backend->name;
    }
    if (shown.size() != wanted.size() ||
        !std::is_permutation(shown.cbegin(), shown.cend(), wanted.cbegin())) {
        beginResetModel();
        m_rows = std::move(rows);
        endResetModel();
        Q_EMIT countChanged();
    } else {
        // Rows that only change their order keep their delegates, and with them the focus.
        for (int row = 0; row < int(rows.size()); ++row) {
            const int at = int(shown.indexOf(wanted[row], row));
            if (at == row) {
                continue;
            }
            beginMoveRows({}, at, at, {}, row);
            std::rotate(m_rows.begin() + row, m_rows.begin() + at, m_rows.begin() + at + 1);
            shown.move(at, row);
            endMoveRows();
        }
        m_rows = std::move(rows);
        if (!m_rows.empty()) {
            Q_EMIT dataChanged(index(0), index(rowCount() - 1));
        }
    }
    Q_EMIT namesChanged();
    if (isWatched()) {
        refresh();
    }
}

void BackendsModel::changePending(int by)
{
    m_pending += by;
    Q_EMIT busyChanged();
}

void BackendsModel::changeTesting(int by)
{
    m_testing += by;
    Q_EMIT busyChanged();
}

} // namespace tidegate
