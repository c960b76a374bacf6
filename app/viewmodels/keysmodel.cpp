// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/keysmodel.h"

#include "app/viewmodels/fileexport.h"
#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"
#include "app/viewmodels/policyform.h"
#include "app/viewmodels/usebar.h"

#include <QLocale>
#include <QPointer>
#include <QTimeZone>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

constexpr qsizetype kMaxNameLength = 64;

qint64 toUs(const QDateTime &time)
{
    return time.toMSecsSinceEpoch() * 1'000;
}

QString modelsText(const ClientKey &key, const QString &separator)
{
    QStringList names;
    for (const Glob &model : key.models) {
        names << QString::fromUtf8(model.pattern());
    }
    return names.join(separator);
}

QString isoTime(const QDateTime &time)
{
    return time.isValid() ? time.toUTC().toString(Qt::ISODate) : QString();
}

} // namespace

template <typename T, typename Then>
auto KeysModel::reply(Then then)
{
    changePending(1);
    return [self = QPointer(this), then = std::move(then)](const Result<T> &result) {
        if (!self) {
            return;
        }
        self->changePending(-1);
        if (result) {
            then(*self, *result);
        } else {
            Q_EMIT self->failed(result.error());
        }
    };
}

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
    case TeamRole:
        return key.team;
    case ModelsTextRole:
        return key.models.empty() ? tr("every model") : modelsText(key, QStringLiteral(", "));
    case ExpiryTextRole:
        return key.expiresAt.isValid()
                   //: %1 is a date
                   ? tr("expires %1")
                         .arg(QLocale().toString(key.expiresAt.toLocalTime().date(),
                                                 tr("d MMM yyyy")))
                   : QString();
    case RequestsBarRole:
        return usebar::requests(useOf(key));
    case TokensBarRole:
        return usebar::tokens(useOf(key), m_clock());
    case BudgetBarRole:
        return usebar::budget(useOf(key), m_clock());
    case AccessibleTextRole:
    case Qt::AccessibleTextRole:
    case Qt::DisplayRole:
        return accessibleText(key);
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
        {TeamRole, "team"},
        {CreatedTextRole, "createdText"},
        {CreatedTooltipRole, "createdTooltip"},
        {LastUsedTextRole, "lastUsedText"},
        {LastUsedTooltipRole, "lastUsedTooltip"},
        {StateRole, "state"},
        {StateTextRole, "stateText"},
        {ReadOnlyRole, "readOnly"},
        {CanRevokeRole, "canRevoke"},
        {ModelsTextRole, "modelsText"},
        {ExpiryTextRole, "expiryText"},
        {RequestsBarRole, "requestsBar"},
        {TokensBarRole, "tokensBar"},
        {BudgetBarRole, "budgetBar"},
        {AccessibleTextRole, "accessibleText"},
    };
}

int KeysModel::activeCount() const
{
    return int(std::count_if(m_keys.cbegin(), m_keys.cend(), [this](const ClientKey &key) {
        return stateOf(key) == State::Active;
    }));
}

QStringList KeysModel::activeNames() const
{
    QStringList list;
    for (const ClientKey &key : m_keys) {
        if (stateOf(key) == State::Active) {
            list << key.name;
        }
    }
    return list;
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

QString KeysModel::accessibleText(const ClientKey &key) const
{
    //: Read aloud: name, beginning and end of the key, state, when it was used
    QStringList parts = {tr("Key %1, %2, %3, last used: %4")
                             .arg(key.name, key.prefix, stateText(key), lastUsedText(key))};
    if (!key.team.isEmpty()) {
        //: Read aloud
        parts << tr("team %1").arg(key.team);
    }
    const LimitUse use = useOf(key);
    for (const QVariantMap &bar :
         {usebar::requests(use), usebar::tokens(use, m_clock()), usebar::budget(use, m_clock())}) {
        if (bar.value(QStringLiteral("limited")).toBool()) {
            parts << bar.value(QStringLiteral("spoken")).toString();
        }
    }
    return parts.join(QStringLiteral(", "));
}

const ClientKey *KeysModel::find(double id) const
{
    const auto key = std::find_if(m_keys.cbegin(), m_keys.cend(),
                                  [id](const ClientKey &other) { return other.id == qint64(id); });
    return key == m_keys.cend() ? nullptr : &*key;
}

LimitUse KeysModel::useOf(const ClientKey &key) const
{
    const auto known = m_uses.constFind(key.id);
    if (known != m_uses.cend()) {
        LimitUse use = *known;
        if (use.budget && use.budget->periodStartUs <= 0 && key.createdAt.isValid()) {
            use.budget->periodStartUs = toUs(key.createdAt); // a total budget has no period
        }
        return use;
    }
    LimitUse use;
    use.id = key.id;
    use.limits = key.limits;
    if (key.budget) {
        use.budget = BudgetUse{*key.budget, {}, {}, 0, -1};
    }
    return use;
}

QString KeysModel::nameProblem(const QString &name, double id) const
{
    const QString trimmed = name.trimmed();
    if (trimmed.isEmpty()) {
        return tr("Give the key a name, for example of the program that will use it.");
    }
    if (trimmed.size() > kMaxNameLength) {
        return tr("The name is too long. Use at most %n character(s).", nullptr, kMaxNameLength);
    }
    const bool taken = std::any_of(m_keys.cbegin(), m_keys.cend(), [&](const ClientKey &key) {
        return key.name == trimmed && !key.revokedAt.isValid() && key.id != qint64(id);
    });
    return taken ? tr("There is a key of that name already.") : QString();
}

QVariantMap KeysModel::form(double id) const
{
    const ClientKey *key = find(id);
    QVariantMap form = policyform::fromConfig(key != nullptr ? key->config : QJsonObject());
    form[QStringLiteral("name")] = key != nullptr ? key->name : QString();
    form[QStringLiteral("readOnly")] = key != nullptr && key->fromFile;
    return form;
}

QVariantMap KeysModel::formProblems(const QVariantMap &form) const
{
    return policyform::problems(form);
}

void KeysModel::create(const QString &name, const QVariantMap &form)
{
    const QString problem = nameProblem(name);
    if (!problem.isEmpty() || !policyform::problems(form).isEmpty()) {
        Q_EMIT failed(problem);
        return;
    }
    m_link.createKey(name.trimmed(), policyform::toConfig(form, {}),
                     reply<Store::NewKey>([](KeysModel &self, const Store::NewKey &key) {
                         Q_EMIT self.created(QString::fromLatin1(key.plaintext), key.record.name);
                     }));
}

void KeysModel::update(double id, const QString &name, const QVariantMap &form)
{
    const ClientKey *key = find(id);
    const QString problem = key != nullptr ? nameProblem(name, id) : tr("That key is gone.");
    if (!problem.isEmpty() || !policyform::problems(form).isEmpty()) {
        Q_EMIT failed(problem);
        return;
    }
    m_link.updateKey(qint64(id), name.trimmed(), policyform::toConfig(form, key->config),
                     reply<ClientKey>([](KeysModel &self, const ClientKey &changed) {
                         Q_EMIT self.updated(changed.name);
                     }));
}

void KeysModel::setDisabled(double id, bool disabled)
{
    const ClientKey *key = find(id);
    if (key == nullptr) {
        Q_EMIT failed(tr("That key is gone."));
        return;
    }
    QJsonObject config = key->config;
    if (disabled) {
        config[QStringLiteral("disabled")] = true;
    } else {
        config.remove(QStringLiteral("disabled"));
    }
    m_link.updateKey(key->id, key->name, config,
                     reply<ClientKey>([disabled](KeysModel &self, const ClientKey &changed) {
                         Q_EMIT self.disabledChanged(double(changed.id), changed.name, disabled);
                     }));
}

void KeysModel::rotate(double id, int overlapHours)
{
    m_link.rotateKey(
        qint64(id), overlapHours * 3'600,
        reply<Store::NewKey>([overlapHours](KeysModel &self, const Store::NewKey &key) {
            Q_EMIT self.rotated(QString::fromLatin1(key.plaintext), key.record.name, overlapHours);
        }));
}

void KeysModel::revoke(double id)
{
    m_link.revokeKey(qint64(id), reply<ClientKey>([](KeysModel &self, const ClientKey &key) {
                         Q_EMIT self.revoked(key.name);
                     }));
}

void KeysModel::remove(double id)
{
    const ClientKey *key = find(id);
    const QString name = key != nullptr ? key->name : QString();
    m_link.deleteKey(qint64(id), reply<Done>([name](KeysModel &self, const Done &) {
                         Q_EMIT self.removed(name);
                     }));
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

void KeysModel::setLimitUse(const std::vector<LimitUse> &uses)
{
    m_uses.clear();
    for (const LimitUse &use : uses) {
        if (!use.team) {
            m_uses.insert(use.id, use);
        }
    }
    if (!m_keys.empty()) {
        Q_EMIT dataChanged(index(0), index(rowCount() - 1),
                           {RequestsBarRole, TokensBarRole, BudgetBarRole, AccessibleTextRole});
    }
}

QStringList KeysModel::membersOf(const QString &team) const
{
    QStringList members;
    for (const ClientKey &key : m_keys) {
        if (key.team == team && !key.revokedAt.isValid()) {
            members << key.name;
        }
    }
    return members;
}

QByteArray KeysModel::csv() const
{
    static constexpr const char *kStates[] = {"active", "revoked", "expired", "disabled"};
    std::vector<QStringList> rows;
    for (const ClientKey &key : m_keys) {
        const LimitUse use = useOf(key);
        const auto number = [](qint64 value) {
            return value > 0 ? QString::number(value) : QString();
        };
        const qint64 usedUs = m_lastUsedUs.value(key.id, -1);
        QStringList row = {key.name,
                           key.prefix,
                           key.team,
                           QLatin1String(kStates[int(stateOf(key))]),
                           isoTime(key.createdAt),
                           usedUs < 0 ? QString()
                                      : isoTime(QDateTime::fromMSecsSinceEpoch(usedUs / 1'000)),
                           isoTime(key.expiresAt),
                           modelsText(key, QStringLiteral(" ")),
                           number(use.limits.requestsPerMinute),
                           number(use.limits.tokensPerMinute),
                           number(use.limits.tokensPerDay),
                           number(use.tokensToday)};
        if (use.budget) {
            row << QString::fromLatin1(use.budget->rule.amount.toString())
                << usebar::periodText(use.budget->rule.period)
                << QString::fromLatin1(use.budget->spent.toString());
        } else {
            row << QString() << QString() << QString();
        }
        rows.push_back(row);
    }
    // Not translated: programs read it.
    const QString header = QStringLiteral(
        "name,prefix,team,state,created,last_used,expires,models,requests_per_minute,"
        "tokens_per_minute,tokens_per_day,tokens_today,budget_usd,budget_period,spent_usd");
    return fileexport::csv(header.split(u','), rows);
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
