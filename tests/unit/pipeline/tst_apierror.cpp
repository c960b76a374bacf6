// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/apierror.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace tidegate;

class ApiErrorTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void envelope();
    void strings();
};

void ApiErrorTest::envelope()
{
    const ApiError error{404, "model_not_found", "No \"x\"\nhere", "model"};
    const QJsonObject inner =
        QJsonDocument::fromJson(error.toJson()).object().value(QStringLiteral("error")).toObject();
    QCOMPARE(inner.value(QStringLiteral("message")).toString(), QStringLiteral("No \"x\"\nhere"));
    QCOMPARE(inner.value(QStringLiteral("type")).toString(), QStringLiteral("not_found_error"));
    QCOMPARE(inner.value(QStringLiteral("param")).toString(), QStringLiteral("model"));
    QCOMPARE(inner.value(QStringLiteral("code")).toString(), QStringLiteral("model_not_found"));
    QVERIFY(ApiError({500, "x", "y", {}}).toJson().contains(R"("param":null)"));
}

void ApiErrorTest::strings()
{
    const QByteArray escaped = jsonString("a\"b\\c\n\x01");
    QCOMPARE(escaped, QByteArray("\"a\\\"b\\\\c\\n\\u0001\""));
    // Invalid UTF-8 would make the whole answer unreadable.
    QVERIFY(!QJsonDocument::fromJson('[' + jsonString("\xff\xfe") + ']').isNull());
}

QTEST_APPLESS_MAIN(ApiErrorTest)
#include "tst_apierror.moc"
