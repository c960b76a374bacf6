// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/adminapi.h"
#include "gateway/admin/adminjson.h"
#include "gateway/admin/adminquery.h"
#include "gateway/engine/gateway.h"
#include "gateway/pipeline/endpoints.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QSet>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

class TestAdminApi : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void everyRouteIsDescribed();
    void everyDescriptionIsARoute();
    void everyReferenceLeadsSomewhere();
    void everyOperationIsComplete();

    void queryValues();
    void queryErrors_data();
    void queryErrors();
    void times();
    void invalidNamesTheFirstKey();

private:
    [[nodiscard]] QSet<QString> routes() const;
    [[nodiscard]] QSet<QString> described() const;
    [[nodiscard]] bool resolves(const QString &reference) const;
    void checkReferences(const QJsonValue &value) const;

    QJsonObject m_document;
};

namespace {

const char *methodName(HttpMethod method)
{
    switch (method) {
    case HttpMethod::Get:
        return "get";
    case HttpMethod::Post:
        return "post";
    case HttpMethod::Patch:
        return "patch";
    case HttpMethod::Delete:
        return "delete";
    default:
        return "?";
    }
}

QString entry(const char *method, const QString &path)
{
    return QLatin1StringView(method) + u' ' + path;
}

} // namespace

void TestAdminApi::initTestCase()
{
    QFile file(QStringLiteral(TIDEGATE_OPENAPI));
    QVERIFY(file.open(QIODevice::ReadOnly));
    QJsonParseError problem;
    m_document = QJsonDocument::fromJson(file.readAll(), &problem).object();
    QCOMPARE(problem.error, QJsonParseError::NoError);
}

// "get /admin/v1/keys" for everything that the program answers.
QSet<QString> TestAdminApi::routes() const
{
    QSet<QString> all;
    const auto add = [&all](std::string_view path, const QString &shown) {
        const EndpointMatch match = matchEndpoint(path);
        for (const HttpMethod method :
             {HttpMethod::Get, HttpMethod::Post, HttpMethod::Patch, HttpMethod::Delete}) {
            if (match.allows(method)) {
                all.insert(entry(methodName(method), shown));
            }
        }
    };
    for (const std::string_view path : endpointPaths()) {
        add(path, QString::fromLatin1(path.data(), qsizetype(path.size())));
    }
    add("/v1/models/any", u"/v1/models/{model}"_s);

    const QTemporaryDir directory;
    GatewayOptions options;
    options.dataDir = directory.path();
    Gateway gateway(options, nullptr);
    const AdminApi api(gateway, nullptr);
    for (const AdminRouter::Route &route : api.routes()) {
        all.insert(
            entry(methodName(route.method), u"/admin/v1/"_s + QString::fromLatin1(route.path)));
    }
    return all;
}

QSet<QString> TestAdminApi::described() const
{
    QSet<QString> all;
    const QJsonObject paths = m_document.value(u"paths"_s).toObject();
    for (const QString &path : paths.keys()) {
        for (const QString &method : paths.value(path).toObject().keys()) {
            if (method != u"parameters"_s) {
                all.insert(method + u' ' + path);
            }
        }
    }
    return all;
}

void TestAdminApi::everyRouteIsDescribed()
{
    QCOMPARE(routes() - described(), QSet<QString>());
}

void TestAdminApi::everyDescriptionIsARoute()
{
    QCOMPARE(described() - routes(), QSet<QString>());
}

bool TestAdminApi::resolves(const QString &reference) const
{
    if (!reference.startsWith(u"#/"_s)) {
        return false;
    }
    QJsonValue at = m_document;
    for (const QString &name : reference.mid(2).split(u'/')) {
        at = at.toObject().value(name);
    }
    return at.isObject();
}

void TestAdminApi::checkReferences(const QJsonValue &value) const
{
    if (value.isArray()) {
        for (const QJsonValue item : value.toArray()) {
            checkReferences(item);
        }
        return;
    }
    const QJsonObject object = value.toObject();
    for (auto it = object.constBegin(); it != object.constEnd(); ++it) {
        if (it.key() == u"$ref"_s) {
            QVERIFY2(resolves(it->toString()), qPrintable(it->toString()));
        } else {
            checkReferences(*it);
        }
    }
}

void TestAdminApi::everyReferenceLeadsSomewhere()
{
    checkReferences(m_document);
}

void TestAdminApi::everyOperationIsComplete()
{
    QSet<QString> ids;
    const QJsonObject paths = m_document.value(u"paths"_s).toObject();
    for (const QString &path : paths.keys()) {
        const QJsonObject item = paths.value(path).toObject();
        for (const QString &method : item.keys()) {
            if (method == u"parameters"_s) {
                continue;
            }
            const QJsonObject operation = item.value(method).toObject();
            const QString id = operation.value(u"operationId"_s).toString();
            QVERIFY2(!id.isEmpty() && !ids.contains(id), qPrintable(path));
            ids.insert(id);
            QVERIFY2(!operation.value(u"summary"_s).toString().isEmpty(), qPrintable(id));
            QVERIFY2(!operation.value(u"tags"_s).toArray().isEmpty(), qPrintable(id));
            QVERIFY2(operation.value(u"security"_s).isArray(), qPrintable(id));
            const bool needsAdmin = path.startsWith(u"/admin/"_s);
            const QJsonArray security = operation.value(u"security"_s).toArray();
            QVERIFY2(needsAdmin == security.contains(QJsonObject{{u"adminToken"_s, QJsonArray()}}),
                     qPrintable(id));
            // Each {name} of the path is a parameter.
            QJsonArray parameters = item.value(u"parameters"_s).toArray();
            for (const QJsonValue one : operation.value(u"parameters"_s).toArray()) {
                parameters.append(one);
            }
            for (qsizetype at = path.indexOf(u'{'); at >= 0; at = path.indexOf(u'{', at + 1)) {
                const QString name = path.mid(at + 1, path.indexOf(u'}', at) - at - 1);
                bool found = false;
                for (const QJsonValue one : parameters) {
                    found |= one[u"name"_s] == name && one[u"in"_s] == u"path"_s;
                }
                QVERIFY2(found, qPrintable(id));
            }
        }
    }
}

void TestAdminApi::queryValues()
{
    AdminQuery query("a=1&b=x%20y+z&from=2027-01-02&to=2027-01-02T03:04:05.5%2B01:00&c=%3D",
                     {u"a"_s, u"b"_s, u"c"_s, u"from"_s, u"to"_s, u"d"_s});
    QCOMPARE(query.integer(u"a"_s, 0, 0, 9), 1);
    QCOMPARE(query.integer(u"d"_s, 7, 0, 9), 7);
    QCOMPARE(query.text(u"b"_s), u"x y z"_s);
    QCOMPARE(query.text(u"c"_s), u"="_s);
    QCOMPARE(query.time(u"from"_s), std::optional<qint64>(1'798'848'000'000'000));
    QCOMPARE(query.time(u"to"_s), std::optional<qint64>(1'798'855'445'500'000));
    QCOMPARE(query.time(u"d"_s), std::nullopt);
    QVERIFY(!query.error());
}

void TestAdminApi::queryErrors_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("param");
    QTest::addColumn<QByteArray>("hint");
    QTest::newRow("unknown") << QByteArray("limt=1") << QByteArray("limt")
                             << QByteArray("Did you mean \"limit\"?");
    QTest::newRow("twice") << QByteArray("limit=1&limit=2") << QByteArray("limit")
                           << QByteArray("twice");
    QTest::newRow("empty") << QByteArray("limit=") << QByteArray("limit") << QByteArray("empty");
    QTest::newRow("no number") << QByteArray("limit=1e3") << QByteArray("limit")
                               << QByteArray("from 1 to 10");
    QTest::newRow("too large") << QByteArray("limit=11") << QByteArray("limit")
                               << QByteArray("from 1 to 10");
    QTest::newRow("no time") << QByteArray("from=yesterday") << QByteArray("from")
                             << QByteArray("Must be a date");
    QTest::newRow("no zone") << QByteArray("from=2027-01-01T00:00:00") << QByteArray("from")
                             << QByteArray("zone");
    QTest::newRow("choice") << QByteArray("kind=blu") << QByteArray("kind")
                            << QByteArray("Did you mean \"blue\"?");
}

void TestAdminApi::queryErrors()
{
    QFETCH(const QByteArray, text);
    QFETCH(const QByteArray, param);
    AdminQuery query(text, {u"limit"_s, u"from"_s, u"kind"_s});
    Q_UNUSED(query.integer(u"limit"_s, 5, 1, 10))
    Q_UNUSED(query.time(u"from"_s))
    Q_UNUSED(query.choice(u"kind"_s, {u"red"_s, u"blue"_s}))
    QVERIFY(query.error().has_value());
    QCOMPARE(query.error()->status, 400);
    QCOMPARE(query.error()->param, param);
    QFETCH(const QByteArray, hint);
    QVERIFY2(query.error()->message.contains(hint), query.error()->message.constData());
}

void TestAdminApi::times()
{
    QCOMPARE(adminjson::timeOfUs(0), u"1970-01-01T00:00:00.000000Z"_s);
    QCOMPARE(adminjson::timeOfUs(-1), u"1969-12-31T23:59:59.999999Z"_s);
    QCOMPARE(adminjson::timeOfUs(1'798'855'445'500'001), u"2027-01-02T02:04:05.500001Z"_s);
    QCOMPARE(adminjson::time(QDateTime()), QJsonValue(QJsonValue::Null));
}

void TestAdminApi::invalidNamesTheFirstKey()
{
    const ApiError error = adminjson::invalid(
        u"teams.a.b.limits.rpm: Unknown key.\nteams.a.b.budget.usd: Must be more."_s,
        u"teams.a.b."_s);
    QCOMPARE(error.status, 400);
    QCOMPARE(error.param, QByteArray("limits.rpm"));
    QCOMPARE(error.message, QByteArray("limits.rpm: Unknown key.\nbudget.usd: Must be more."));
}

QTEST_GUILESS_MAIN(TestAdminApi)
#include "tst_adminapi.moc"
