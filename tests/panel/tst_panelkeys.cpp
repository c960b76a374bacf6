// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/panel/panelprogram.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <QQuickItem>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <memory>
#include <utility>

using namespace tidegate;

namespace {

#if defined(TIDEGATE_SANITIZED) || !defined(__OPTIMIZE__)
constexpr int kInForceMs = 400;
#else
constexpr int kInForceMs = 100;
#endif

} // namespace

/// What is changed on the Keys page, with mouse and keyboard, holds for the very next request of a
/// client that is connected already.
class TestPanelKeys : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();
    void anEditedBudgetHolds();
    void anEditedLimitHolds();
    void aDisabledKeyIsRefused();
    void aRevokedKeyIsRefused();

private:
    [[nodiscard]] QQuickItem *item(const char *objectName) const
    {
        return m_panel->find(QString::fromLatin1(objectName));
    }
    void click(const char *objectName);
    void type(const char *objectName, const QString &text);
    /// Opens the menu of the only key in the list and chooses that entry.
    void choose(const char *entry);
    /// Types @p text into a field of the key's dialog and saves.
    void edit(const char *objectName, const QString &text);
    /// Status and error code of a chat request with the key.
    [[nodiscard]] std::pair<int, QString> chat();

    QTemporaryDir m_dir;
    std::unique_ptr<PanelProgram> m_panel;
    QNetworkAccessManager m_client;
    QString m_key;
};

void TestPanelKeys::initTestCase()
{
    QFile prices(m_dir.filePath(QStringLiteral("prices.yaml")));
    QVERIFY(prices.open(QIODevice::WriteOnly));
    prices.write("updated: 2026-11-01\nmodels:\n"
                 "  \"dime\": { input: 0, output: 0, per_request: 0.10 }\n");
    prices.close();
    QFile config(m_dir.filePath(QStringLiteral("config.yaml")));
    QVERIFY(config.open(QIODevice::WriteOnly));
    config.write("server: { port: 0 }\nbackends: { echo: { type: echo, models: [dime] } }\n"
                 "prices: { file: prices.yaml }\n");
    config.close();
    GatewayOptions options;
    options.dataDir = m_dir.path();
    options.configFile = config.fileName();
    m_panel = std::make_unique<PanelProgram>(options);
    QVERIFY(m_panel->start());

    // The key of the first start goes, a new one comes, all by hand.
    m_panel->app().setCurrentPage(QStringLiteral("keys"));
    QTRY_VERIFY(item("doneButton") == nullptr || item("newKey") != nullptr);
    if (item("newKey") != nullptr) {
        click("doneButton");
        QTRY_VERIFY(item("newKey") == nullptr);
    }
    KeysModel &keys = *m_panel->app().keys();
    QTRY_COMPARE(keys.rowCount(), 1);
    keys.remove(keys.data(keys.index(0), KeysModel::KeyIdRole).toDouble());
    QTRY_COMPARE(keys.rowCount(), 0);
    QTRY_VERIFY(item("pageAction") != nullptr);
    click("pageAction");
    QTRY_VERIFY(item("keyNameField") != nullptr);
    type("keyNameField", QStringLiteral("ci"));
    type("budgetUsd", QStringLiteral("1"));
    click("createButton");
    QTRY_VERIFY(item("newKey") != nullptr);
    m_key = item("newKey")->property("code").toString();
    QVERIFY(m_key.startsWith(QStringLiteral("tg-")));
    click("doneButton");
    QTRY_VERIFY(item("newKey") == nullptr);
}

void TestPanelKeys::cleanupTestCase()
{
    m_panel.reset();
}

void TestPanelKeys::click(const char *objectName)
{
    QQuickItem *target = item(objectName);
    QVERIFY2(target, objectName);
    // Dialogs and menus find their places with their first frame.
    QSignalSpy frame(&m_panel->window(), &QQuickWindow::frameSwapped);
    m_panel->window().update();
    QVERIFY(frame.wait());
    const QPointF middle(target->width() / 2, target->height() / 2);
    QTest::mouseClick(&m_panel->window(), Qt::LeftButton, {}, target->mapToScene(middle).toPoint());
}

void TestPanelKeys::type(const char *objectName, const QString &text)
{
    click(objectName);
    QTRY_VERIFY(item(objectName)->hasActiveFocus());
    QTest::keyClick(&m_panel->window(), Qt::Key_A, Qt::ControlModifier);
    QTest::keyClick(&m_panel->window(), Qt::Key_Backspace);
    for (const QChar c : text) {
        QTest::keyClick(&m_panel->window(), c.toLatin1());
    }
    QCOMPARE(item(objectName)->property("text").toString(), text);
}

void TestPanelKeys::choose(const char *entry)
{
    QTRY_VERIFY(item("keyMenuButton") != nullptr);
    click("keyMenuButton");
    QTRY_VERIFY(item(entry) != nullptr);
    click(entry);
}

void TestPanelKeys::edit(const char *objectName, const QString &text)
{
    choose("editKey");
    QTRY_VERIFY(item(objectName) != nullptr);
    type(objectName, text);
    QSignalSpy updated(m_panel->app().keys(), &KeysModel::updated);
    QElapsedTimer clock;
    click("createButton");
    clock.start();
    QVERIFY(!updated.isEmpty() || updated.wait());
    QVERIFY2(clock.elapsed() <= kInForceMs, qPrintable(QString::number(clock.elapsed())));
}

std::pair<int, QString> TestPanelKeys::chat()
{
    QNetworkRequest request(
        QUrl(m_panel->link().baseUrl().toString() + QStringLiteral("/chat/completions")));
    request.setRawHeader("Authorization", "Bearer " + m_key.toLatin1());
    request.setHeader(QNetworkRequest::ContentTypeHeader, QStringLiteral("application/json"));
    const std::unique_ptr<QNetworkReply> reply(m_client.post(
        request, R"({"model":"dime","messages":[{"role":"user","content":"hello"}]})"));
    QSignalSpy finished(reply.get(), &QNetworkReply::finished);
    if (!finished.wait(10'000)) {
        return {-1, {}};
    }
    const QJsonObject answer = QJsonDocument::fromJson(reply->readAll()).object();
    return {
        reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt(),
        answer.value(QStringLiteral("error")).toObject().value(QStringLiteral("code")).toString()};
}

void TestPanelKeys::anEditedBudgetHolds()
{
    QCOMPARE(chat().first, 200); // $0.10 of $1
    edit("budgetUsd", QStringLiteral("0.15"));
    QCOMPARE(chat(), std::pair(402, QStringLiteral("budget_exceeded")));
    QTRY_VERIFY(item("budgetUsd") == nullptr);
    edit("budgetUsd", QStringLiteral("0.2"));
    QCOMPARE(chat().first, 200);
    QCOMPARE(chat(), std::pair(402, QStringLiteral("budget_exceeded")));
    QTRY_VERIFY(item("budgetUsd") == nullptr);
    edit("budgetUsd", QString());
    QCOMPARE(chat().first, 200);
    QTRY_VERIFY(item("budgetUsd") == nullptr);
}

void TestPanelKeys::anEditedLimitHolds()
{
    QCOMPARE(chat().first, 200);
    edit("requestsPerMinute", QStringLiteral("1"));
    QCOMPARE(chat().first, 200);
    QCOMPARE(chat(), std::pair(429, QStringLiteral("rate_limit_exceeded")));
    QTRY_VERIFY(item("requestsPerMinute") == nullptr);
    edit("requestsPerMinute", QString());
    QCOMPARE(chat().first, 200);
    QTRY_VERIFY(item("requestsPerMinute") == nullptr);
}

void TestPanelKeys::aDisabledKeyIsRefused()
{
    QSignalSpy disabled(m_panel->app().keys(), &KeysModel::disabledChanged);
    choose("disableKey");
    QVERIFY(!disabled.isEmpty() || disabled.wait());
    QCOMPARE(chat(), std::pair(401, QStringLiteral("invalid_api_key")));
    QTRY_VERIFY(item("toastAction") != nullptr);
    click("toastAction"); // Undo
    QTRY_COMPARE(disabled.count(), 2);
    QCOMPARE(chat().first, 200);
}

void TestPanelKeys::aRevokedKeyIsRefused()
{
    QCOMPARE(chat().first, 200);
    choose("revokeKey");
    QTRY_VERIFY(item("confirmField") != nullptr);
    type("confirmField", QStringLiteral("ci"));
    QSignalSpy revoked(m_panel->app().keys(), &KeysModel::revoked);
    QElapsedTimer clock;
    click("confirmButton");
    clock.start();
    QVERIFY(!revoked.isEmpty() || revoked.wait());
    QVERIFY2(clock.elapsed() <= kInForceMs, qPrintable(QString::number(clock.elapsed())));
    QCOMPARE(chat(), std::pair(401, QStringLiteral("invalid_api_key")));
}

int main(int argc, char *argv[])
{
    QApplication application(argc, argv);
    PanelProgram::prepare();
    TestPanelKeys test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_panelkeys.moc"
