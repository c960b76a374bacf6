// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestTeamsModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void rows();
    void createEditRemove();
    void teamsWithKeysStay();
    void names();

private:
    static QModelIndex find(const TeamsModel &model, const char *name)
    {
        for (int row = 0; row < model.rowCount(); ++row) {
            if (model.index(row).data(TeamsModel::NameRole).toString() == QLatin1String(name)) {
                return model.index(row);
            }
        }
        return {};
    }
};

void TestTeamsModel::rows()
{
    PanelFixture panel;
    TeamsModel &model = *panel.app.teams();
    QAbstractItemModelTester tester(&model);
    const QModelIndex research = find(model, "research");
    QVERIFY(research.isValid());
    QVERIFY(research.data(TeamsModel::MembersTextRole)
                .toString()
                .contains(QStringLiteral("notebook, ide-assistant")));
    QTRY_VERIFY(
        research.data(TeamsModel::BudgetBarRole).toMap().value(QStringLiteral("ratio")).toDouble() >
        0);
    QVERIFY(find(model, "platform").data(TeamsModel::ReadOnlyRole).toBool());
    for (int role = TeamsModel::TeamIdRole; role <= TeamsModel::AccessibleTextRole; ++role) {
        QVERIFY(model.roleNames().contains(role));
        QVERIFY(research.data(role).isValid());
    }
}

void TestTeamsModel::createEditRemove()
{
    PanelFixture panel;
    TeamsModel &model = *panel.app.teams();
    QAbstractItemModelTester tester(&model);
    QSignalSpy saved(&model, &TeamsModel::saved);
    QVariantMap form = model.form(0);
    form[QStringLiteral("budgetUsd")] = QStringLiteral("12.50");
    model.save(0, QStringLiteral(" ops "), form);
    QVERIFY(saved.wait());
    const double id = find(model, "ops").data(TeamsModel::TeamIdRole).toDouble();
    QCOMPARE(model.form(id)[QStringLiteral("budgetUsd")].toString(), QStringLiteral("12.50"));
    QVERIFY(model.names().contains(QStringLiteral("ops")));

    form[QStringLiteral("budgetUsd")] = QString();
    form[QStringLiteral("requestsPerMinute")] = QStringLiteral("10");
    model.save(id, QStringLiteral("operations"), form);
    QVERIFY(saved.wait());
    QVERIFY(!find(model, "ops").isValid());
    QCOMPARE(model.form(id)[QStringLiteral("requestsPerMinute")].toString(), QStringLiteral("10"));

    QSignalSpy removed(&model, &TeamsModel::removed);
    model.remove(id);
    QVERIFY(removed.wait());
    QVERIFY(!find(model, "operations").isValid());
}

void TestTeamsModel::teamsWithKeysStay()
{
    PanelFixture panel;
    TeamsModel &model = *panel.app.teams();
    QSignalSpy failed(&model, &TeamsModel::failed);
    model.remove(find(model, "research").data(TeamsModel::TeamIdRole).toDouble());
    QVERIFY(failed.wait());
    QVERIFY(find(model, "research").isValid());
}

void TestTeamsModel::names()
{
    PanelFixture panel;
    const TeamsModel &model = *panel.app.teams();
    QVERIFY(!model.nameProblem(QStringLiteral(" ")).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("two words")).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("research")).isEmpty());
    QVERIFY(model.nameProblem(QStringLiteral("ops-2")).isEmpty());
}

QTEST_MAIN(TestTeamsModel)
#include "tst_teamsmodel.moc"
