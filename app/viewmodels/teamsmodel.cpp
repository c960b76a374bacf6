// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/teamsmodel.h"

#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/keysmodel.h"
#include "app/viewmodels/policyform.h"
#include "app/viewmodels/usebar.h"

#include <QPointer>
#include <QRegularExpression>

#include <algorithm>
#include <utility>

namespace tidegate {

TeamsModel::TeamsModel(GatewayLink &link, const KeysModel &keys, WallClock clock, QObject *parent)
    : QAbstractListModel(parent)
    , m_link(link)
    , m_keys(keys)
    , m_clock(std::move(clock))
{
    connect(&link, &GatewayLink::teamsChanged, this, &TeamsModel::reload);
    connect(&link, &GatewayLink::configChanged, this, &TeamsModel::reload);
    connect(&keys, &QAbstractItemModel::dataChanged, this, [this] {
        if (!m_teams.empty()) {
            Q_EMIT dataChanged(index(0), index(rowCount() - 1),
                               {MembersTextRole, AccessibleTextRole});
        }
    });
    connect(&keys, &KeysModel::countChanged, this, &TeamsModel::reload);
    reload();
}

int TeamsModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_teams.size());
}

QVariant TeamsModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const Team &team = m_teams[size_t(index.row())];
    switch (role) {
    case TeamIdRole:
        return double(team.id);
    case NameRole:
        return team.name;
    case MembersTextRole:
        return membersText(team);
    case ReadOnlyRole:
        return team.fromFile;
    case RequestsBarRole:
        return usebar::requests(useOf(team));
    case TokensBarRole:
        return usebar::tokens(useOf(team), m_clock());
    case BudgetBarRole:
        return usebar::budget(useOf(team), m_clock());
    case AccessibleTextRole:
    case Qt::AccessibleTextRole:
    case Qt::DisplayRole:
        //: Read aloud: name of a team, its members, its budget
        return tr("Team %1, %2, %3")
            .arg(team.name, membersText(team),
                 usebar::budget(useOf(team), m_clock()).value(QStringLiteral("spoken")).toString());
    default:
        return {};
    }
}

QHash<int, QByteArray> TeamsModel::roleNames() const
{
    return {
        {TeamIdRole, "teamId"},           {NameRole, "name"},
        {MembersTextRole, "membersText"}, {ReadOnlyRole, "readOnly"},
        {RequestsBarRole, "requestsBar"}, {TokensBarRole, "tokensBar"},
        {BudgetBarRole, "budgetBar"},     {AccessibleTextRole, "accessibleText"},
    };
}

QStringList TeamsModel::names() const
{
    QStringList names;
    for (const Team &team : m_teams) {
        names << team.name;
    }
    return names;
}

QHash<qint64, QString> TeamsModel::namesById() const
{
    QHash<qint64, QString> names;
    for (const Team &team : m_teams) {
        names.insert(team.id, team.name);
    }
    return names;
}

QString TeamsModel::nameProblem(const QString &name, double id) const
{
    static const QRegularExpression kName(QStringLiteral("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"));
    const QString trimmed = name.trimmed();
    if (trimmed.isEmpty()) {
        return tr("Give the team a name.");
    }
    if (!kName.match(trimmed).hasMatch()) {
        return tr("Letters, digits, dots, dashes and underscores only, at most 64.");
    }
    const bool taken = std::any_of(m_teams.cbegin(), m_teams.cend(), [&](const Team &team) {
        return team.name == trimmed && team.id != qint64(id);
    });
    return taken ? tr("There is a team of that name already.") : QString();
}

QVariantMap TeamsModel::form(double id) const
{
    const Team *team = find(id);
    QVariantMap form = policyform::fromConfig(team != nullptr ? team->config : QJsonObject());
    form[QStringLiteral("name")] = team != nullptr ? team->name : QString();
    return form;
}

QVariantMap TeamsModel::formProblems(const QVariantMap &form) const
{
    return policyform::problems(form);
}

void TeamsModel::save(double id, const QString &name, const QVariantMap &form)
{
    const QString problem = nameProblem(name, id);
    if (!problem.isEmpty() || !policyform::problems(form).isEmpty()) {
        Q_EMIT failed(problem);
        return;
    }
    const Team *team = find(id);
    changePending(1);
    m_link.saveTeam(qint64(id), name.trimmed(),
                    policyform::toConfig(form, team != nullptr ? team->config : QJsonObject()),
                    [self = QPointer(this), name = name.trimmed()](const Result<Done> &result) {
                        if (!self) {
                            return;
                        }
                        self->changePending(-1);
                        if (result) {
                            Q_EMIT self->saved(name);
                        } else {
                            Q_EMIT self->failed(result.error());
                        }
                    });
}

void TeamsModel::remove(double id)
{
    const Team *team = find(id);
    const QString name = team != nullptr ? team->name : QString();
    changePending(1);
    m_link.removeTeam(qint64(id), [self = QPointer(this), name](const Result<Done> &result) {
        if (!self) {
            return;
        }
        self->changePending(-1);
        if (result) {
            Q_EMIT self->removed(name);
        } else {
            Q_EMIT self->failed(result.error());
        }
    });
}

void TeamsModel::setLimitUse(const std::vector<LimitUse> &uses)
{
    m_uses.clear();
    for (const LimitUse &use : uses) {
        if (use.team) {
            m_uses.insert(use.id, use);
        }
    }
    if (!m_teams.empty()) {
        Q_EMIT dataChanged(index(0), index(rowCount() - 1),
                           {RequestsBarRole, TokensBarRole, BudgetBarRole, AccessibleTextRole});
    }
}

const Team *TeamsModel::find(double id) const
{
    const auto team = std::find_if(m_teams.cbegin(), m_teams.cend(),
                                   [id](const Team &other) { return other.id == qint64(id); });
    return team == m_teams.cend() || qint64(id) == 0 ? nullptr : &*team;
}

LimitUse TeamsModel::useOf(const Team &team) const
{
    const auto known = m_uses.constFind(team.id);
    if (known != m_uses.cend()) {
        return *known;
    }
    LimitUse use;
    use.team = true;
    use.id = team.id;
    use.limits = team.limits;
    if (team.budget) {
        use.budget = BudgetUse{*team.budget, {}, {}, 0, -1};
    }
    return use;
}

QString TeamsModel::membersText(const Team &team) const
{
    const QStringList members = m_keys.membersOf(team.name);
    if (members.isEmpty()) {
        return tr("no keys yet");
    }
    //: %1 is a list of names
    return tr("%n key(s): %1", nullptr, int(members.size()))
        .arg(members.join(QStringLiteral(", ")));
}

void TeamsModel::reload()
{
    std::vector<Team> teams = m_link.teams();
    const bool sameRows =
        std::equal(teams.cbegin(), teams.cend(), m_teams.cbegin(), m_teams.cend(),
                   [](const Team &a, const Team &b) { return a.id == b.id && a.name == b.name; });
    if (sameRows) {
        m_teams = std::move(teams);
        if (!m_teams.empty()) {
            Q_EMIT dataChanged(index(0), index(rowCount() - 1));
        }
        return;
    }
    beginResetModel();
    m_teams = std::move(teams);
    endResetModel();
    Q_EMIT countChanged();
}

void TeamsModel::changePending(int by)
{
    m_pending += by;
    Q_EMIT busyChanged();
}

} // namespace tidegate
