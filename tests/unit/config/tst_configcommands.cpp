// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configcommands.h"

#include "gateway/config/configloader.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

class TestConfigCommands : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void writesAStarterThatIsValid()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath(u"new/tidegate.yaml"_s);
        QCOMPARE(runInit(path), 0);
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), starterConfig());
        QVERIFY(starterConfig().size() > 500);
        QCOMPARE(file.permissions() & (QFile::ReadGroup | QFile::ReadOther), QFile::Permissions());

        ConfigInput input;
        input.file = path;
        input.environment = {};
        const ConfigOutcome outcome = loadConfig(input);
        QVERIFY(outcome.snapshot);
        QVERIFY(outcome.problems.empty());
        QCOMPARE(outcome.snapshot->defaultBackend, "echo");
        QCOMPARE(runCheckConfig(path), 0);
    }

    void everyCommentedExampleIsValid()
    {
        // Taking away the "# " of the examples must give a file that is accepted too.
        QByteArray text;
        for (QByteArray line : starterConfig().split('\n')) {
            if (line.startsWith("  # ") && line.contains("{ type")) {
                line = "  " + line.mid(4);
            } else if (line.startsWith("# models:") || line.startsWith("#   ") ||
                       line.startsWith("# keys:") || line.startsWith("# teams:") ||
                       line.startsWith("# rate_limits:") || line.startsWith("# prices:")) {
                line = line.mid(2);
            }
            text += line + '\n';
        }
        const QTemporaryDir folder;
        const QString path = folder.filePath(u"all.yaml"_s);
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(text);
        file.close();
        QFile prices(folder.filePath(u"prices.yaml"_s));
        QVERIFY(prices.open(QIODevice::WriteOnly));
        prices.write("models: { in-house: { input: 0, output: 0, per_request: 0.10 } }\n");
        prices.close();
        ConfigInput input;
        input.file = path;
        input.environment = {};
        input.environment.insert(u"OPENAI_API_KEY"_s, u"sk-1"_s);
        input.environment.insert(u"TIDEGATE_CI_KEY"_s, u"tg-0123456789abcdef"_s);
        const ConfigOutcome outcome = loadConfig(input);
        for (const ConfigProblem &problem : outcome.problems) {
            QVERIFY2(problem.severity != ConfigProblem::Severity::Error,
                     qPrintable(problem.toString()));
        }
        QVERIFY(outcome.snapshot);
        QCOMPARE(outcome.snapshot->backends.size(), size_t(7));
        QCOMPARE(outcome.snapshot->keys.all().size(), size_t(1));
    }

    void neverOverwrites()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath(u"tidegate.yaml"_s);
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("server: {}\n");
        file.close();
        QCOMPARE(runInit(path), 1);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), "server: {}\n");
    }

    void refusesBadFiles()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath(u"bad.yaml"_s);
        QCOMPARE(runCheckConfig(path), 1);
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("server: { prot: 1 }\n");
        file.close();
        QCOMPARE(runCheckConfig(path), 1);
    }
};

QTEST_GUILESS_MAIN(TestConfigCommands)
#include "tst_configcommands.moc"
