// SPDX-License-Identifier: GPL-3.0-or-later

// tidegate: the desktop application. Window, tray and keychain in this thread, the gateway in
// threads of its own.

#include "app/common/admintoken.h"
#include "app/common/allocator.h"
#include "app/common/commandline.h"
#include "app/common/keychainsecretsource.h"
#include "app/common/signalwatcher.h"
#include "app/desktop/demolink.h"
#include "app/desktop/enginelink.h"
#include "app/desktop/pseudotranslator.h"
#include "app/desktop/screenshot.h"
#include "app/desktop/singleinstance.h"
#include "app/desktop/traycontroller.h"
#include "app/desktop/trayicon.h"
#include "app/viewmodels/appcontroller.h"
#include "app/viewmodels/applicationid.h"
#include "app/viewmodels/englishplurals.h"
#include "gateway/admin/adminapi.h"
#include "gateway/observe/logsink.h"
#include "gateway/upstream/upstreamclient.h"

#include <QApplication>
#include <QDir>
#include <QFile>
#include <QIcon>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QTemporaryDir>
#include <QtQml/QQmlExtensionPlugin>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

Q_IMPORT_QML_PLUGIN(TidegatePlugin)
Q_IMPORT_QML_PLUGIN(Tidegate_AppPlugin)

using namespace tidegate;

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
/// A desktop that shows no tray by then has none.
constexpr int kTrayPatienceMs = 15'000;

void printError(const QString &text)
{
    std::fprintf(stderr, "tidegate: %s\n", qUtf8Printable(text));
}

bool hasArgument(int argc, char **argv, std::initializer_list<const char *> names)
{
    return std::any_of(argv + 1, argv + argc, [&names](const char *argument) {
        return std::any_of(names.begin(), names.end(), [argument](const char *name) {
            const size_t length = std::strlen(name);
            return std::strncmp(argument, name, length) == 0 &&
                   (argument[length] == '\0' || argument[length] == '=');
        });
    });
}

/// What follows @p name; null when nothing does.
const char *argumentOf(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; ++i) {
        if (std::strcmp(argv[i], name) == 0) {
            return argv[i + 1];
        }
    }
    return nullptr;
}

/// What only this program understands.
struct PanelOptions
{
    bool demo = false;
    bool startInTray = false;
    QString page; ///< of a screenshot; empty: none is made
    QString file;
    QSize size = {1280, 800};
    bool pseudo = false; ///< the language that nobody speaks
    AppSettings::Theme theme = AppSettings::Theme::System;

    [[nodiscard]] bool isScreenshot() const { return !page.isEmpty(); }
};

class PanelCommandLine
{
public:
    PanelCommandLine()
        : m_common(QStringLiteral("Tidegate: one local OpenAI-compatible endpoint in front of many "
                                  "LLM backends, with a control panel."))
        , m_tray(QStringLiteral("tray"), QStringLiteral("Start without a window, in the tray."))
        , m_demo(QStringLiteral("demo"),
                 QStringLiteral("Show made-up traffic; no network is used."))
        , m_screenshot(QStringLiteral("screenshot"),
                       QStringLiteral("Save a picture of a page (live, keys, backends, models, "
                                      "usage, settings, setup) and end."),
                       QStringLiteral("page"))
        , m_theme(QStringLiteral("theme"), QStringLiteral("dark or light."),
                  QStringLiteral("theme"))
        , m_size(QStringLiteral("size"), QStringLiteral("Size of the picture, e.g. 1280x800."),
                 QStringLiteral("WxH"))
        , m_scale(QStringLiteral("scale"), QStringLiteral("Pixels for each point of the picture."),
                  QStringLiteral("1 to 4"))
        , m_locale(QStringLiteral("locale"),
                   QStringLiteral("Language and formats, e.g. de_DE; xx: long made-up texts."),
                   QStringLiteral("locale"))
        , m_out(QStringLiteral("out"), QStringLiteral("File for the picture."),
                QStringLiteral("file"))
    {
        m_common.parser().addOptions(
            {m_tray, m_demo, m_screenshot, m_theme, m_size, m_scale, m_locale, m_out});
    }

    /// As CommandLine::parse().
    Result<QString> parse(const QStringList &arguments)
    {
        Result<QString> text = m_common.parse(arguments);
        if (!text || !text->isEmpty()) {
            return text;
        }
        const QCommandLineParser &parser = m_common.parser();
        m_panel.startInTray = parser.isSet(m_tray);
        m_panel.page = parser.value(m_screenshot);
        m_panel.demo = parser.isSet(m_demo) || m_panel.isScreenshot();
        m_panel.file = parser.value(m_out);
        const QStringList pages = {QStringLiteral("live"),     QStringLiteral("keys"),
                                   QStringLiteral("backends"), QStringLiteral("models"),
                                   QStringLiteral("usage"),    QStringLiteral("settings"),
                                   QStringLiteral("setup")};
        if (parser.isSet(m_screenshot) && !pages.contains(m_panel.page)) {
            return Error{QStringLiteral("--screenshot knows the pages %1.")
                             .arg(pages.join(QStringLiteral(", ")))};
        }
        if (m_panel.isScreenshot() && m_panel.file.isEmpty()) {
            return Error{QStringLiteral("--screenshot needs --out FILE.png.")};
        }
        const QString theme = parser.value(m_theme);
        if (theme == QStringLiteral("dark")) {
            m_panel.theme = AppSettings::Theme::Dark;
        } else if (theme == QStringLiteral("light")) {
            m_panel.theme = AppSettings::Theme::Light;
        } else if (parser.isSet(m_theme)) {
            return Error{QStringLiteral("--theme is dark or light.")};
        }
        if (parser.isSet(m_size)) {
            const QStringList parts = parser.value(m_size).split(u'x');
            m_panel.size = QSize(parts.value(0).toInt(), parts.value(1).toInt());
            if (parts.size() != 2 || m_panel.size.width() < 100 || m_panel.size.height() < 100 ||
                m_panel.size.width() > 8'000 || m_panel.size.height() > 8'000) {
                return Error{QStringLiteral("--size is two numbers, for example 1280x800.")};
            }
        }
        m_panel.pseudo = parser.value(m_locale) == QStringLiteral("xx");
        if (parser.isSet(m_locale) && !m_panel.pseudo) {
            QLocale::setDefault(QLocale(parser.value(m_locale)));
        } else if (m_panel.isScreenshot()) {
            QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
        }
        if (parser.isSet(m_scale)) {
            const double scale = parser.value(m_scale).toDouble();
            if (!m_panel.isScreenshot() || scale < 1 || scale > 4) {
                return Error{
                    QStringLiteral("--scale is a number from 1 to 4, and for pictures only.")};
            }
        }
        return QString();
    }

    [[nodiscard]] const GatewayOptions &gateway() const { return m_common.options(); }
    [[nodiscard]] const PanelOptions &panel() const { return m_panel; }

private:
    CommandLine m_common;
    QCommandLineOption m_tray;
    QCommandLineOption m_demo;
    QCommandLineOption m_screenshot;
    QCommandLineOption m_theme;
    QCommandLineOption m_size;
    QCommandLineOption m_scale;
    QCommandLineOption m_locale;
    QCommandLineOption m_out;
    PanelOptions m_panel;
};

/// Loads the window; null when the QML is broken.
QQuickWindow *loadWindow(QQmlApplicationEngine &engine)
{
    engine.addImportPath(QStringLiteral("qrc:/qt/qml"));
    engine.load(QUrl(QStringLiteral("qrc:/qt/qml/Tidegate/Main.qml")));
    return engine.rootObjects().isEmpty()
               ? nullptr
               : qobject_cast<QQuickWindow *>(engine.rootObjects().constFirst());
}

int runScreenshot(const PanelOptions &options)
{
    const QTemporaryDir scratch;
    DemoLink::Options demo;
    demo.frozen = true;
    demo.empty = options.page == QStringLiteral("setup");
    DemoLink link(demo);
    SessionSecrets secrets(nullptr);
    AppSettings settings(link, scratch.filePath(QStringLiteral("panel.ini")),
                         Autostart(scratch.path(), QCoreApplication::applicationFilePath()));
    settings.overrideReducedMotion();
    settings.overrideTheme(options.theme == AppSettings::Theme::System ? AppSettings::Theme::Light
                                                                       : options.theme);
    AppController::Options appOptions;
    appOptions.demo = true;
    appOptions.frozen = true;
    appOptions.clock = link.clock();
    AppController app(link, secrets, settings, appOptions);
    link.start();
    app.setCurrentPage(options.page);
    if (options.page == QStringLiteral("setup")) {
        app.setup()->scan();
    }
    app.backend()->show(QStringLiteral("lab-server"));
    app.dryRun()->setModel(QStringLiteral("smart"));
    if (options.page == QStringLiteral("live")) {
        // The newest finished stream that was more than one lane's, so that waterfall and route
        // have something to show.
        for (int row = app.live()->rowCountNow() - 1; row >= 0; --row) {
            const ExchangeEvent &event = app.exchanges()->at(row);
            if (event.phase == ExchangePhase::Done && event.stream && event.attempts > 1) {
                app.detail()->show(double(event.id));
                break;
            }
        }
    }

    QQmlApplicationEngine engine;
    QQuickWindow *window = loadWindow(engine);
    if (window == nullptr) {
        return kFailed;
    }
    window->resize(options.size);
    window->show();
    const Screenshot screenshot(*window, options.file);
    return QCoreApplication::exec();
}

/// Shows the panel and its tray icon until the gateway has ended. `app` is made from `link`.
int runPanel(AppController &app, GatewayLink &link, const PanelOptions &options,
             SingleInstance *instance)
{
    TrayController tray(app);
    TrayIcon trayIcon(tray);
    app.setTrayAvailable(trayIcon.isShown());
    QObject::connect(&trayIcon, &TrayIcon::shownChanged, &app, &AppController::setTrayAvailable);
    const SignalWatcher signalWatcher;
    QObject::connect(&signalWatcher, &SignalWatcher::stopRequested, &app,
                     &AppController::quitAfterDraining);
    QObject::connect(&signalWatcher, &SignalWatcher::stopNowRequested, &app,
                     &AppController::quitNow);
    QObject::connect(&signalWatcher, &SignalWatcher::reloadRequested, &link,
                     &GatewayLink::reloadConfig);

    QQmlApplicationEngine engine;
    QQuickWindow *window = loadWindow(engine);
    if (window == nullptr) {
        return kFailed;
    }
    if (instance != nullptr) {
        QObject::connect(instance, &SingleInstance::raiseRequested, &app,
                         [app = &app] { app->showWindow(); });
    }

    // Shared, because the gateway may still report while this function's variables go.
    const auto quitting = std::make_shared<bool>(false);
    QObject::connect(&app, &AppController::quitRequested, &link,
                     [link = &link, quitting, window](bool drain) {
                         const bool again = std::exchange(*quitting, true);
                         window->hide();
                         const Gateway::State state = link->state();
                         if (state == Gateway::State::Stopped || state == Gateway::State::Failed) {
                             QCoreApplication::exit(0);
                         } else if (drain && !again) {
                             link->stop();
                         } else {
                             link->stopNow();
                         }
                     });
    QObject::connect(&link, &GatewayLink::stateChanged, qApp, [link = &link, quitting] {
        if (*quitting &&
            (link->state() == Gateway::State::Stopped || link->state() == Gateway::State::Failed)) {
            QCoreApplication::exit(0);
        }
    });

    if (!options.startInTray) {
        app.showWindow();
    } else {
        // Never vanish: without a tray there would be no way to the program.
        QTimer::singleShot(kTrayPatienceMs, &app, [app = &app, trayIcon = &trayIcon] {
            if (!trayIcon->isShown()) {
                app->showWindow();
            }
        });
    }
    QTimer::singleShot(0, &link, &GatewayLink::start);
    allocator::startUpEnded();
    return QCoreApplication::exec();
}

int runDemo(const PanelOptions &options)
{
    const QTemporaryDir scratch;
    DemoLink link({});
    SessionSecrets secrets(nullptr);
    AppSettings settings(link, scratch.filePath(QStringLiteral("panel.ini")),
                         Autostart(scratch.path(), QCoreApplication::applicationFilePath()));
    if (options.theme != AppSettings::Theme::System) {
        settings.overrideTheme(options.theme);
    }
    AppController::Options appOptions;
    appOptions.demo = true;
    appOptions.clock = link.clock();
    AppController app(link, secrets, settings, appOptions);
    return runPanel(app, link, options, nullptr);
}

int runGateway(GatewayOptions gatewayOptions, const PanelOptions &options)
{
    // Made here already, because the name of the single instance is that of an existing directory.
    if (!QDir(gatewayOptions.dataDir).exists() && QDir().mkpath(gatewayOptions.dataDir)) {
        QFile::setPermissions(gatewayOptions.dataDir,
                              QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    }
    SingleInstance instance(gatewayOptions.dataDir);
    const Result<SingleInstance::Role> role = instance.claim();
    if (!role) {
        printError(role.error());
        return kFailed;
    }
    if (*role == SingleInstance::Role::Second) {
        return 0;
    }
    // Without a token only /admin is closed; the panel can tell what is wrong with the directory.
    if (const Result<Secret> token = AdminToken::load(gatewayOptions.dataDir)) {
        gatewayOptions.adminToken = *token;
    } else {
        printError(token.error());
    }
    gatewayOptions.engineQuiet = allocator::giveBack;
    const QString settingsFile = gatewayOptions.dataDir + QStringLiteral("/panel.ini");
    LogSink log({.directory = gatewayOptions.dataDir + QStringLiteral("/logs")});
    KeychainSecretSource keychain;
    SessionSecrets secrets(&keychain);
    Gateway gateway(std::move(gatewayOptions), &secrets);
    QObject::connect(&keychain, &KeychainSecretSource::answersAgain, &gateway,
                     &Gateway::refreshSecrets);
    QObject::connect(&gateway, &Gateway::configChanged, &gateway, [sink = &log, source = &gateway] {
        sink->setLevel(source->config()->logLevel);
        sink->setFormat(source->config()->logFormat);
        sink->setRequests(source->config()->logRequests);
    });
    const AdminApi adminApi(gateway, &secrets);
    EngineLink link(gateway);
    AppSettings settings(link, settingsFile, Autostart::forThisProgram());
    if (options.theme != AppSettings::Theme::System) {
        settings.overrideTheme(options.theme);
    }
    AppController app(link, secrets, settings, {});
    return runPanel(app, link, options, &instance);
}

/// --help and --version need no display.
int printAndExit(int argc, char **argv)
{
    const QCoreApplication app(argc, argv);
    PanelCommandLine commandLine;
    const Result<QString> text = commandLine.parse(QCoreApplication::arguments());
    if (!text) {
        printError(text.error());
        return kWrongUsage;
    }
    std::fputs(text->toUtf8().constData(), stdout);
    return 0;
}

} // namespace

int main(int argc, char *argv[])
{
    allocator::startUpBegins();
    UpstreamClient::initialiseLibrary();
    QCoreApplication::setApplicationName(QStringLiteral("tidegate"));
    QCoreApplication::setApplicationVersion(QStringLiteral(TIDEGATE_VERSION));
    if (hasArgument(argc, argv, {"--help", "-h", "--version", "-v"})) {
        return printAndExit(argc, argv);
    }
    if (hasArgument(argc, argv, {"--screenshot"})) {
        // The same picture on every machine: no display, no GPU, no scaling.
        qputenv("QT_QPA_PLATFORM", "offscreen");
        qputenv("QT_QUICK_BACKEND", "software");
        // Before there is an application, so before the command line is taken apart.
        const char *scale = argumentOf(argc, argv, "--scale");
        qputenv("QT_SCALE_FACTOR", scale != nullptr ? scale : "1");
        qputenv("QT_FONT_DPI", "96");
        qputenv("TZ", "UTC");
    }
#ifdef Q_OS_LINUX
    if (!qEnvironmentVariableIsSet("DISPLAY") && !qEnvironmentVariableIsSet("WAYLAND_DISPLAY") &&
        !qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) {
        printError(QStringLiteral("There is no display. To run the gateway without a window, start "
                                  "tidegated."));
        return kFailed;
    }
#endif
    // Nothing of the style is seen but its measures; the panel draws its own controls.
    QQuickStyle::setStyle(QStringLiteral("Basic"));
    QApplication application(argc, argv);
    QGuiApplication::setDesktopFileName(QLatin1String(kApplicationId));
    QGuiApplication::setApplicationDisplayName(QStringLiteral("Tidegate"));
    QGuiApplication::setWindowIcon(QIcon(QStringLiteral(":/tidegate/icons/mark/tidegate.svg")));
    QGuiApplication::setQuitOnLastWindowClosed(false);
    EnglishPlurals english;
    QCoreApplication::installTranslator(&english);

    PanelCommandLine commandLine;
    const Result<QString> text = commandLine.parse(QCoreApplication::arguments());
    if (!text) {
        printError(text.error() + QStringLiteral("\nTry: tidegate --help"));
        return kWrongUsage;
    }
    const PanelOptions &options = commandLine.panel();
    PseudoTranslator pseudo;
    if (options.pseudo) {
        QCoreApplication::installTranslator(&pseudo);
    }
    QGuiApplication::setLayoutDirection(QLocale().textDirection());
    if (options.isScreenshot()) {
        QApplication::setCursorFlashTime(0);
        return runScreenshot(options);
    }
    return options.demo ? runDemo(options) : runGateway(commandLine.gateway(), options);
}
