// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/keysmodel.h"

#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"

#include <QPointer>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

constexpr qsizetype kMaxNameLength = 64;

qint64 toUs(const QDateTime &time)
{
    return time.toMSecsSinceEpoch() * 1'000;
}

} // namespace

KeysModel::KeysModel(GatewayLink &link, WallClock clock, QObject *parent)
    : QAbstractListModel(parent)
    , m_link(link)
    , m_clock(std::move(clock))
{
    connect(&link, &GatewayLink::keysChanged, this, &KeysModel::reload);
    connect(&link, &GatewayLink::configChanged, this, &KeysModel::reload);
    reload();
}

int KeysModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_keys.size());
}

QVariant KeysModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const ClientKey &key = m_keys[size_t(index.row())];
    const qint64 usedUs = m_lastUsedUs.value(key.id, -1);
    switch (role) {
    case KeyIdRole:
        return double(key.id);
    case NameRole:
        return key.name;
    case PrefixRole:
        return key.prefix;
    case CreatedTextRole:
        return key.createdAt.isValid() ? humantext::ago(toUs(key.createdAt), m_clock())
                                       : humantext::none();
    case CreatedTooltipRole:
        return key.createdAt.isValid() ? humantext::dateTime(toUs(key.createdAt)) : QString();
    case LastUsedTextRole:
        return lastUsedText(key);
    case LastUsedTooltipRole:
        return usedUs < 0 ? QString() : humantext::dateTime(usedUs);
    case StateRole:
        return int(stateOf(key));
    case StateTextRole:
        return stateText(key);
    case ReadOnlyRole:
        return key.fromFile;
    case CanRevokeRole:
        return !key.fromFile && stateOf(key) != State::Revoked;
    case ModelsTextRole: {
        if (key.models.empty()) {
            return tr("every model");
        }
        QStringList names;
        for (const Glob &model : key.models) {
            names << QString::fromUtf8(model.pattern());
        }
        return names.join(QStringLiteral(", "));
    }
    case AccessibleTextRole:
    case Qt::AccessibleTextRole:
    case Qt::DisplayRole:
        //: Read aloud: name, beginning and end of the key, state, when it was used
        return tr("Key %1, %2, %3, last used: %4")
            .arg(key.name, key.prefix, stateText(key), lastUsedText(key));
    default:
        return {};
    }
}

QHash<int, QByteArray> KeysModel::roleNames() const
{
    return {
        {KeyIdRole, "keyId"},
        {NameRole, "name"},
        {PrefixRole, "prefix"},
        {CreatedTextRole, "createdText"},
        {CreatedTooltipRole, "createdTooltip"},
        {LastUsedTextRole, "lastUsedText"},
        {LastUsedTooltipRole, "lastUsedTooltip"},
        {StateRole, "state"},
        {StateTextRole, "stateText"},
        {ReadOnlyRole, "readOnly"},
        {CanRevokeRole, "canRevoke"},
        {ModelsTextRole, "modelsText"},
        {AccessibleTextRole, "accessibleText"},
    };
}

int KeysModel::activeCount() const
{
    return int(std::count_if(m_keys.cbegin(), m_keys.cend(), [this](const ClientKey &key) {
        return stateOf(key) == State::Active;
    }));
}

KeysModel::State KeysModel::stateOf(const ClientKey &key) const
{
    if (key.revokedAt.isValid()) {
        return State::Revoked;
    }
    if (key.disabled) {
        return State::Disabled;
    }
    if (key.expiresAt.isValid() && toUs(key.expiresAt) <= m_clock()) {
        return State::Expired;
    }
    return State::Active;
}

QString KeysModel::stateText(const ClientKey &key) const
{
    switch (stateOf(key)) {
    case State::Active:
        //: State of a client key
        return key.fromFile ? tr("active, from config file") : tr("active");
    case State::Revoked:
        //: State of a client key
        return tr("revoked");
    case State::Expired:
        //: State of a client key
        return tr("expired");
    case State::Disabled:
        //: State of a client key
        return tr("switched off");
    }
    return {};
}

QString KeysModel::lastUsedText(const ClientKey &key) const
{
    const qint64 usedUs = m_lastUsedUs.value(key.id, -1);
    //: When a client key was used last
    return usedUs < 0 ? tr("never") : humantext::ago(usedUs, m_clock());
}

QString KeysModel::nameProblem(const QString &name) const
{
    const QString trimmed = name.trimmed();
    if (trimmed.isEmpty()) {
        return tr("Give the key a name, for example of the program that will use it.");
    }
    if (trimmed.size() > kMaxNameLength) {
        return tr("The name is too long. Use at most %n character(s).", nullptr, kMaxNameLength);
    }
    const bool taken = std::any_of(m_keys.cbegin(), m_keys.cend(), [&](const ClientKey &key) {
        return key.name == trimmed && !key.revokedAt.isValid();
    });
    return taken ? tr("There is a key of that name already.") : QString();
}

void KeysModel::create(const QString &name)
{
    const QString problem = nameProblem(name);
    if (!problem.isEmpty()) {
        Q_EMIT failed(problem);
        return;
    }
    changePending(1);
    m_link.createKey(name.trimmed(), [self = QPointer(this)](const Result<Store::NewKey> &result) {
        if (!self) {
            return;
        }
        self->changePending(-1);
        if (!result) {
            Q_EMIT self->failed(result.error());
            return;
        }
        Q_EMIT self->created(QString::fromLatin1(result->plaintext), result->record.name);
    });
}

void KeysModel::revoke(double id)
{
    changePending(1);
    m_link.revokeKey(qint64(id), [self = QPointer(this)](const Result<ClientKey> &result) {
        if (!self) {
            return;
        }
        self->changePending(-1);
        if (!result) {
            Q_EMIT self->failed(result.error());
            return;
        }
        Q_EMIT self->revoked(result->name);
    });
}

void KeysModel::setLastUsed(const QHash<qint64, qint64> &lastUsedUs)
{
    if (m_lastUsedUs == lastUsedUs) {
        return;
    }
    m_lastUsedUs = lastUsedUs;
    if (!m_keys.empty()) {
        Q_EMIT dataChanged(index(0), index(rowCount() - 1),
                           {LastUsedTextRole, LastUsedTooltipRole, AccessibleTextRole});
    }
}

QHash<qint64, QString> KeysModel::names() const
{
    QHash<qint64, QString> names;
    for (const ClientKey &key : m_keys) {
        names.insert(key.id, key.name);
    }
    return names;
}

void KeysModel::reload()
{
    std::vector<ClientKey> keys = m_link.clientKeys();
    const bool sameRows =
        std::equal(keys.cbegin(), keys.cend(), m_keys.cbegin(), m_keys.cend(),
                   [](const ClientKey &a, const ClientKey &b) { return a.id == b.id; });
    if (sameRows) {
        m_keys = std::move(keys);
        if (!m_keys.empty()) {
            Q_EMIT dataChanged(index(0), index(rowCount() - 1));
        }
    } else {
        beginResetModel();
        m_keys = std::move(keys);
        endResetModel();
    }
    Q_EMIT countChanged();
}

void KeysModel::changePending(int by)
{
    m_pending += by;
    Q_EMIT busyChanged();
}

} // namespace tidegate
