// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/daemon/confirmcommand.h"

#include "gateway/config/configloader.h"
#include "gateway/engine/manageddesk.h"
#include "gateway/managed/managedcommand.h"

#include <QEventLoop>

#include <algorithm>
#include <cstdio>
#include <memory>

#ifdef Q_OS_UNIX
#include <unistd.h>
#endif

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

void print(std::FILE *stream, const QString &line)
{
    const QByteArray bytes = line.toUtf8() + '\n';
    std::fwrite(bytes.constData(), 1, size_t(bytes.size()), stream);
    std::fflush(stream);
}

int failed(const QString &why)
{
    print(stderr, u"tidegated: "_s + why);
    return 1;
}

bool isAgreed()
{
#ifdef Q_OS_UNIX
    if (::isatty(STDIN_FILENO) == 0) {
        return true; // who wrote the script has seen it
    }
#endif
    std::fputs("May Tidegate run this whenever it is needed? [y/N] ", stdout);
    std::fflush(stdout);
    const int answer = std::fgetc(stdin);
    return answer == 'y' || answer == 'Y';
}

} // namespace

int runConfirmCommand(const GatewayOptions &options, const QByteArray &backend)
{
    Store store(options.dataDir);
    auto stored = store.open();
    if (!stored) {
        print(stderr, u"tidegated: "_s + stored.error());
        print(stderr, u"While Tidegate runs, confirm the command in its panel, or with: "
                      "POST /admin/v1/backends/%1/confirm"_s.arg(QString::fromUtf8(backend)));
        return 1;
    }
    QJsonObject confirmed = stored->settings.value(ManagedDesk::kConfirmedSetting).toObject();
    ConfigInput input;
    input.file = options.configFile;
    input.stored = std::move(stored).value();
    const ConfigOutcome outcome = loadConfig(input);
    if (!outcome.snapshot) {
        for (const ConfigProblem &problem : outcome.problems) {
            print(stderr, problem.toString());
        }
        return 1;
    }
    const auto &backends = outcome.snapshot->backends;
    const auto found = std::find_if(backends.begin(), backends.end(),
                                    [&backend](const auto &b) { return b.name == backend; });
    if (found == backends.end()) {
        return failed(u"There is no backend \"%1\"."_s.arg(QString::fromUtf8(backend)));
    }
    if (!hasCommands(*found)) {
        return failed(u"The backend \"%1\" has no command to be confirmed."_s.arg(
            QString::fromUtf8(backend)));
    }
    print(stdout, shownCommands(*found));
    if (!isAgreed()) {
        return failed(u"Nothing was confirmed."_s);
    }
    ManagedDesk::noteConfirmed(confirmed, *found);
    const auto outcomeOfSave = std::make_shared<QString>();
    QEventLoop loop;
    store.saveSetting(ManagedDesk::kConfirmedSetting, confirmed,
                      [target = &loop, outcomeOfSave](const Result<Done> &saved) {
                          *outcomeOfSave = saved ? QString() : saved.error();
                          target->quit();
                      });
    loop.exec();
    store.close();
    if (!outcomeOfSave->isEmpty()) {
        return failed(*outcomeOfSave);
    }
    print(stdout, u"Confirmed."_s);
    return 0;
}

} // namespace tidegate
