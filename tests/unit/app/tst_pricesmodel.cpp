// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestPricesModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void rows();
    void oneOfYourOwn();
};

void TestPricesModel::rows()
{
    PanelFixture panel;
    PricesModel &model = *panel.app.prices();
    QAbstractItemModelTester tester(&model);
    QVERIFY(model.count() > 5);
    QVERIFY(model.dateText().contains(QStringLiteral("2026")));
    const QModelIndex first = model.index(0);
    QCOMPARE(first.data(PricesModel::PatternRole).toString(), QStringLiteral("gpt-4o-mini"));
    QVERIFY(first.data(PricesModel::InputRole).toString().contains(QStringLiteral("0.15")));
    QVERIFY(!first.data(PricesModel::RemovableRole).toBool());
}

void TestPricesModel::oneOfYourOwn()
{
    PanelFixture panel;
    PricesModel &model = *panel.app.prices();
    QAbstractItemModelTester tester(&model);
    QSignalSpy saved(&model, &PricesModel::saved);
    const int before = model.count();
    QVariantMap form = model.form(QString());
    form[QStringLiteral("pattern")] = QStringLiteral("mistral-*");
    form[QStringLiteral("input")] = QStringLiteral("0.1");
    form[QStringLiteral("output")] = QStringLiteral("0.3");
    model.save(form);
    QVERIFY(saved.wait());
    QCOMPARE(model.count(), before + 1);
    QVERIFY(model.index(0).data(PricesModel::RemovableRole).toBool());
    QCOMPARE(model.form(QStringLiteral("mistral-*"))[QStringLiteral("output")].toString(),
             QStringLiteral("0.3"));
    model.remove(QStringLiteral("mistral-*"));
    QVERIFY(saved.wait());
    QCOMPARE(model.count(), before);
}

QTEST_MAIN(TestPricesModel)
#include "tst_pricesmodel.moc"
