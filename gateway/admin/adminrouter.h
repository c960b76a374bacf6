// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/adminreply.h"
#include "gateway/http/httprequest.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>
#include <QStringList>

#include <functional>
#include <memory>
#include <vector>

namespace tidegate {

/// An admin request that found its route. Value type.
struct AdminCall
{
    HttpMethod method = HttpMethod::Get;
    QStringList names; ///< what stands for the `{…}` of the path, decoded
    QByteArray query;  ///< not decoded; see AdminQuery
    QJsonObject body;  ///< of POST and PATCH; empty when none was sent
    std::shared_ptr<AdminReply> reply;
};

/// The paths of the admin API and who answers them.
///
/// Lives in the main thread; owned by the AdminApi.
class AdminRouter
{
public:
    using Handler = std::function<void(const AdminCall &)>;
    struct Route
    {
        HttpMethod method = HttpMethod::Get;
        QByteArray path; ///< below /admin/v1/, e.g. "keys/{id}/rotate"
        Handler handler;
        qsizetype maxBodyBytes = 0;
    };
    static constexpr qsizetype kUsualBody = 1024 * 1024;

    void add(HttpMethod method, const QByteArray &path, Handler handler,
             qsizetype maxBodyBytes = kUsualBody);
    /// Hands the request to its handler, or refuses it: no such path, wrong method, bad body.
    void handle(const AdminRequest &request) const;
    [[nodiscard]] const std::vector<Route> &routes() const { return m_routes; }

private:
    std::vector<Route> m_routes;
};

} // namespace tidegate
