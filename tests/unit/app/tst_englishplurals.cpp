// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/englishplurals.h"

#include <QtTest>

using namespace tidegate;

class TestEnglishPlurals : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void counts()
    {
        EnglishPlurals english;
        QCoreApplication::installTranslator(&english);
        const auto text = [](const char *source, int n) {
            return QCoreApplication::translate("Test", source, nullptr, n);
        };
        QCOMPARE(text("%n request(s)", 0), QStringLiteral("0 requests"));
        QCOMPARE(text("%n request(s)", 1), QStringLiteral("1 request"));
        QCOMPARE(text("%n request(s) of %n day(s)", 2), QStringLiteral("2 requests of 2 days"));
        QCOMPARE(text("%n active", 3), QStringLiteral("3 active"));
        QCOMPARE(text("option(s)", -1), QStringLiteral("option(s)"));
    }
};

QTEST_GUILESS_MAIN(TestEnglishPlurals)
#include "tst_englishplurals.moc"
