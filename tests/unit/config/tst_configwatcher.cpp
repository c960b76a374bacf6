// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configwatcher.h"

#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

class TestConfigWatcher : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_file = m_folder->filePath(u"tidegate.yaml"_s);
    }

    void seesWrites()
    {
        write(m_file, "a: 1\n");
        ConfigWatcher watcher(m_file);
        QSignalSpy changes(&watcher, &ConfigWatcher::changed);
        write(m_file, "a: 2\n");
        QVERIFY(changes.wait());
        write(m_file, "a: 3\n");
        QVERIFY(changes.wait());
        QCOMPARE(changes.count(), 2);
    }

    void seesReplacementAgainAndAgain()
    {
        write(m_file, "a: 0\n");
        ConfigWatcher watcher(m_file);
        QSignalSpy changes(&watcher, &ConfigWatcher::changed);
        for (int i = 1; i <= 3; ++i) {
            const QString fresh = m_folder->filePath(u"fresh"_s);
            write(fresh, "a: " + QByteArray::number(i) + "\n");
            QVERIFY(std::rename(QFile::encodeName(fresh).constData(),
                                QFile::encodeName(m_file).constData()) == 0);
            QVERIFY(changes.wait());
            QCOMPARE(changes.count(), i);
        }
    }

    void waitsForAFileThatIsGone()
    {
        write(m_file, "a: 1\n");
        ConfigWatcher watcher(m_file);
        QSignalSpy changes(&watcher, &ConfigWatcher::changed);
        QVERIFY(QFile::remove(m_file));
        QVERIFY(!changes.wait(4 * ConfigWatcher::kDebounceMs));
        write(m_file, "a: 1\n"); // the same text again is no change
        QVERIFY(!changes.wait(4 * ConfigWatcher::kDebounceMs));
        write(m_file, "a: 2\n");
        QVERIFY(changes.wait());
    }

    void seesAFileThatIsNew()
    {
        ConfigWatcher watcher(m_file);
        QSignalSpy changes(&watcher, &ConfigWatcher::changed);
        write(m_file, "a: 1\n");
        QVERIFY(changes.wait());
    }

    void ignoresNeighbours()
    {
        write(m_file, "a: 1\n");
        ConfigWatcher watcher(m_file);
        QSignalSpy changes(&watcher, &ConfigWatcher::changed);
        write(m_folder->filePath(u"other"_s), "x");
        QVERIFY(!changes.wait(4 * ConfigWatcher::kDebounceMs));
    }

    void followsALinkThatIsMoved()
    {
        write(m_folder->filePath(u"one"_s), "a: 1\n");
        write(m_folder->filePath(u"two"_s), "a: 2\n");
        QVERIFY(QFile::link(m_folder->filePath(u"one"_s), m_file));
        ConfigWatcher watcher(m_file);
        QSignalSpy changes(&watcher, &ConfigWatcher::changed);
        const QString link = m_folder->filePath(u"link"_s);
        QVERIFY(QFile::link(m_folder->filePath(u"two"_s), link));
        QVERIFY(std::rename(QFile::encodeName(link).constData(),
                            QFile::encodeName(m_file).constData()) == 0);
        QVERIFY(changes.wait());
    }

private:
    static void write(const QString &name, const QByteArray &text)
    {
        QFile file(name);
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
        QCOMPARE(file.write(text), text.size());
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_file;
};

QTEST_GUILESS_MAIN(TestConfigWatcher)
#include "tst_configwatcher.moc"
