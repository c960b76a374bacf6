// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/autostart.h"

#include <QFile>
#include <QFileInfo>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QtTest>

using namespace tidegate;

class TestAutostart : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void onAndOff();
    void entryIsValid();
    void pathsAreQuoted();
    void switchedOffByTheDesktop();
    void anUnwritableFolderIsExplained();

private:
    static QByteArray content(const Autostart &autostart)
    {
        QFile file(autostart.filePath());
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
};

void TestAutostart::onAndOff()
{
    const QTemporaryDir dir;
    const Autostart autostart(dir.filePath(QStringLiteral("new/autostart")),
                              QStringLiteral("/usr/bin/tidegate"));
    QVERIFY(!autostart.isEnabled());
    QVERIFY(bool(autostart.setEnabled(true)));
    QVERIFY(autostart.isEnabled());
    QVERIFY(content(autostart).contains("\nExec=\"/usr/bin/tidegate\" --tray\n"));
    QVERIFY(bool(autostart.setEnabled(false)));
    QVERIFY(!autostart.isEnabled());
    QVERIFY(!QFile::exists(autostart.filePath()));
    QVERIFY(bool(autostart.setEnabled(false)));
}

void TestAutostart::entryIsValid()
{
    const QString validator =
        QStandardPaths::findExecutable(QStringLiteral("desktop-file-validate"));
    if (validator.isEmpty()) {
        QSKIP("desktop-file-validate is not installed");
    }
    const QTemporaryDir dir;
    const Autostart autostart(dir.path(), QStringLiteral("/opt/50% off/$HOME/\"tide\\gate\""));
    QVERIFY(bool(autostart.setEnabled(true)));
    QProcess process;
    process.start(validator, {autostart.filePath()});
    QVERIFY(process.waitForFinished(10'000));
    QVERIFY2(process.exitCode() == 0, process.readAllStandardOutput().constData());
}

void TestAutostart::pathsAreQuoted()
{
    const QTemporaryDir dir;
    const Autostart autostart(dir.path(), QStringLiteral("/opt/50% $x/a\"b\\c"));
    QVERIFY(bool(autostart.setEnabled(true)));
    QVERIFY2(content(autostart).contains("\nExec=\"/opt/50%% \\\\$x/a\\\\\"b\\\\\\\\c\" --tray\n"),
             content(autostart).constData());
}

void TestAutostart::switchedOffByTheDesktop()
{
    const QTemporaryDir dir;
    const Autostart autostart(dir.path(), QStringLiteral("/usr/bin/tidegate"));
    QVERIFY(bool(autostart.setEnabled(true)));
    for (const char *line : {"Hidden=true\n", "X-GNOME-Autostart-enabled = false\n"}) {
        QFile file(autostart.filePath());
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray("[Desktop Entry]\nExec=tidegate\n") + line);
        file.close();
        QVERIFY(!autostart.isEnabled());
    }
    QVERIFY(bool(autostart.setEnabled(true)));
    QVERIFY(autostart.isEnabled());
}

void TestAutostart::anUnwritableFolderIsExplained()
{
    const QTemporaryDir dir;
    QFile file(dir.filePath(QStringLiteral("file")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    const Autostart autostart(file.fileName(), QStringLiteral("/usr/bin/tidegate"));
    const Result<Done> result = autostart.setEnabled(true);
    QVERIFY(!result);
    QVERIFY2(result.error().contains(autostart.filePath()), qPrintable(result.error()));
}

QTEST_GUILESS_MAIN(TestAutostart)
#include "tst_autostart.moc"
