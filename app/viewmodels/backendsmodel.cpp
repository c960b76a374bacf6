// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/backendsmodel.h"

#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"

#include <QJsonArray>
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

QString typeLabel(const QString &type)
{
    const TypeInfo *info = findType(type);
    return info == nullptr ? type : QString::fromLatin1(info->label);
}

bool isReadOnly(const BackendConfig &backend)
{
    return backend.origin == Origin::File || backend.origin == Origin::Environment;
}

QStringList modelNames(const BackendConfig &backend)
{
    QStringList names;
    for (const Glob &model : backend.models) {
        names << QString::fromUtf8(model.pattern());
    }
    return names;
}

QString keychainReference(const QString &name)
{
    return QStringLiteral("keychain:") + name;
}

} // namespace

BackendsModel::BackendsModel(GatewayLink &link, SessionSecrets &secrets, QObject *parent)
    : QAbstractListModel(parent)
    , m_link(link)
    , m_secrets(secrets)
{
    connect(&link, &GatewayLink::configChanged, this, &BackendsModel::reload);
    reload();
}

int BackendsModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() || !m_config ? 0 : int(m_config->backends.size());
}

QVariant BackendsModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const BackendConfig &backend = m_config->backends[size_t(index.row())];
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
        return backend.origin == Origin::File          ? tr("from config file")
               : backend.origin == Origin::Environment ? tr("from environment")
                                                       : QString();
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
        QStringList parts = {tr("Backend %1").arg(name), typeLabel(type),
                             QString::fromUtf8(backend.baseUrl),
                             tr("key: %1").arg(keyStateText(backend)), m_tests.value(name).text};
        parts.removeAll(QString());
        return parts.join(QStringLiteral(", "));
    }
    default:
        return {};
    }
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
        {QStringLiteral("maxConcurrency"), backend->maxConcurrency},
        {QStringLiteral("allowPrivateNetwork"), backend->allowPrivateNetwork},
        {QStringLiteral("hasKey"), !backend->keyRefs.empty()},
        {QStringLiteral("readOnly"), isReadOnly(*backend)},
    };
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
    setNumber(QStringLiteral("maxConcurrency"), QStringLiteral("max_concurrency"), 0);
    if (backend.contains(QStringLiteral("allowPrivateNetwork"))) {
        const bool allow = backend.value(QStringLiteral("allowPrivateNetwork")).toBool();
        set(QStringLiteral("allow_private_network"), allow, allow);
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
            self->changeTesting(-1);
            const QString text =
                result.reachable
                    ? tr("%1 (%2)").arg(result.message, humantext::duration(result.latencyUs))
                    : result.message;
            self->setTestResult(name, {result.reachable ? TestState::Passed : TestState::Failed,
                                       text, result.models});
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
    const BackendConfig *backend = find(name);
    if (backend != nullptr) {
        const QModelIndex row = index(int(backend - m_config->backends.data()));
        Q_EMIT dataChanged(row, row, {TestStateRole, TestTextRole, AccessibleTextRole});
    }
}

void BackendsModel::reload()
{
    ConfigPtr config = m_link.config();
    const auto names = [](const ConfigPtr &snapshot) {
        QList<QByteArray> list;
        if (snapshot) {
            for (const BackendConfig &backend : snapshot->backends) {
                list << backend.name;
            }
        }
        return list;
    };
    if (names(config) == names(m_config)) {
        m_config = std::move(config);
        if (rowCount() > 0) {
            Q_EMIT dataChanged(index(0), index(rowCount() - 1));
        }
        return;
    }
    beginResetModel();
    m_config = std::move(config);
    endResetModel();
    Q_EMIT countChanged();
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
