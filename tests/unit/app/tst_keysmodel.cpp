// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestKeysModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void rows();
    void aNewKeyIsShownOnce();
    void rules();
    void editRotateDisableDelete();
    void csv();
    void revoke();
    void lastUse();
    void names();

private:
    static int rowOf(const KeysModel &model, const char *name)
    {
        for (int row = 0; row < model.rowCount(); ++row) {
            if (model.index(row).data(KeysModel::NameRole).toString() == QLatin1String(name)) {
                return row;
            }
        }
        return -1;
    }
};

void TestKeysModel::rows()
{
    PanelFixture panel;
    KeysModel &model = *panel.app.keys();
    QAbstractItemModelTester tester(&model);
    const QModelIndex ci = model.index(rowOf(model, "ci"));
    QVERIFY(ci.data(KeysModel::ReadOnlyRole).toBool());
    QVERIFY(!ci.data(KeysModel::CanRevokeRole).toBool());
    QCOMPARE(ci.data(KeysModel::ModelsTextRole).toString(), QStringLiteral("fast, gpt-*"));
    const QModelIndex old = model.index(rowOf(model, "old-laptop"));
    QCOMPARE(old.data(KeysModel::StateRole).toInt(), int(KeysModel::State::Revoked));
    QVERIFY(!old.data(KeysModel::CanRevokeRole).toBool());
    QCOMPARE(model.activeCount(), 4);
    for (int role = KeysModel::KeyIdRole; role <= KeysModel::AccessibleTextRole; ++role) {
        QVERIFY(model.roleNames().contains(role));
        QVERIFY(ci.data(role).isValid());
    }
}

void TestKeysModel::aNewKeyIsShownOnce()
{
    PanelFixture panel;
    KeysModel &model = *panel.app.keys();
    QAbstractItemModelTester tester(&model);
    QSignalSpy created(&model, &KeysModel::created);
    model.create(QStringLiteral("  editor "));
    QVERIFY(created.wait());
    const QString plaintext = created[0][0].toString();
    QVERIFY(plaintext.startsWith(QStringLiteral("tg-")));
    QCOMPARE(created[0][1].toString(), QStringLiteral("editor"));
    const int row = rowOf(model, "editor");
    QCOMPARE(row, 0);
    for (int role = KeysModel::KeyIdRole; role <= KeysModel::AccessibleTextRole; ++role) {
        QVERIFY(!model.index(row).data(role).toString().contains(plaintext));
    }
}

void TestKeysModel::rules()
{
    PanelFixture panel;
    KeysModel &model = *panel.app.keys();
    QAbstractItemModelTester tester(&model);
    QSignalSpy created(&model, &KeysModel::created);
    QSignalSpy failed(&model, &KeysModel::failed);
    QVariantMap form = model.form(0);
    form[QStringLiteral("team")] = QStringLiteral("research");
    form[QStringLiteral("models")] = QStringLiteral("gpt-*");
    form[QStringLiteral("requestsPerMinute")] = QStringLiteral("x");
    model.create(QStringLiteral("editor"), form);
    QCOMPARE(failed.size(), 1);
    form[QStringLiteral("requestsPerMinute")] = QStringLiteral("10");
    form[QStringLiteral("budgetUsd")] = QStringLiteral("2.50");
    model.create(QStringLiteral("editor"), form);
    QVERIFY(created.wait());
    const QModelIndex row = model.index(0);
    QCOMPARE(row.data(KeysModel::TeamRole).toString(), QStringLiteral("research"));
    QCOMPARE(row.data(KeysModel::ModelsTextRole).toString(), QStringLiteral("gpt-*"));
    QVERIFY(row.data(KeysModel::RequestsBarRole).toMap().value(QStringLiteral("limited")).toBool());
    QVERIFY(row.data(KeysModel::BudgetBarRole)
                .toMap()
                .value(QStringLiteral("text"))
                .toString()
                .endsWith(QStringLiteral("2.50")));
    QCOMPARE(model.membersOf(QStringLiteral("research")).size(), 3);
}

void TestKeysModel::editRotateDisableDelete()
{
    PanelFixture panel;
    KeysModel &model = *panel.app.keys();
    QAbstractItemModelTester tester(&model);
    const double id = model.index(rowOf(model, "notebook")).data(KeysModel::KeyIdRole).toDouble();

    QSignalSpy updated(&model, &KeysModel::updated);
    QVariantMap form = model.form(id);
    QCOMPARE(form[QStringLiteral("expires")].toString(), QStringLiteral("2027-01-31"));
    form[QStringLiteral("expires")] = QString();
    model.update(id, QStringLiteral("jupyter"), form);
    QVERIFY(updated.wait());
    QVERIFY(rowOf(model, "notebook") < 0);
    QVERIFY(
        model.index(rowOf(model, "jupyter")).data(KeysModel::ExpiryTextRole).toString().isEmpty());

    QSignalSpy rotated(&model, &KeysModel::rotated);
    model.rotate(id, 24);
    QVERIFY(rotated.wait());
    QVERIFY(rotated[0][0].toString().startsWith(QStringLiteral("tg-")));
    QCOMPARE(rotated[0][2].toInt(), 24);

    QSignalSpy disabled(&model, &KeysModel::disabledChanged);
    const auto state = [&] {
        return model.index(rowOf(model, "jupyter")).data(KeysModel::StateRole).toInt();
    };
    model.setDisabled(id, true);
    QVERIFY(disabled.wait());
    QCOMPARE(state(), int(KeysModel::State::Disabled));
    model.setDisabled(id, false);
    QVERIFY(disabled.wait());
    QCOMPARE(state(), int(KeysModel::State::Active));
    // Nothing of the rest was lost on the way.
    QCOMPARE(model.form(id)[QStringLiteral("requestsPerMinute")].toString(), QStringLiteral("60"));

    QSignalSpy removed(&model, &KeysModel::removed);
    model.remove(id);
    QVERIFY(removed.wait());
    QVERIFY(rowOf(model, "jupyter") < 0);
}

void TestKeysModel::csv()
{
    PanelFixture panel;
    const QList<QByteArray> lines = panel.app.keys()->csv().split('\n');
    QVERIFY(lines[0].startsWith("name,prefix,team,state,"));
    QCOMPARE(lines.size(), panel.app.keys()->count() + 2); // the header, and after the last CRLF
}

void TestKeysModel::revoke()
{
    PanelFixture panel;
    KeysModel &model = *panel.app.keys();
    QSignalSpy revoked(&model, &KeysModel::revoked);
    QSignalSpy failed(&model, &KeysModel::failed);
    const int row = rowOf(model, "notebook");
    model.revoke(model.index(row).data(KeysModel::KeyIdRole).toDouble());
    QVERIFY(revoked.wait());
    QCOMPARE(model.index(row).data(KeysModel::StateRole).toInt(), int(KeysModel::State::Revoked));
    model.revoke(4'711);
    QVERIFY(failed.wait());
}

void TestKeysModel::lastUse()
{
    PanelFixture panel;
    KeysModel &model = *panel.app.keys();
    const qint64 nowUs = wallClockUs();
    model.setLastUsed({{4, nowUs - 5'000'000}, {3, nowUs - 3 * 3'600'000'000}});
    QCOMPARE(model.index(rowOf(model, "notebook")).data(KeysModel::LastUsedTextRole).toString(),
             QStringLiteral("just now"));
    QVERIFY(!model.index(rowOf(model, "support-bot"))
                 .data(KeysModel::LastUsedTooltipRole)
                 .toString()
                 .isEmpty());
    QCOMPARE(
        model.index(rowOf(model, "ide-assistant")).data(KeysModel::LastUsedTextRole).toString(),
        QStringLiteral("never"));
}

void TestKeysModel::names()
{
    PanelFixture panel;
    const KeysModel &model = *panel.app.keys();
    QVERIFY(!model.nameProblem(QStringLiteral("  ")).isEmpty());
    QVERIFY(!model.nameProblem(QString(65, u'x')).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("ci")).isEmpty());
    // A revoked key gives its name free.
    QVERIFY(model.nameProblem(QStringLiteral("old-laptop")).isEmpty());
}

QTEST_MAIN(TestKeysModel)
#include "tst_keysmodel.moc"
