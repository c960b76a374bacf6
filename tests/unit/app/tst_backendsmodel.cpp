// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QAbstractItemModelTester>
#include <QJsonArray>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestBackendsModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void rows();
    void aKeyGoesToTheKeychainOnly();
    void withoutAKeychainNothingIsSaved();
    void forThisSession();
    void whatTheFormDoesNotShowStays();
    void removingTakesTheKeychainEntry();
    void movingChangesPriorities();
    void onlyAskedWhileWatched();
    void aStoredKeyIsOnlyTriedAtItsOwnHost();
    void names();
    void typesAreComplete();

private:
    static QVariantMap form(const char *name, const char *type, const char *url)
    {
        return {{QStringLiteral("name"), QString::fromLatin1(name)},
                {QStringLiteral("type"), QString::fromLatin1(type)},
                {QStringLiteral("url"), QString::fromLatin1(url)},
                {QStringLiteral("models"), QStringList{QStringLiteral(" m1 "), QString()}}};
    }
    static QJsonObject sourceOf(const DemoLink &link, const char *name)
    {
        for (const BackendConfig &backend : link.config()->backends) {
            if (backend.name == name) {
                return backend.source;
            }
        }
        return {};
    }
};

void TestBackendsModel::rows()
{
    PanelFixture panel;
    BackendsModel &model = *panel.app.backends();
    QAbstractItemModelTester tester(&model);
    QCOMPARE(model.rowCount(), 8);
    const QModelIndex openai = model.index(0);
    QCOMPARE(openai.data(BackendsModel::TypeLabelRole).toString(), QStringLiteral("OpenAI"));
    QCOMPARE(openai.data(BackendsModel::KeyStateTextRole).toString(),
             QStringLiteral("in keychain ✓"));
    QVERIFY(!openai.data(BackendsModel::ReadOnlyRole).toBool());
    QCOMPARE(openai.data(BackendsModel::ModelsTextRole).toString(),
             QStringLiteral("gpt-*, o4-mini"));
    const QModelIndex groq = model.index(3);
    QVERIFY(groq.data(BackendsModel::ReadOnlyRole).toBool());
    QCOMPARE(groq.data(BackendsModel::OriginTextRole).toString(),
             QStringLiteral("from config file"));
    QCOMPARE(groq.data(BackendsModel::KeyStateTextRole).toString(),
             QStringLiteral("from environment"));
    QCOMPARE(model.index(7).data(BackendsModel::KeyStateTextRole).toString(),
             QStringLiteral("missing"));
    for (int role = BackendsModel::NameRole; role <= BackendsModel::AccessibleTextRole; ++role) {
        QVERIFY(model.roleNames().contains(role));
        QVERIFY(openai.data(role).isValid());
    }
}

void TestBackendsModel::aKeyGoesToTheKeychainOnly()
{
    PanelFixture panel;
    BackendsModel &model = *panel.app.backends();
    QSignalSpy saved(&model, &BackendsModel::saved);
    model.save(form("new", "openai", "https://api.openai.com/v1"), QStringLiteral(" sk-secret "));
    QVERIFY(model.isBusy());
    QVERIFY(saved.wait());
    QVERIFY(!model.isBusy());
    QCOMPARE(panel.keychain.entries.value(QStringLiteral("new")).reveal(), QByteArray("sk-secret"));
    const QJsonObject source = sourceOf(panel.link, "new");
    QCOMPARE(source.value(QStringLiteral("api_key")).toString(), QStringLiteral("keychain:new"));
    QCOMPARE(source.value(QStringLiteral("models")).toArray(), QJsonArray{QStringLiteral("m1")});
    QVERIFY(!model.get(QStringLiteral("new")).isEmpty());
    QVERIFY(model.get(QStringLiteral("new")).value(QStringLiteral("hasKey")).toBool());
}

void TestBackendsModel::withoutAKeychainNothingIsSaved()
{
    PanelFixture panel;
    panel.keychain.state = KeyState::Locked;
    panel.keychain.message = QStringLiteral("The keychain is locked.");
    BackendsModel &model = *panel.app.backends();
    QSignalSpy failed(&model, &BackendsModel::saveFailed);
    model.save(form("new", "openai", "https://api.openai.com/v1"), QStringLiteral("sk-secret"));
    QVERIFY(failed.wait());
    QVERIFY(failed[0][1].toString().contains(QStringLiteral("The keychain is locked.")));
    QVERIFY(!failed[0][1].toString().contains(QStringLiteral("sk-secret")));
    QVERIFY(failed[0][2].toBool());
    QVERIFY(model.get(QStringLiteral("new")).isEmpty());
}

void TestBackendsModel::forThisSession()
{
    PanelFixture panel;
    panel.keychain.state = KeyState::Unavailable;
    BackendsModel &model = *panel.app.backends();
    QSignalSpy saved(&model, &BackendsModel::saved);
    model.saveForSession(form("new", "openai", "https://api.openai.com/v1"),
                         QStringLiteral("sk-secret"));
    QVERIFY(saved.wait());
    QVERIFY(panel.keychain.entries.isEmpty());
    SecretSource::Answer answer;
    panel.secrets.read(QStringLiteral("new"),
                       [&answer](const SecretSource::Answer &given) { answer = given; });
    QTRY_COMPARE(answer.state, KeyState::Ready);
    QCOMPARE(answer.secret.reveal(), QByteArray("sk-secret"));
}

void TestBackendsModel::whatTheFormDoesNotShowStays()
{
    PanelFixture panel;
    BackendsModel &model = *panel.app.backends();
    QSignalSpy saved(&model, &BackendsModel::saved);
    QJsonObject config = sourceOf(panel.link, "openai");
    config[QStringLiteral("headers")] = QJsonObject{{QStringLiteral("x-a"), QStringLiteral("b")}};
    bool stored = false;
    panel.link.saveBackend("openai", config, [&stored](const Result<Done> &) { stored = true; });
    QTRY_VERIFY(stored);
    QVariantMap edited = model.get(QStringLiteral("openai"));
    edited[QStringLiteral("priority")] = 7;
    model.save(edited, QString());
    QVERIFY(saved.wait());
    const QJsonObject after = sourceOf(panel.link, "openai");
    QCOMPARE(after.value(QStringLiteral("priority")).toInt(), 7);
    QVERIFY(after.contains(QStringLiteral("headers")));
    QCOMPARE(after.value(QStringLiteral("api_key")).toString(), QStringLiteral("keychain:openai"));
    QVERIFY(!after.contains(QStringLiteral("weight")));
}

void TestBackendsModel::removingTakesTheKeychainEntry()
{
    PanelFixture panel;
    panel.keychain.entries.insert(QStringLiteral("openai"), Secret("sk"));
    BackendsModel &model = *panel.app.backends();
    QAbstractItemModelTester tester(&model);
    QSignalSpy removed(&model, &BackendsModel::removed);
    model.remove(QStringLiteral("openai"));
    QVERIFY(removed.wait());
    QCOMPARE(model.rowCount(), 7);
    QVERIFY(!panel.keychain.entries.contains(QStringLiteral("openai")));
}

void TestBackendsModel::movingChangesPriorities()
{
    PanelFixture panel;
    BackendsModel &model = *panel.app.backends();
    QAbstractItemModelTester tester(&model);
    QSignalSpy moved(&model, &BackendsModel::moved);
    QSignalSpy failed(&model, &BackendsModel::actionFailed);
    QSignalSpy reset(&model, &QAbstractItemModel::modelReset);
    QSignalSpy rows(&model, &QAbstractItemModel::rowsMoved);
    model.move(QStringLiteral("ollama"), 0);
    QVERIFY(moved.wait());
    QCOMPARE(model.names().mid(0, 3).join(u' '), QStringLiteral("ollama openai gpu-box"));
    QCOMPARE(model.index(0).data(BackendsModel::NameRole).toString(), QStringLiteral("ollama"));
    QCOMPARE(model.index(0).data(BackendsModel::RankRole).toInt(), 1);
    QVERIFY(sourceOf(panel.link, "ollama").value(QStringLiteral("priority")).toInt() < 10);
    QCOMPARE(reset.count(), 0);
    QVERIFY(rows.count() > 0);
    model.move(QStringLiteral("gpu-box"), 0);
    QCOMPARE(failed.count(), 1);
    QVERIFY(failed[0][1].toString().contains(QStringLiteral("config file")));
    QVERIFY(!model.isBusy());
}

void TestBackendsModel::onlyAskedWhileWatched()
{
    class Link : public DemoLink
    {
    public:
        using DemoLink::DemoLink;
        [[nodiscard]] std::vector<BackendStatus> backendStatus() const override
        {
            ++asked;
            return DemoLink::backendStatus();
        }
        mutable int asked = 0;
    };
    Link link(quietDemo());
    SessionSecrets secrets(nullptr);
    BackendsModel model(link, secrets);
    Q_EMIT link.backendStatusChanged();
    QCOMPARE(link.asked, 0);
    model.setWatched(true);
    QCOMPARE(link.asked, 1);
    QTRY_COMPARE_WITH_TIMEOUT(link.asked, 2, 3'000);
    Q_EMIT link.backendStatusChanged();
    QCOMPARE(link.asked, 3);
    model.setWatched(false);
    Q_EMIT link.backendStatusChanged();
    QCOMPARE(link.asked, 3);
}

void TestBackendsModel::aStoredKeyIsOnlyTriedAtItsOwnHost()
{
    /// Remembers with which key a test was asked for.
    class Link : public DemoLink
    {
    public:
        using DemoLink::DemoLink;
        [[nodiscard]] ConfigPtr config() const override
        {
            auto config = std::make_shared<ConfigSnapshot>(*DemoLink::config());
            config->backends[0].keys = {Secret("sk-stored")};
            return config;
        }
        void testBackend(const QJsonObject &config, const Secret &key,
                         std::function<void(BackendTest)> reply) override
        {
            asked = key;
            DemoLink::testBackend(config, key, std::move(reply));
        }
        Secret asked;
    };
    Link link(quietDemo());
    SessionSecrets secrets(nullptr);
    BackendsModel model(link, secrets);
    QSignalSpy finished(&model, &BackendsModel::testFinished);
    QVariantMap edited = model.get(QStringLiteral("openai"));
    model.test(edited, QString());
    QCOMPARE(link.asked.reveal(), QByteArray("sk-stored"));
    edited[QStringLiteral("url")] = QStringLiteral("https://evil.example/v1");
    model.test(edited, QString());
    QVERIFY(link.asked.isEmpty());
    QTRY_COMPARE(finished.count(), 2);
}

void TestBackendsModel::names()
{
    PanelFixture panel;
    const BackendsModel &model = *panel.app.backends();
    QVERIFY(model.nameProblem(QStringLiteral("my-box.2_a")).isEmpty());
    QVERIFY(!model.nameProblem(QString()).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("a/b")).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("-a")).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("openai")).isEmpty());
    QCOMPARE(model.suggestedName(QStringLiteral("openai")), QStringLiteral("openai-2"));
    QCOMPARE(model.suggestedName(QStringLiteral("vllm")), QStringLiteral("vllm"));
}

void TestBackendsModel::typesAreComplete()
{
    for (int i = 0; i <= int(BackendType::Noop); ++i) {
        const QString type = QString::fromLatin1(backendTypeName(BackendType(i)));
        QVERIFY2(!BackendsModel::typeInfoFor(type).isEmpty(), qPrintable(type));
    }
    const QVariantList offered = BackendsModel::typeInfo();
    for (const QVariant &value : offered) {
        const QVariantMap info = value.toMap();
        QVERIFY(!info.value(QStringLiteral("label")).toString().isEmpty());
        QVERIFY(!info.value(QStringLiteral("hint")).toString().isEmpty());
    }
}

QTEST_MAIN(TestBackendsModel)
#include "tst_backendsmodel.moc"
