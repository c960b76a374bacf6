// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/closestmatch.h"
#include "gateway/config/variables.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

class TestVariables : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void expands_data()
    {
        QTest::addColumn<QString>("raw");
        QTest::addColumn<QString>("text");
        const auto row = [](const char *raw, const char *text) {
            QTest::newRow(raw) << QString::fromUtf8(raw) << QString::fromUtf8(text);
        };
        row("plain", "plain");
        row("", "");
        row("${A}", "alpha");
        row("x${A}y${B}z", "xalphaybetaz");
        row("${EMPTY}", "");
        row("${EMPTY:-d}", "d");
        row("${NONE:-d}", "d");
        row("${NONE:-}", "");
        row("${NONE:-http://h:1/a-b}", "http://h:1/a-b");
        row("${A:-d}", "alpha");
        row("$$", "$");
        row("$${A}", "${A}");
        row("$$$${A}", "$${A}");
        row("cost $5 $", "cost $5 $");
        row("${NESTED}", "${A}");
    }
    void expands()
    {
        QFETCH(QString, raw);
        const ExpandedText result = expandVariables(raw, environment());
        QTEST(result.text, "text");
        QVERIFY(result.missing.isEmpty());
        QVERIFY(result.syntaxError.isEmpty());
    }

    void namesWhatIsMissing()
    {
        const ExpandedText result = expandVariables(u"${NONE}-${A}-${ALSO_NONE}"_s, environment());
        QCOMPARE(result.missing, QStringList({u"NONE"_s, u"ALSO_NONE"_s}));
    }

    void refusesBadForms_data()
    {
        QTest::addColumn<QString>("raw");
        for (const char *raw : {"${", "${A", "${}", "${A B}", "${1A}", "${A-x}", "${A:=x}"}) {
            QTest::newRow(raw) << QString::fromLatin1(raw);
        }
    }
    void refusesBadForms()
    {
        QFETCH(QString, raw);
        QVERIFY(!expandVariables(raw, environment()).syntaxError.isEmpty());
    }

    void knowsReferences()
    {
        QVERIFY(isVariableReference(u"${OPENAI_API_KEY}"_s));
        QVERIFY(!isVariableReference(u"${A:-sk-secret}"_s));
        QVERIFY(!isVariableReference(u"sk-${A}"_s));
        QVERIFY(!isVariableReference(u"${A}${B}"_s));
        QVERIFY(!isVariableReference(u"${}"_s));
        QVERIFY(!isVariableReference(u"$"_s));
    }

    void guesses()
    {
        const QStringList keys{u"host"_s, u"port"_s, u"max_connections"_s, u"auth"_s};
        QCOMPARE(closestMatch(u"prot"_s, keys), u"port"_s);
        QCOMPARE(closestMatch(u"Host"_s, keys), u"host"_s);
        QCOMPARE(closestMatch(u"max-connections"_s, keys), u"max_connections"_s);
        QCOMPARE(closestMatch(u"max_conections"_s, keys), u"max_connections"_s);
        QCOMPARE(closestMatch(u"budget"_s, keys), QString());
        QCOMPARE(closestMatch(QString(), keys), QString());
        QCOMPARE(editDistance(u"ab", u"ba"), 1);
        QCOMPARE(editDistance(u"kitten", u"sitting"), 3);
        QCOMPARE(editDistance(u"", u"abc"), 3);
    }

private:
    static QProcessEnvironment environment()
    {
        QProcessEnvironment result;
        result.insert(u"A"_s, u"alpha"_s);
        result.insert(u"B"_s, u"beta"_s);
        result.insert(u"EMPTY"_s, QString());
        result.insert(u"NESTED"_s, u"${A}"_s);
        return result;
    }
};

QTEST_GUILESS_MAIN(TestVariables)
#include "tst_variables.moc"
