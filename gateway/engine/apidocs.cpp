// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/apidocs.h"

#include <QCryptographicHash>
#include <QFile>

// Outside the namespace, as Qt wants it for libraries that are linked statically.
static void initialiseResource()
{
    Q_INIT_RESOURCE(apidocs);
}

namespace tidegate {

namespace {

QByteArray contentOf(const QString &name)
{
    initialiseResource();
    QFile file(QStringLiteral(":/tidegate/api/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll().replace("@VERSION@", TIDEGATE_VERSION)
                                          : QByteArray();
}

/// "'sha256-…'" of what stands between the tags, for the Content-Security-Policy.
QByteArray hashOf(const QByteArray &page, const QByteArray &tag)
{
    const QByteArray opening('<' + tag + '>');
    const QByteArray closing("</" + tag + '>');
    const qsizetype from = page.indexOf(opening) + opening.size();
    const QByteArray content = page.mid(from, page.indexOf(closing, from) - from);
    return "'sha256-" + QCryptographicHash::hash(content, QCryptographicHash::Sha256).toBase64() +
           '\'';
}

ResponseHead headFor(std::string_view contentType)
{
    ResponseHead head(200);
    head.add("content-type", contentType);
    head.add("cache-control", "no-cache");
    head.add("x-content-type-options", "nosniff");
    return head;
}

} // namespace

void ApiDocs::sendDocument(ResponseWriter &writer)
{
    static const QByteArray kDocument = contentOf(QStringLiteral("openapi.json"));
    writer.send(headFor("application/json"), kDocument);
}

void ApiDocs::sendPage(ResponseWriter &writer)
{
    static const QByteArray kPage = contentOf(QStringLiteral("docs.html"));
    static const QByteArray kPolicy =
        "default-src 'none'; connect-src 'self'; img-src data:; script-src " +
        hashOf(kPage, "script") + "; style-src " + hashOf(kPage, "style") +
        "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    ResponseHead head = headFor("text/html; charset=utf-8");
    head.add("content-security-policy", {kPolicy.constData(), size_t(kPolicy.size())});
    head.add("referrer-policy", "no-referrer");
    writer.send(head, kPage);
}

} // namespace tidegate
