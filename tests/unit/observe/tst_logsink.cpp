// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/logsink.h"

#include <QDateTime>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLoggingCategory>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <semaphore>
#include <thread>

using namespace Qt::StringLiterals;
using namespace tidegate;

Q_LOGGING_CATEGORY(lcTest, "tidegate.test")

class TestLogSink : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_options.directory = m_folder->filePath(u"logs"_s);
        m_options.standardError = false;
        m_options.format = "json";
        m_options.level = "info";
    }

    void writesJson()
    {
        {
            const LogSink sink(m_options);
            qInfo(lcTest, "hello \"world\"\nsecond line");
            qDebug(lcTest, "not shown");
            qWarning("plain");
        }
        const QByteArrayList lines = readLines();
        QCOMPARE(lines.size(), 2);
        const QJsonObject first = QJsonDocument::fromJson(lines.at(0)).object();
        QCOMPARE(first.value(u"level"_s).toString(), u"info"_s);
        QCOMPARE(first.value(u"category"_s).toString(), u"tidegate.test"_s);
        QCOMPARE(first.value(u"msg"_s).toString(), u"hello \"world\"\nsecond line"_s);
        const auto time =
            QDateTime::fromString(first.value(u"time"_s).toString(), Qt::ISODateWithMs);
        QVERIFY(qAbs(time.secsTo(QDateTime::currentDateTimeUtc())) < 60);
        const QJsonObject second = QJsonDocument::fromJson(lines.at(1)).object();
        QCOMPARE(second.value(u"level"_s).toString(), u"warning"_s);
        QVERIFY(!second.contains(u"category"_s));
    }

    void writesTextOnOneLineEach()
    {
        m_options.format = "text";
        {
            const LogSink sink(m_options);
            qWarning(lcTest, "one\ntwo\r\x1b[31m");
        }
        const QByteArrayList lines = readLines();
        QCOMPARE(lines.size(), 1);
        QVERIFY(lines.front().contains("Z warning tidegate.test: one\\ntwo\\r\\e[31m"));
    }

    void changesTheLevelWhileRunning()
    {
        LogSink sink(m_options);
        qDebug("hidden");
        sink.setLevel("debug");
        qDebug("shown");
        sink.setLevel("nonsense");
        qDebug("still shown");
        sink.setLevel("error");
        qWarning("hidden");
        qCritical("shown too");
        sink.flush();
        QCOMPARE(readLines().size(), 3);
    }

    void hidesSecrets()
    {
        {
            const LogSink sink(m_options);
            qInfo("Authorization: Bearer canary-1");
            qInfo("GET /x?key=canary-2");
            qInfo("sk-canary-3-and-more");
        }
        const QByteArrayList lines = readLines();
        QCOMPARE(lines.size(), 3);
        QVERIFY(!lines.join().contains("canary"));
    }

    void neverBlocksTheCaller()
    {
        std::binary_semaphore gate(0);
        std::atomic_bool open = false;
        LogSink sink(m_options);
        sink.setWriteHook([&gate, &open] {
            if (!open.load()) {
                gate.acquire();
                open.store(true);
            }
        });
        QElapsedTimer clock;
        clock.start();
        const int count = 3 * LogSink::kQueueLimit;
        for (int i = 0; i < count; ++i) {
            qInfo("line %d", i);
        }
        QVERIFY2(clock.elapsed() < 10'000, "logging waited for the writer");
        const qint64 dropped = sink.dropped();
        QVERIFY(dropped >= LogSink::kQueueLimit);
        gate.release();
        sink.flush();
        qInfo("after");
        sink.flush();
        const QByteArrayList lines = readLines();
        // What was kept, "after", and the sentences about what was lost.
        const auto said = std::count_if(lines.cbegin(), lines.cend(), [](const QByteArray &line) {
            return line.contains("were dropped");
        });
        QVERIFY(said >= 1);
        QCOMPARE(lines.size() - said, count - dropped + 1);
        const QByteArray sentence = QByteArray::number(dropped) + " log lines were dropped";
        QVERIFY(lines.join().contains(sentence));
    }

    void takesLinesFromManyThreads()
    {
        {
            const LogSink sink(m_options);
            std::vector<std::thread> threads;
            for (int t = 0; t < 4; ++t) {
                threads.emplace_back([t] {
                    for (int i = 0; i < 500; ++i) {
                        qInfo("thread %d line %d", t, i);
                    }
                });
            }
            for (std::thread &thread : threads) {
                thread.join();
            }
        }
        const QByteArrayList lines = readLines();
        QCOMPARE(lines.size(), 2000);
        for (const QByteArray &line : lines) {
            QVERIFY(QJsonDocument::fromJson(line).isObject());
        }
    }

    void turnsTheFileOver()
    {
        const QString path = m_options.directory + u"/tidegate.log"_s;
        {
            const LogSink sink(m_options);
            const QByteArray filler(1'000'000, '.');
            for (int i = 0; i < 45; ++i) {
                qInfo("%s", filler.constData());
            }
        }
        QVERIFY(QFile::exists(path + u".1"_s));
        QVERIFY(QFile::exists(path + u".2"_s));
        QVERIFY(!QFile::exists(path + u".3"_s));
        for (const QString &name : QStringList{path, path + u".1"_s, path + u".2"_s}) {
            QVERIFY(QFile(name).size() <= LogSink::kFileBytes);
            QVERIFY(QFile(name).size() > 0);
            QCOMPARE(QFile::permissions(name) & (QFile::ReadGroup | QFile::ReadOther),
                     QFile::Permissions());
        }
    }

    void goesOnWhereItStopped()
    {
        for (int i = 0; i < 2; ++i) {
            const LogSink sink(m_options);
            qInfo("start %d", i);
        }
        QCOMPARE(readLines().size(), 2);
    }

    void worksWithoutAFile()
    {
        QFile blocker(m_folder->filePath(u"file"_s));
        QVERIFY(blocker.open(QIODevice::WriteOnly));
        m_options.directory = blocker.fileName() + u"/logs"_s;
        const LogSink sink(m_options);
        qInfo("nowhere");
    }

    void writesBeforeAFatalEnd()
    {
        QProcess process;
        process.setProgram(QCoreApplication::applicationFilePath());
        process.setArguments({u"--die"_s, m_options.directory});
        process.start();
        QVERIFY(process.waitForFinished(30'000));
        QCOMPARE(process.exitStatus(), QProcess::CrashExit);
        const QByteArrayList lines = readLines();
        QCOMPARE(lines.size(), 2);
        QVERIFY(lines.at(0).contains("before the end"));
        QVERIFY(lines.at(1).contains("the end"));
        QVERIFY(process.readAllStandardError().contains("the end"));
    }

private:
    [[nodiscard]] QByteArrayList readLines() const
    {
        QFile file(m_options.directory + u"/tidegate.log"_s);
        if (!file.open(QIODevice::ReadOnly)) {
            return {};
        }
        QByteArrayList lines = file.readAll().split('\n');
        lines.removeLast();
        return lines;
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    LogOptions m_options;
};

int main(int argc, char *argv[])
{
    QCoreApplication application(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() == 3 && arguments.at(1) == u"--die"_s) {
        LogOptions options;
        options.directory = arguments.at(2);
        options.format = "json";
        const LogSink sink(options);
        qInfo("before the end");
        qFatal("the end");
    }
    TestLogSink test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_logsink.moc"
