// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestModelsModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void rows();
    void names();
    void movingATarget();
    void whatTheFileSetsStays();
    void savingAndRemoving();
    void whatCanBeAskedFor();
};

void TestModelsModel::rows()
{
    PanelFixture panel;
    ModelsModel &model = *panel.app.models();
    QAbstractItemModelTester tester(&model);
    QCOMPARE(model.rowCount(), 4);
    const QModelIndex fast = model.index(0);
    QCOMPARE(fast.data(ModelsModel::NameRole).toString(), QStringLiteral("fast"));
    QVERIFY(!fast.data(ModelsModel::ReadOnlyRole).toBool());
    const QVariantList targets = fast.data(ModelsModel::TargetsRole).toList();
    QCOMPARE(targets.size(), 2);
    QCOMPARE(targets[0].toMap().value(QStringLiteral("shareText")).toString(),
             QStringLiteral("75 %"));
    QVERIFY(targets[0].toMap().value(QStringLiteral("known")).toBool());
    QVERIFY(fast.data(ModelsModel::NotesRole).toList().size() >= 3);
    const QModelIndex smart = model.index(1);
    QVERIFY(smart.data(ModelsModel::ReadOnlyRole).toBool());
    QCOMPARE(smart.data(ModelsModel::OriginTextRole).toString(),
             QStringLiteral("from config file"));
    for (int role = ModelsModel::NameRole; role <= ModelsModel::AccessibleTextRole; ++role) {
        QVERIFY(model.roleNames().contains(role));
        QVERIFY(fast.data(role).isValid());
    }
}

void TestModelsModel::names()
{
    PanelFixture panel;
    const ModelsModel &model = *panel.app.models();
    QVERIFY(model.nameProblem(QStringLiteral("org/model:7b")).isEmpty());
    QVERIFY(!model.nameProblem(QString()).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("two words")).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("gpt-*")).isEmpty());
    QVERIFY(!model.nameProblem(QStringLiteral("fast")).isEmpty());
}

void TestModelsModel::movingATarget()
{
    PanelFixture panel;
    ModelsModel &model = *panel.app.models();
    QSignalSpy saved(&model, &ModelsModel::saved);
    model.moveTarget(QStringLiteral("fast"), 1, 0);
    QVERIFY(model.isBusy());
    QVERIFY(saved.wait());
    QVERIFY(!model.isBusy());
    const QVariantList targets = model.index(0).data(ModelsModel::TargetsRole).toList();
    QCOMPARE(targets[0].toMap().value(QStringLiteral("backend")).toString(),
             QStringLiteral("groq"));
    QCOMPARE(targets[1].toMap().value(QStringLiteral("weight")).toInt(), 3);
    model.moveTarget(QStringLiteral("fast"), 0, 5);
    model.moveTarget(QStringLiteral("none"), 0, 1);
    QVERIFY(!model.isBusy());
}

void TestModelsModel::whatTheFileSetsStays()
{
    PanelFixture panel;
    ModelsModel &model = *panel.app.models();
    QSignalSpy failed(&model, &ModelsModel::failed);
    model.moveTarget(QStringLiteral("smart"), 1, 0);
    QCOMPARE(failed.count(), 1);
    QVERIFY(failed[0][0].toString().contains(QStringLiteral("config file")));
    QVERIFY(!model.isBusy());
}

void TestModelsModel::savingAndRemoving()
{
    PanelFixture panel;
    ModelsModel &model = *panel.app.models();
    QAbstractItemModelTester tester(&model);
    QSignalSpy saved(&model, &ModelsModel::saved);
    QSignalSpy removed(&model, &ModelsModel::removed);
    QVariantMap form = model.form(QStringLiteral("fast"));
    form[QStringLiteral("fallbacks")] = QStringLiteral("local");
    model.save(QStringLiteral("quick"), form);
    QVERIFY(saved.wait());
    QCOMPARE(model.rowCount(), 5);
    QCOMPARE(model.form(QStringLiteral("quick")).value(QStringLiteral("fallbacks")).toString(),
             QStringLiteral("local"));
    model.remove(QStringLiteral("quick"));
    QVERIFY(removed.wait());
    QCOMPARE(model.rowCount(), 4);
}

void TestModelsModel::whatCanBeAskedFor()
{
    PanelFixture panel;
    const QStringList askable = panel.app.models()->askable();
    QVERIFY(askable.contains(QStringLiteral("fast")));
    QVERIFY(askable.contains(QStringLiteral("default")));
    QVERIFY(askable.contains(QStringLiteral("o4-mini")));
    QVERIFY(!askable.contains(QStringLiteral("gpt-*")));
    QCOMPARE(askable.count(QStringLiteral("nomic-embed-text")), 1);
}

QTEST_MAIN(TestModelsModel)
#include "tst_modelsmodel.moc"
