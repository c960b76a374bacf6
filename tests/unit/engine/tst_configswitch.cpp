// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/configswitch.h"

#include <QTest>

using namespace tidegate;

/// Which configurations are loaded, prepared and installed, and when callers hear of it.
class TestConfigSwitch : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void servesATurnWithOneConfiguration()
    {
        Bench bench;
        QStringList answers;
        for (const char *name : {"a", "b", "c"}) {
            bench.configSwitch.request(bench.answer(QString::fromLatin1(name)));
        }
        QVERIFY(bench.log.isEmpty()); // never within the call
        QTRY_COMPARE(bench.log, QStringList({QStringLiteral("load 1"), QStringLiteral("prepare 1"),
                                             QStringLiteral("install 1"), QStringLiteral("a ok"),
                                             QStringLiteral("b ok"), QStringLiteral("c ok")}));
    }

    void whatComesDuringAPreparationIsServedNext()
    {
        Bench bench;
        bench.holdsBack = true;
        bench.configSwitch.request(bench.answer(QStringLiteral("a")));
        QTRY_COMPARE(bench.log.size(), 2);
        bench.configSwitch.request(bench.answer(QStringLiteral("b")));
        bench.configSwitch.request(bench.answer(QStringLiteral("c")));
        QCoreApplication::processEvents();
        QCOMPARE(bench.log.size(), 2); // nothing overtakes the first
        bench.release();
        QTRY_COMPARE(bench.log.size(), 6);
        bench.release();
        QTRY_COMPARE(bench.log, QStringList({QStringLiteral("load 1"), QStringLiteral("prepare 1"),
                                             QStringLiteral("install 1"), QStringLiteral("a ok"),
                                             QStringLiteral("load 2"), QStringLiteral("prepare 2"),
                                             QStringLiteral("install 2"), QStringLiteral("b ok"),
                                             QStringLiteral("c ok")}));
    }

    void aFailedLoadInstallsNothing()
    {
        Bench bench;
        bench.failing = true;
        bench.configSwitch.request(bench.answer(QStringLiteral("a")));
        QTRY_COMPARE(bench.log,
                     QStringList({QStringLiteral("load 1"), QStringLiteral("a bad file")}));
        bench.failing = false;
        bench.configSwitch.request();
        QTRY_COMPARE(bench.log.last(), QStringLiteral("install 2"));
    }

    void theAnswerComesWhenEveryEngineUsesIt()
    {
        Bench bench;
        bench.enginesAreSlow = true;
        bench.configSwitch.request(bench.answer(QStringLiteral("a")));
        QTRY_COMPARE(bench.log.size(), 3);
        bench.configSwitch.request(bench.answer(QStringLiteral("b")));
        QCoreApplication::processEvents();
        QCOMPARE(bench.log.last(), QStringLiteral("install 1")); // no answer, and no next one
        bench.release();
        QTRY_COMPARE(bench.log.last(), QStringLiteral("install 2"));
        QCOMPARE(bench.log.at(3), QStringLiteral("a ok"));
        bench.configSwitch.reset();
        bench.release();
        QCoreApplication::processEvents();
        QCOMPARE(bench.log.last(), QStringLiteral("install 2"));
    }

    void resetForgetsWhatWasAsked()
    {
        Bench bench;
        bench.holdsBack = true;
        bench.configSwitch.request(bench.answer(QStringLiteral("a")));
        QTRY_COMPARE(bench.log.size(), 2);
        bench.configSwitch.request(bench.answer(QStringLiteral("b")));
        bench.configSwitch.reset();
        bench.release();
        QCoreApplication::processEvents();
        QCOMPARE(bench.log.size(), 2);
        bench.holdsBack = false;
        bench.configSwitch.request(bench.answer(QStringLiteral("c")));
        QTRY_COMPARE(bench.log.last(), QStringLiteral("c ok"));
    }

private:
    struct Bench
    {
        Bench()
            : configSwitch(
                  {.load = [this]() -> Result<std::shared_ptr<ConfigSnapshot>> {
                       ++loads;
                       log.append(QStringLiteral("load %1").arg(loads));
                       if (failing) {
                           return Error{QStringLiteral("bad file")};
                       }
                       auto next = std::make_shared<ConfigSnapshot>();
                       next->revision = quint64(loads);
                       return next;
                   },
                   .prepare =
                       [this](const ConfigPtr &next, std::function<void()> ready) {
                           log.append(QStringLiteral("prepare %1").arg(next->revision));
                           if (holdsBack) {
                               pending = std::move(ready);
                           } else {
                               ready();
                           }
                       },
                   .install =
                       [this](std::shared_ptr<ConfigSnapshot> next, std::function<void()> inForce) {
                           log.append(QStringLiteral("install %1").arg(next->revision));
                           if (enginesAreSlow) {
                               pending = std::move(inForce);
                           } else {
                               inForce();
                           }
                       }})
        {
        }

        ConfigSwitch::Applied answer(const QString &name)
        {
            return [this, name](const Result<Done> &result) {
                log.append(name + (result ? QStringLiteral(" ok")
                                          : QString(QLatin1Char(' ') + result.error())));
            };
        }

        void release() { std::exchange(pending, {})(); }

        QStringList log;
        std::function<void()> pending;
        int loads = 0;
        bool failing = false;
        bool holdsBack = false;
        bool enginesAreSlow = false;
        ConfigSwitch configSwitch;
    };
};

QTEST_GUILESS_MAIN(TestConfigSwitch)
#include "tst_configswitch.moc"
