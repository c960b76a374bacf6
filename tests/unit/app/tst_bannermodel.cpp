// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/bannermodel.h"

#include <QAbstractItemModelTester>
#include <QtTest>

using namespace tidegate;

class TestBannerModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theGravestComeFirst();
    void sameIdReplaces();
    void dismissedStaysAwayUntilItsCauseIsGone();
    void anActionMayWithdrawItsBanner();
    void someCannotBeDismissed();

private:
    static BannerModel::Banner banner(const char *id, BannerModel::Severity severity,
                                      const char *text = "text")
    {
        BannerModel::Banner result;
        result.id = QString::fromLatin1(id);
        result.severity = severity;
        result.text = QString::fromLatin1(text);
        return result;
    }
    static QStringList ids(const BannerModel &model)
    {
        QStringList list;
        for (int row = 0; row < model.rowCount(); ++row) {
            list << model.index(row).data(BannerModel::BannerIdRole).toString();
        }
        return list;
    }
};

void TestBannerModel::theGravestComeFirst()
{
    BannerModel model;
    QAbstractItemModelTester tester(&model);
    model.show(banner("info", BannerModel::Severity::Info));
    model.show(banner("error", BannerModel::Severity::Error));
    model.show(banner("warning", BannerModel::Severity::Warning));
    QCOMPARE(ids(model).join(u' '), QStringLiteral("error warning info"));
    model.show(banner("info", BannerModel::Severity::Error));
    QCOMPARE(ids(model).join(u' '), QStringLiteral("error info warning"));
}

void TestBannerModel::sameIdReplaces()
{
    BannerModel model;
    QAbstractItemModelTester tester(&model);
    model.show(banner("a", BannerModel::Severity::Info, "one"));
    model.show(banner("a", BannerModel::Severity::Info, "two"));
    QCOMPARE(model.rowCount(), 1);
    QCOMPARE(model.index(0).data(BannerModel::TextRole).toString(), QStringLiteral("two"));
}

void TestBannerModel::dismissedStaysAwayUntilItsCauseIsGone()
{
    BannerModel model;
    QAbstractItemModelTester tester(&model);
    model.show(banner("a", BannerModel::Severity::Info, "one"));
    model.dismiss(QStringLiteral("a"));
    model.show(banner("a", BannerModel::Severity::Info, "one"));
    QCOMPARE(model.rowCount(), 0);
    model.show(banner("a", BannerModel::Severity::Info, "two"));
    QCOMPARE(model.rowCount(), 1);
    model.dismiss(QStringLiteral("a"));
    model.withdraw(QStringLiteral("a"));
    model.show(banner("a", BannerModel::Severity::Info, "two"));
    QCOMPARE(model.rowCount(), 1);
}

void TestBannerModel::anActionMayWithdrawItsBanner()
{
    BannerModel model;
    BannerModel::Banner withAction = banner("a", BannerModel::Severity::Info);
    withAction.action = [&model] { model.withdraw(QStringLiteral("a")); };
    model.show(withAction);
    model.trigger(QStringLiteral("a"));
    QCOMPARE(model.rowCount(), 0);
    model.trigger(QStringLiteral("a"));
}

void TestBannerModel::someCannotBeDismissed()
{
    BannerModel model;
    BannerModel::Banner firm = banner("a", BannerModel::Severity::Error);
    firm.dismissible = false;
    model.show(firm);
    model.dismiss(QStringLiteral("a"));
    QCOMPARE(model.rowCount(), 1);
}

QTEST_GUILESS_MAIN(TestBannerModel)
#include "tst_bannermodel.moc"
