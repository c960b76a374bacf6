// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/adminrouter.h"

#include "gateway/protocol/apierror.h"

#include <QJsonDocument>
#include <QJsonParseError>

#include <optional>
#include <utility>

namespace tidegate {

namespace {

const char *methodName(HttpMethod method)
{
    switch (method) {
    case HttpMethod::Get:
        return "GET, HEAD";
    case HttpMethod::Post:
        return "POST";
    case HttpMethod::Patch:
        return "PATCH";
    case HttpMethod::Delete:
        return "DELETE";
    default:
        return "";
    }
}

/// The names in @p path when it is one of @p pattern's.
std::optional<QStringList> match(const QByteArray &pattern, const QByteArray &path)
{
    const QList<QByteArray> wanted = pattern.split('/');
    const QList<QByteArray> given = path.split('/');
    if (wanted.size() != given.size()) {
        return std::nullopt;
    }
    QStringList names;
    for (qsizetype i = 0; i < wanted.size(); ++i) {
        if (!wanted.at(i).startsWith('{')) {
            if (wanted.at(i) != given.at(i)) {
                return std::nullopt;
            }
            continue;
        }
        // Decoded after splitting, so that a name may have a slash in it.
        const QString name = QString::fromUtf8(QByteArray::fromPercentEncoding(given.at(i)));
        if (name.isEmpty()) {
            return std::nullopt;
        }
        names.append(name);
    }
    return names;
}

std::optional<ApiError> readBody(const QByteArray &text, qsizetype maximum, QJsonObject &body)
{
    if (text.size() > maximum) {
        return ApiError{413,
                        "body_too_large",
                        "The body is larger than " + QByteArray::number(maximum) + " bytes.",
                        {}};
    }
    if (text.isEmpty()) {
        return std::nullopt;
    }
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(text, &problem);
    if (problem.error != QJsonParseError::NoError) {
        return ApiError{400,
                        "invalid_json",
                        "The body is not valid JSON, at byte " +
                            QByteArray::number(problem.offset) + ": " +
                            problem.errorString().toUtf8() + '.',
                        {}};
    }
    if (!document.isObject()) {
        return ApiError{400, "invalid_request", "The body must be a JSON object.", {}};
    }
    body = document.object();
    return std::nullopt;
}

} // namespace

void AdminRouter::add(HttpMethod method, const QByteArray &path, Handler handler,
                      qsizetype maxBodyBytes)
{
    m_routes.push_back({method, path, std::move(handler), maxBodyBytes});
}

void AdminRouter::handle(const AdminRequest &request) const
{
    const HttpMethod method = request.method == HttpMethod::Head ? HttpMethod::Get : request.method;
    QByteArray allowed;
    for (const Route &route : m_routes) {
        auto names = match(route.path, request.path);
        if (!names) {
            continue;
        }
        if (route.method != method) {
            allowed += (allowed.isEmpty() ? "" : ", ") + QByteArray(methodName(route.method));
            continue;
        }
        AdminCall call{method, std::move(*names), request.query, {}, request.reply};
        const bool takesBody = method == HttpMethod::Post || method == HttpMethod::Patch;
        if (takesBody) {
            if (const auto error = readBody(request.body, route.maxBodyBytes, call.body)) {
                request.reply->sendError(*error);
                return;
            }
        }
        route.handler(call);
        return;
    }
    if (allowed.isEmpty()) {
        request.reply->sendError(
            {404,
             "not_found",
             "The admin API has nothing at '" + request.path + "'. GET /docs lists what there is.",
             {}});
        return;
    }
    const ApiError error{405, "method_not_allowed", "This path takes " + allowed + '.', {}};
    ResponseHead head(error.status);
    head.add("content-type", "application/json");
    head.add("allow", {allowed.constData(), size_t(allowed.size())});
    request.reply->send(head, error.toJson());
}

} // namespace tidegate
