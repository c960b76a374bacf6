// SPDX-License-Identifier: GPL-3.0-or-later

// tidegated: the gateway as a service. Stdout is for scripts (client key, ready line), stderr for
// people.

#include "app/common/admintoken.h"
#include "app/common/allocator.h"
#include "app/common/commandline.h"
#include "app/common/keychainsecretsource.h"
#include "app/common/signalwatcher.h"
#include "app/daemon/confirmcommand.h"
#include "gateway/admin/adminapi.h"
#include "gateway/config/configcommands.h"
#include "gateway/engine/gateway.h"
#include "gateway/observe/logsink.h"
#include "gateway/upstream/upstreamclient.h"

#include <QCoreApplication>
#include <QLoggingCategory>
#include <QSet>
#include <QTimer>

#include <cstdio>

using namespace tidegate;

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

void print(std::FILE *stream, const QString &line)
{
    const QByteArray bytes = line.toUtf8() + '\n';
    std::fwrite(bytes.constData(), 1, size_t(bytes.size()), stream);
    std::fflush(stream);
}

int wrongUsage(const QString &message)
{
    print(stderr, QStringLiteral("tidegated: %1\nTry: tidegated --help").arg(message));
    return kWrongUsage;
}

/// Prints what changes in the gateway, and ends the program when the gateway has ended.
///
/// Main thread, on main()'s stack.
class Announcer : public QObject
{
    Q_OBJECT

public:
    explicit Announcer(Gateway &gateway)
        : m_gateway(gateway)
    {
        connect(&gateway, &Gateway::stateChanged, this, &Announcer::announceState);
        connect(&gateway, &Gateway::problemsChanged, this, &Announcer::announceProblems);
        connect(&gateway, &Gateway::firstKeyCreated, this, [](const QByteArray &plaintext) {
            print(stdout, QStringLiteral("Client key: ") + QString::fromUtf8(plaintext));
        });
    }

private:
    void announceState()
    {
        switch (m_gateway.state()) {
        case Gateway::State::Running:
            if (!m_announced) {
                m_announced = true;
                allocator::startUpEnded();
                print(stdout,
                      QStringLiteral("Tidegate listening on ") + m_gateway.baseUrl().toString());
            }
            break;
        case Gateway::State::Failed:
            announceProblems();
            print(stderr, QStringLiteral("tidegated: ") + m_gateway.failure());
            QCoreApplication::exit(kFailed);
            break;
        case Gateway::State::Stopped:
            QCoreApplication::exit(0);
            break;
        default:
            break;
        }
    }

    /// Each problem once, until it is gone.
    void announceProblems()
    {
        QSet<QString> present;
        for (const ConfigProblem &problem : m_gateway.problems()) {
            const QString line = problem.toString();
            if (!m_problems.contains(line) && !present.contains(line)) {
                print(stderr, line);
            }
            present.insert(line);
        }
        m_problems = std::move(present);
    }

    Gateway &m_gateway;
    QSet<QString> m_problems;
    bool m_announced = false;
};

/// Runs `check-config`, `init` or `confirm-command`.
int runCommand(const QStringList &command, const GatewayOptions &options)
{
    if (command.constFirst() == QLatin1String("confirm-command")) {
        return command.size() == 2
                   ? runConfirmCommand(options, command.at(1).toUtf8())
                   : wrongUsage(QStringLiteral("confirm-command needs the name of one backend."));
    }
    if (command.constFirst() == QLatin1String("check-config")) {
        return command.size() == 2 ? runCheckConfig(command.at(1))
                                   : wrongUsage(QStringLiteral("check-config needs one file."));
    }
    if (command.constFirst() == QLatin1String("init")) {
        return command.size() <= 2 ? runInit(command.value(1))
                                   : wrongUsage(QStringLiteral("init takes at most one file."));
    }
    return wrongUsage(QStringLiteral("\"%1\" is no command.").arg(command.constFirst()));
}

/// None of Qt's plugins is needed. QAbstractHttpServer would have the one for TLS loaded and set
/// up, though the front door speaks plain HTTP and upstreams are libcurl's: more than a megabyte.
void leaveOutPlugins()
{
    QCoreApplication::setLibraryPaths({});
    QLoggingCategory::setFilterRules(QStringLiteral("qt.network.ssl=false")); // "no TLS backend"
}

int runGateway(GatewayOptions options)
{
    auto token = AdminToken::load(options.dataDir);
    if (!token) {
        print(stderr, QStringLiteral("tidegated: ") + token.error());
        return kFailed;
    }
    options.adminToken = *token;
    options.engineQuiet = allocator::giveBack;

    LogSink log({.directory = options.dataDir + QStringLiteral("/logs")});
    const SignalWatcher signalWatcher;
    KeychainSecretSource secrets;
    Gateway gateway(std::move(options), &secrets);
    const Announcer announcer(gateway);
    const AdminApi adminApi(gateway, &secrets);
    QObject::connect(&signalWatcher, &SignalWatcher::stopRequested, &gateway, &Gateway::stop);
    QObject::connect(&signalWatcher, &SignalWatcher::stopNowRequested, &gateway, &Gateway::stopNow);
    QObject::connect(&signalWatcher, &SignalWatcher::reloadRequested, &gateway,
                     [target = &gateway] { target->reloadConfig(); });
    QObject::connect(&secrets, &KeychainSecretSource::answersAgain, &gateway,
                     &Gateway::refreshSecrets);
    QObject::connect(&gateway, &Gateway::configChanged, &gateway, [sink = &log, source = &gateway] {
        sink->setLevel(source->config()->logLevel);
        sink->setFormat(source->config()->logFormat);
        sink->setRequests(source->config()->logRequests);
        qInfo("Configuration %llu is in force: %d backend(s), %d client key(s).",
              source->config()->revision, int(source->config()->backends.size()),
              int(source->config()->keys.all().size()));
    });
    // From within the event loop, so that a failure at once can end it.
    QTimer::singleShot(0, &gateway, &Gateway::start);
    return QCoreApplication::exec();
}

} // namespace

int main(int argc, char *argv[])
{
    allocator::startUpBegins();
    UpstreamClient::initialiseLibrary();
    const QCoreApplication app(argc, argv);
    leaveOutPlugins();
    QCoreApplication::setApplicationName(QStringLiteral("tidegated"));
    QCoreApplication::setApplicationVersion(QStringLiteral(TIDEGATE_VERSION));

    CommandLine commandLine(QStringLiteral("Tidegate without a window: one local OpenAI-compatible "
                                           "endpoint in front of many LLM backends."));
    commandLine.parser().addPositionalArgument(
        QStringLiteral("command"),
        QStringLiteral("check-config FILE: validate a configuration; init [FILE]: write a starter "
                       "configuration; confirm-command BACKEND: let Tidegate run what that "
                       "backend is started or reached by. Without a command the gateway runs."),
        QStringLiteral("[check-config FILE | init [FILE] | confirm-command BACKEND]"));
    const auto text = commandLine.parse(QCoreApplication::arguments());
    if (!text) {
        return wrongUsage(text.error());
    }
    if (!text->isEmpty()) {
        std::fputs(text->toUtf8().constData(), stdout);
        return 0;
    }
    const QStringList command = commandLine.parser().positionalArguments();
    return command.isEmpty() ? runGateway(commandLine.options())
                             : runCommand(command, commandLine.options());
}

#include "main.moc"
