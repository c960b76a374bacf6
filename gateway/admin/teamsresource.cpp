// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/teamsresource.h"

#include "gateway/admin/adminjson.h"
#include "gateway/admin/liveuse.h"
#include "gateway/config/policyparser.h"
#include "gateway/engine/gateway.h"

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

TeamsResource::TeamsResource(Gateway &gateway)
    : AdminResource(u"teams"_s, u"team"_s, u"name"_s)
    , m_gateway(gateway)
{
}

std::vector<QJsonObject> TeamsResource::items() const
{
    std::vector<Team> teams = m_gateway.teams();
    std::sort(teams.begin(), teams.end(),
              [](const Team &a, const Team &b) { return a.name < b.name; });
    const LiveUse use(m_gateway);
    std::vector<QJsonObject> result;
    for (const Team &team : teams) {
        QJsonObject item = team.config;
        item.insert(u"object"_s, u"team"_s);
        item.insert(u"id"_s, team.id);
        item.insert(u"name"_s, team.name);
        item.insert(u"source"_s, adminjson::origin(team.fromFile ? Origin::File : Origin::Panel));
        item.insert(u"usage"_s, use.ofTeam(team.id));
        result.push_back(std::move(item));
    }
    return result;
}

QStringList TeamsResource::readOnly() const
{
    return {u"id"_s, u"usage"_s};
}

void TeamsResource::create(const QJsonObject &item, Answer answer)
{
    save(0, item, std::move(answer));
}

void TeamsResource::change(const QString &id, const QJsonObject &item, Answer answer)
{
    save(find(id).value(u"id"_s).toInteger(), item, std::move(answer));
}

void TeamsResource::save(qint64 id, const QJsonObject &item, Answer answer)
{
    QJsonObject config = item;
    const QString name = config.take(u"name"_s).toString();
    if (name.isEmpty()) {
        answer(ApiError{400, "invalid_request", "name: Give the team a name.", "name"});
        return;
    }
    const QJsonObject same = find(name);
    if (!same.isEmpty() && same.value(u"id"_s).toInteger() != id) {
        answer(ApiError{409, "already_exists",
                        u"There is a team '%1' already."_s.arg(name).toUtf8(), "name"});
        return;
    }
    if (const auto parsed = parseTeam(name, config); !parsed) {
        answer(adminjson::invalid(parsed.error(), u"teams.%1."_s.arg(name)));
        return;
    }
    m_gateway.saveTeam(id, name, config,
                       [this, name, answer = std::move(answer)](const auto &saved) {
                           if (!saved) {
                               answer(adminjson::refused(saved.error(), u"teams.%1."_s.arg(name)));
                               return;
                           }
                           answer(found(name));
                       });
}

void TeamsResource::remove(const QString &id, std::function<void(const QString &error)> done)
{
    m_gateway.removeTeam(find(id).value(u"id"_s).toInteger(),
                         [done = std::move(done)](const Result<Done> &result) {
                             done(result ? QString() : result.error());
                         });
}

} // namespace tidegate
