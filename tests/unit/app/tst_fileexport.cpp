// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/fileexport.h"

#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QtTest>

using namespace tidegate;

class TestFileExport : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void csvIsRfc4180();
    void formulasAreDefused();
    void nothingIsOverwritten();
    void secretsAreForTheUserAlone();
    void failureNamesTheFile();
};

void TestFileExport::csvIsRfc4180()
{
    const QByteArray text = fileexport::csv({QStringLiteral("name"), QStringLiteral("cost")},
                                            {{QStringLiteral("plain"), QStringLiteral("-1.5")},
                                             {QStringLiteral("a, \"b\"\nc"), QStringLiteral("3")},
                                             {QString::fromUtf8("Grüße"), QString()}});
    QCOMPARE(text, QByteArray("name,cost\r\nplain,-1.5\r\n\"a, \"\"b\"\"\nc\",3\r\nGrüße,\r\n"));
}

void TestFileExport::formulasAreDefused()
{
    const QByteArray text =
        fileexport::csv({QStringLiteral("model")},
                        {{QStringLiteral("=cmd|' /C calc'!A0")}, {QStringLiteral("@sum(1)")}});
    QVERIFY(text.contains("\r\n'=cmd"));
    QVERIFY(text.contains("\r\n'@sum"));
}

void TestFileExport::nothingIsOverwritten()
{
    const QTemporaryDir dir;
    const Result<QString> first = fileexport::save(dir.path(), QStringLiteral("a.csv"), "1");
    const Result<QString> second = fileexport::save(dir.path(), QStringLiteral("a.csv"), "2");
    QVERIFY(first && second);
    QCOMPARE(QFileInfo(*second).fileName(), QStringLiteral("a (2).csv"));
    QFile file(*first);
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(file.readAll(), QByteArray("1"));
}

void TestFileExport::secretsAreForTheUserAlone()
{
    const QTemporaryDir dir;
    const Result<QString> path = fileexport::save(dir.filePath(QStringLiteral("new/folder")),
                                                  QStringLiteral("k.env"), "KEY", true);
    QVERIFY(path);
    const QFile::Permissions others =
        QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther;
    QVERIFY((QFileInfo(*path).permissions() & others) == 0);
}

void TestFileExport::failureNamesTheFile()
{
    const Result<QString> path =
        fileexport::save(QStringLiteral("/proc/nowhere"), QStringLiteral("k.env"), "KEY");
    QVERIFY(!path);
    QVERIFY(path.error().contains(QStringLiteral("/proc/nowhere/k.env")));
}

QTEST_GUILESS_MAIN(TestFileExport)
#include "tst_fileexport.moc"
