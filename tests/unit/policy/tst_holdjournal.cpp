// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/clock.h"
#include "gateway/policy/holdjournal.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <thread>

#ifdef Q_OS_UNIX
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace tidegate;

namespace {

Money nano(qint64 amount)
{
    return Money::fromNano(amount);
}

HoldJournal::Opened opened(const QString &path, int slots = 64)
{
    auto result = HoldJournal::open(path, slots);
    if (!result) {
        qWarning("%s", qPrintable(result.error()));
        return {};
    }
    return std::move(result).value();
}

// A hold whose numbers follow from its id, so that a reader can check them.
quint64 writeOne(HoldJournal &journal)
{
    const quint64 id = journal.reserve();
    if (id != 0) {
        journal.write(id, qint64(id % 1000), qint64(id % 77), qint64(id),
                      nano(qint64(id % 100'003)), "request-" + std::to_string(id), "gpt-4o-mini",
                      "openai");
    }
    return id;
}

bool isSound(const JournaledHold &hold)
{
    return hold.keyId == qint64(hold.id % 1000) && hold.teamId == qint64(hold.id % 77) &&
           hold.startedUs == qint64(hold.id) && hold.amount == nano(qint64(hold.id % 100'003)) &&
           hold.requestId == "request-" + QByteArray::number(hold.id) &&
           hold.model == "gpt-4o-mini" && hold.backend == "openai";
}

std::map<quint64, JournaledHold> byId(const std::vector<JournaledHold> &holds)
{
    std::map<quint64, JournaledHold> map;
    for (const JournaledHold &hold : holds) {
        map[hold.id] = hold;
    }
    return map;
}

QByteArray contentOf(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void replaceContent(const QString &path, const QByteArray &content)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
    QCOMPARE(file.write(content), content.size());
}

} // namespace

/// HoldJournal: what is written survives a kill, and no file can crash it.
class TestHoldJournal : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init() { m_dir.emplace(); }

    void survivesItsProcess();
    void canBeRewritten();
    void isPrivate();
    void slotsAreLimitedAndReused();
    void idsAreNeverRepeated();
    void longTextsAreCut();
    void unknownIdsAreIgnored();
    void sizeFollowsWhenItIsEmpty();
    void damagedFilesAreSetAside_data();
    void damagedFilesAreSetAside();
    void notAFile();
    void soundRecordsOfADamagedFileAreKept();
    void fuzz();
    void threads();
    void killed_data();
    void killed();
    void writeAndFree();

private:
    [[nodiscard]] QString path() const { return m_dir->filePath(QStringLiteral("holds")); }

    std::optional<QTemporaryDir> m_dir;
};

void TestHoldJournal::survivesItsProcess()
{
    quint64 running = 0;
    quint64 settled = 0;
    {
        const auto first = opened(path());
        QVERIFY(first.journal);
        QVERIFY(first.orphans.empty());
        QVERIFY(first.warning.isEmpty());
        running = writeOne(*first.journal);
        settled = writeOne(*first.journal);
        first.journal->settle(settled, nano(123'456'789));
        first.journal->free(writeOne(*first.journal));
        (void)first.journal->reserve(); // never written: the request never left
        QCOMPARE(first.journal->usedSlots(), 3);
    }
    // Twice: orphans stay until their rows are written.
    for (int i = 0; i < 2; ++i) {
        const auto again = opened(path());
        QVERIFY(again.journal);
        QVERIFY(again.warning.isEmpty());
        auto orphans = byId(again.orphans);
        QCOMPARE(orphans.size(), size_t(2));
        QVERIFY(isSound(orphans[running]));
        QVERIFY(isSound(orphans[settled]));
        QVERIFY(!orphans[running].settled);
        QCOMPARE(*orphans[settled].settled, nano(123'456'789));
        QCOMPARE(again.journal->usedSlots(), 2);
    }
    {
        const auto last = opened(path());
        last.journal->free(running);
        last.journal->free(settled);
        QCOMPARE(last.journal->usedSlots(), 0);
    }
    QVERIFY(opened(path()).orphans.empty());
}

void TestHoldJournal::canBeRewritten()
{
    quint64 id = 0;
    {
        const auto journal = opened(path(), 2).journal;
        const quint64 first = writeOne(*journal);
        id = journal->rewrite(first, nano(77));
        QVERIFY(id != 0 && id != first);
        QCOMPARE(journal->usedSlots(), 1);
        QVERIFY(writeOne(*journal) != 0);
        QCOMPARE(journal->rewrite(id, nano(78)), quint64(0)); // no slot is free
        QCOMPARE(journal->usedSlots(), 2);
    }
    const auto left = byId(opened(path(), 2).orphans);
    QCOMPARE(left.size(), size_t(2));
    QVERIFY(left.contains(id));
    QCOMPARE(left.at(id).amount, nano(77));
    QCOMPARE(left.at(id).model, "gpt-4o-mini");
    QVERIFY(!left.at(id).settled);
}

void TestHoldJournal::isPrivate()
{
    const auto expected = QFileDevice::ReadOwner | QFileDevice::WriteOwner | QFileDevice::ReadUser |
                          QFileDevice::WriteUser;
    (void)opened(path());
    QCOMPARE(QFileInfo(path()).permissions(), expected);
    QFile::setPermissions(path(), expected | QFileDevice::ReadOther);
    (void)opened(path());
    QCOMPARE(QFileInfo(path()).permissions(), expected);
    QCOMPARE(QFileInfo(path()).size(), 65 * 256);
}

void TestHoldJournal::slotsAreLimitedAndReused()
{
    const auto file = opened(path(), 4);
    HoldJournal &journal = *file.journal;
    QCOMPARE(journal.slotCount(), 4);
    std::vector<quint64> ids;
    for (int i = 0; i < 4; ++i) {
        ids.push_back(writeOne(journal));
        QVERIFY(ids.back() > 0);
    }
    QCOMPARE(journal.reserve(), 0U);
    journal.free(ids[2]);
    journal.free(ids[2]);
    QCOMPARE(journal.usedSlots(), 3);
    const quint64 id = writeOne(journal);
    QVERIFY(id > 0);
    QVERIFY(id != ids[2]);
    QCOMPARE(journal.reserve(), 0U);
    // The row of the hold before it is reported late: the new one is not touched.
    journal.free(ids[2]);
    journal.settle(ids[2], nano(5));
    QCOMPARE(journal.usedSlots(), 4);
}

void TestHoldJournal::idsAreNeverRepeated()
{
    std::set<quint64> seen;
    for (int start = 0; start < 20; ++start) {
        const auto file = opened(path(), 8);
        const qint64 openedUs = wallClockUs();
        for (int i = 0; i < 200; ++i) {
            const quint64 id = file.journal->reserve();
            QVERIFY(id > 0);
            QVERIFY(qint64(id) > 0);
            QVERIFY(seen.insert(id).second);
            file.journal->free(id);
        }
        if (start % 5 == 4) {
            // The file is lost, at a rate of holds that time keeps up with.
            QVERIFY(QFile::remove(path()));
            while (wallClockUs() < openedUs + 10 * 5 * 200) {
                QThread::yieldCurrentThread();
            }
        }
    }
}

void TestHoldJournal::longTextsAreCut()
{
    const std::string text(300, 'x');
    quint64 ids[2];
    {
        const auto file = opened(path());
        ids[0] = file.journal->reserve();
        file.journal->write(ids[0], 1, 2, 3, nano(4), text, "model", "backend");
        ids[1] = file.journal->reserve();
        file.journal->write(ids[1], 1, 2, 3, nano(4), "", "", text);
    }
    auto orphans = byId(opened(path()).orphans);
    QCOMPARE(orphans[ids[0]].requestId.size(), HoldJournal::kTextBytes);
    QVERIFY(orphans[ids[0]].model.isEmpty());
    QVERIFY(orphans[ids[1]].requestId.isEmpty());
    QCOMPARE(orphans[ids[1]].backend.size(), HoldJournal::kTextBytes);
}

void TestHoldJournal::unknownIdsAreIgnored()
{
    const auto file = opened(path(), 4);
    for (const quint64 id : {quint64(0), quint64(1), ~quint64(0), quint64(1) << 62}) {
        file.journal->free(id);
        file.journal->settle(id, nano(1));
    }
    QCOMPARE(file.journal->usedSlots(), 0);
}

void TestHoldJournal::sizeFollowsWhenItIsEmpty()
{
    quint64 id = 0;
    {
        const auto file = opened(path(), 16);
        id = writeOne(*file.journal);
    }
    {
        const auto file = opened(path(), 4);
        QCOMPARE(file.journal->slotCount(), 16);
        QCOMPARE(file.orphans.size(), size_t(1));
        file.journal->free(id);
    }
    const auto file = opened(path(), 4);
    QVERIFY(file.warning.isEmpty());
    QCOMPARE(file.journal->slotCount(), 4);
}

void TestHoldJournal::damagedFilesAreSetAside_data()
{
    QTest::addColumn<QByteArray>("content");
    QTest::newRow("empty") << QByteArray();
    QTest::newRow("text") << QByteArray("these are not the holds you are looking for");
    QTest::newRow("zeroes") << QByteArray(65 * 256, '\0');
    QTest::newRow("SQLite") << QByteArray("SQLite format 3") + QByteArray(100'000, 'x');
    QByteArray huge("TGHOLDS1");
    huge.append(QByteArray(8, '\xff')).append(QByteArray(500, '\xff'));
    QTest::newRow("claims to be huge") << huge;
}

void TestHoldJournal::damagedFilesAreSetAside()
{
    QFETCH(QByteArray, content);
    for (int i = 1; i <= 2; ++i) {
        replaceContent(path(), content);
        const auto file = opened(path());
        QVERIFY(file.journal);
        QVERIFY(file.orphans.empty());
        const QString aside = path() + QStringLiteral(".damaged-%1").arg(i);
        QVERIFY2(file.warning.contains(aside), qPrintable(file.warning));
        QCOMPARE(contentOf(aside), content);
        QVERIFY(writeOne(*file.journal) > 0);
    }
}

void TestHoldJournal::notAFile()
{
    const QString elsewhere = m_dir->filePath(QStringLiteral("elsewhere"));
    replaceContent(elsewhere, "precious");
    QVERIFY(QFile::link(elsewhere, path()));
    auto file = opened(path());
    QVERIFY(file.journal);
    QVERIFY(!file.warning.isEmpty());
    QCOMPARE(contentOf(elsewhere), "precious");

    const QString directory = m_dir->filePath(QStringLiteral("directory"));
    QVERIFY(QDir().mkdir(directory));
    file = opened(directory);
    QVERIFY(file.journal);
    QVERIFY(!file.warning.isEmpty());

    // No place for one is an error with a reason.
    const auto nowhere = HoldJournal::open(m_dir->filePath(QStringLiteral("no/such/place")), 4);
    QVERIFY(!nowhere);
    QVERIFY(nowhere.error().contains(QStringLiteral("no/such/place")));
}

void TestHoldJournal::soundRecordsOfADamagedFileAreKept()
{
    std::vector<quint64> ids;
    {
        const auto file = opened(path(), 8);
        for (int i = 0; i < 6; ++i) {
            ids.push_back(writeOne(*file.journal));
        }
        file.journal->settle(ids[1], nano(42));
    }
    // Cut within the fourth record, and a bit turned in the first.
    QByteArray content = contentOf(path()).left(256 + 3 * 256 + 100);
    content[256 + 70] = char(content[256 + 70] ^ 1);
    replaceContent(path(), content);
    {
        const auto file = opened(path(), 4);
        QVERIFY(!file.warning.isEmpty());
        auto orphans = byId(file.orphans);
        QCOMPARE(orphans.size(), size_t(2));
        QVERIFY(isSound(orphans[ids[1]]));
        QVERIFY(isSound(orphans[ids[2]]));
        QCOMPARE(*orphans[ids[1]].settled, nano(42));
    }
    // And they are in the new file, which is sound.
    const auto file = opened(path(), 4);
    QVERIFY(file.warning.isEmpty());
    QCOMPARE(file.orphans.size(), size_t(2));
    QVERIFY(isSound(byId(file.orphans)[ids[1]]));
    file.journal->free(ids[1]);
    file.journal->free(ids[2]);
    QCOMPARE(file.journal->usedSlots(), 0);
}

// Any bytes may be changed and the file cut anywhere: never a crash, never a record that was not
// written.
void TestHoldJournal::fuzz()
{
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        std::set<quint64> ids;
        QFile::remove(path());
        {
            const auto file = opened(path(), 8);
            for (int i = 0; i < 6; ++i) {
                ids.insert(writeOne(*file.journal));
            }
        }
        QByteArray content = contentOf(path());
        for (unsigned n = 1 + random() % 5; n > 0; --n) {
            content[qsizetype(random() % unsigned(content.size()))] = char(random());
        }
        if (round % 3 == 0) {
            content.truncate(qsizetype(random() % unsigned(content.size())));
        }
        replaceContent(path(), content);
        const auto file = opened(path(), 8);
        QVERIFY(file.journal);
        for (const JournaledHold &orphan : file.orphans) {
            QVERIFY(ids.contains(orphan.id));
            QVERIFY(isSound(orphan));
            file.journal->free(orphan.id);
        }
        QCOMPARE(file.journal->usedSlots(), 0);
    }
}

void TestHoldJournal::threads()
{
    const auto file = opened(path(), 64);
    HoldJournal &journal = *file.journal;
    std::vector<std::thread> threads;
    std::atomic<int> written = 0;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&journal, &written] {
            for (int n = 0; n < 5000; ++n) {
                if (const quint64 id = writeOne(journal)) {
                    ++written;
                    journal.settle(id, nano(n));
                    journal.free(id);
                }
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    QCOMPARE(written, 40'000);
    QCOMPARE(journal.usedSlots(), 0);
}

void TestHoldJournal::killed_data()
{
    QTest::addColumn<int>("afterReports");
    for (const int reports : {1, 2, 3, 50, 777, 5000}) {
        QTest::addRow("after %d", reports) << reports;
    }
}

// A process holds, settles and frees as fast as it can and says so through a pipe: "left" after the
// hold is written, "settled" after it is settled, "freed" before it is freed. It is killed at an
// unforeseen instruction.
void TestHoldJournal::killed()
{
#ifndef Q_OS_UNIX
    QSKIP("needs fork");
#else
    QFETCH(int, afterReports);
    struct Report
    {
        quint64 id;
        qint64 settled; ///< -1: left, -2: freed
    };
    int ends[2];
    QCOMPARE(::pipe(ends), 0);
    const pid_t child = ::fork();
    QVERIFY(child >= 0);
    if (child == 0) {
        ::close(ends[0]);
        auto file = HoldJournal::open(path(), 256);
        HoldJournal &journal = *file.value().journal;
        const auto say = [&ends](quint64 id, qint64 what) {
            const Report report{id, what};
            if (::write(ends[1], &report, sizeof report) != qint64(sizeof report)) {
                ::_exit(1);
            }
        };
        std::mt19937 random(5);
        std::vector<quint64> running;
        std::deque<quint64> unwritten; // settled; their rows are still on the way
        for (;;) {
            while (running.size() < 100) {
                const quint64 id = writeOne(journal);
                say(id, -1);
                running.push_back(id);
            }
            const size_t which = random() % running.size();
            const quint64 id = running[which];
            const qint64 actual = qint64(random() % 1000);
            journal.settle(id, nano(actual));
            say(id, actual);
            running.erase(running.begin() + qptrdiff(which));
            unwritten.push_back(id);
            if (unwritten.size() > 50) {
                say(unwritten.front(), -2);
                journal.free(unwritten.front());
                unwritten.pop_front();
            }
        }
    }
    ::close(ends[1]);
    std::map<quint64, Report> last;
    std::set<quint64> freed;
    std::map<quint64, qint64> settled;
    const auto take = [&](const Report &report) {
        if (report.settled == -2) {
            freed.insert(report.id);
        } else if (report.settled >= 0) {
            settled[report.id] = report.settled;
        }
        last[report.id] = report;
    };
    Report report = {};
    int reports = 0;
    while (reports < afterReports &&
           ::read(ends[0], &report, sizeof report) == qint64(sizeof report)) {
        take(report);
        ++reports;
    }
    ::kill(child, SIGKILL);
    int status = 0;
    QCOMPARE(::waitpid(child, &status, 0), child);
    QVERIFY(WIFSIGNALED(status));
    while (::read(ends[0], &report, sizeof report) == qint64(sizeof report)) {
        take(report);
    }
    ::close(ends[0]);

    const auto file = opened(path(), 256);
    QVERIFY(file.journal);
    QVERIFY2(file.warning.isEmpty(), qPrintable(file.warning));
    auto orphans = byId(file.orphans);
    int unreported = 0;
    for (const auto &[id, hold] : orphans) {
        QVERIFY(isSound(hold));
        unreported += last.count(id) == 0 ? 1 : 0;
    }
    QVERIFY(unreported <= 1); // written, and killed before it could say so
    for (const auto &[id, report_] : last) {
        (void)report_;
        if (freed.count(id) == 0) {
            QVERIFY(orphans.count(id) == 1);
            if (settled.count(id) == 1) {
                QCOMPARE(*orphans[id].settled, nano(settled[id]));
            }
        }
    }
    QVERIFY(!orphans.empty());
#endif
}

void TestHoldJournal::writeAndFree()
{
    const auto file = opened(path(), HoldJournal::kDefaultSlots);
    HoldJournal &journal = *file.journal;
    QBENCHMARK
    {
        const quint64 id = journal.reserve();
        journal.write(id, 1, 2, 3, nano(4), "0a6ba7de-6b6f-4c62-9df5-6b60aef6a5b1", "gpt-4o-mini",
                      "openai");
        journal.settle(id, nano(3));
        journal.free(id);
    }
}

QTEST_APPLESS_MAIN(TestHoldJournal)
#include "tst_holdjournal.moc"
