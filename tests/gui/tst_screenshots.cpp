// SPDX-License-Identifier: GPL-3.0-or-later
#include <QImage>
#include <QProcess>
#include <QSet>
#include <QTemporaryDir>
#include <QtTest>

/// `tidegate --screenshot`: every page in both themes, twice, from a foreign working directory.
class TestScreenshots : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void pages_data();
    void pages();
    void otherLanguages();
    void largeLongAndFromRightToLeft_data();
    void largeLongAndFromRightToLeft();
    void wrongUsage_data();
    void wrongUsage();

private:
    struct Run
    {
        int exitCode = -1;
        QString messages;
    };
    static Run run(const QStringList &arguments)
    {
        QProcess process;
        process.setWorkingDirectory(QStringLiteral("/"));
        process.start(QStringLiteral(TIDEGATE_PROGRAM), arguments);
        Run result;
        if (process.waitForFinished(60'000)) {
            result.exitCode = process.exitCode();
        }
        result.messages = QString::fromUtf8(process.readAllStandardError());
        return result;
    }
    static QByteArray content(const QString &file)
    {
        QFile opened(file);
        return opened.open(QIODevice::ReadOnly) ? opened.readAll() : QByteArray();
    }
    QTemporaryDir m_dir;
};

void TestScreenshots::pages_data()
{
    QTest::addColumn<QString>("page");
    QTest::addColumn<QString>("theme");
    for (const char *page : {"live", "keys", "backends", "usage", "settings", "setup"}) {
        for (const char *theme : {"dark", "light"}) {
            QTest::addRow("%s %s", page, theme)
                << QString::fromLatin1(page) << QString::fromLatin1(theme);
        }
    }
}

void TestScreenshots::pages()
{
    QFETCH(QString, page);
    QFETCH(QString, theme);
    QString files[2];
    for (int i = 0; i < 2; ++i) {
        files[i] = m_dir.filePath(QStringLiteral("%1-%2-%3.png").arg(page, theme).arg(i));
        const Run result = run({QStringLiteral("--screenshot"), page, QStringLiteral("--theme"),
                                theme, QStringLiteral("--size"), QStringLiteral("1100x700"),
                                QStringLiteral("--out"), files[i]});
        QVERIFY2(result.exitCode == 0, qPrintable(result.messages));
        QVERIFY2(!result.messages.contains(QStringLiteral(".qml")), qPrintable(result.messages));
    }
    QCOMPARE(content(files[0]), content(files[1]));

    const QImage image(files[0]);
    QCOMPARE(image.size(), QSize(1'100, 700));
    const bool dark = image.pixelColor(1'090, 690).lightness() < 128;
    QCOMPARE(dark, theme == QStringLiteral("dark"));
    // The page has drawn something, right of the rail and below header and banner.
    QSet<QRgb> colours;
    for (int y = 160; y < 600; ++y) {
        for (int x = 300; x < 800; ++x) {
            colours.insert(image.pixel(x, y));
        }
    }
    QVERIFY2(colours.size() > 20, qPrintable(QString::number(colours.size())));
}

void TestScreenshots::otherLanguages()
{
    const QString file = m_dir.filePath(QStringLiteral("de.png"));
    const Run result =
        run({QStringLiteral("--screenshot"), QStringLiteral("keys"), QStringLiteral("--locale"),
             QStringLiteral("de_DE"), QStringLiteral("--out"), file});
    QVERIFY2(result.exitCode == 0, qPrintable(result.messages));
    QCOMPARE(QImage(file).size(), QSize(1'280, 800));
}

void TestScreenshots::largeLongAndFromRightToLeft_data()
{
    QTest::addColumn<QString>("page");
    for (const char *page : {"live", "keys", "backends", "models", "usage", "settings", "setup"}) {
        QTest::newRow(page) << QString::fromLatin1(page);
    }
}

/// The smallest window: what is broken is seen in the pictures, what fails is said.
void TestScreenshots::largeLongAndFromRightToLeft()
{
    QFETCH(QString, page);
    const QString dir = qEnvironmentVariable("TIDEGATE_PICTURES", m_dir.path());
    for (const QStringList &way :
         {QStringList{QStringLiteral("--scale"), QStringLiteral("2")},
          QStringList{QStringLiteral("--locale"), QStringLiteral("xx")},
          QStringList{QStringLiteral("--locale"), QStringLiteral("ar_EG")}}) {
        const QString file =
            dir + u'/' + page + way.join(QString()).remove(u'-') + QStringLiteral(".png");
        const Run result =
            run(QStringList{QStringLiteral("--screenshot"), page, QStringLiteral("--size"),
                            QStringLiteral("960x600"), QStringLiteral("--theme"),
                            QStringLiteral("dark"), QStringLiteral("--out"), file} +
                way);
        QVERIFY2(result.exitCode == 0, qPrintable(result.messages));
        QVERIFY2(!result.messages.contains(QStringLiteral(".qml")), qPrintable(result.messages));
        const int scale = way[0] == QStringLiteral("--scale") ? 2 : 1;
        QCOMPARE(QImage(file).size(), QSize(960, 600) * scale);
    }
}

void TestScreenshots::wrongUsage_data()
{
    QTest::addColumn<QString>("line");
    QTest::addColumn<QString>("says");
    const auto row = [](const char *line, const char *says) {
        QTest::newRow(line) << QString::fromLatin1(line) << QString::fromLatin1(says);
    };
    row("--screenshot nowhere --out /tmp/x.png", "knows the pages");
    row("--screenshot live", "needs --out");
    row("--screenshot live --out /tmp/x.png --theme pink", "dark or light");
    row("--screenshot live --out /tmp/x.png --size big", "two numbers");
    row("--no-such-option", "no-such-option");
}

void TestScreenshots::wrongUsage()
{
    QFETCH(QString, line);
    QFETCH(QString, says);
    const Run result = run(line.split(u' '));
    QCOMPARE(result.exitCode, 2);
    QVERIFY2(result.messages.contains(says), qPrintable(result.messages));
}

QTEST_GUILESS_MAIN(TestScreenshots)
#include "tst_screenshots.moc"
