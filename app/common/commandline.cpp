// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/common/commandline.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QStandardPaths>

namespace tidegate {

CommandLine::CommandLine(const QString &description)
    : m_config(QStringLiteral("config"),
               QStringLiteral("Configuration file (YAML). Default: %1, if it exists.")
                   .arg(QDir::toNativeSeparators(defaultConfigFile())),
               QStringLiteral("FILE"))
    , m_dataDir(QStringLiteral("data-dir"),
                QStringLiteral("Folder for the database and the admin token. Default: %1.")
                    .arg(QDir::toNativeSeparators(defaultDataDir())),
                QStringLiteral("DIR"))
    , m_host(QStringLiteral("host"), QStringLiteral("Address to listen on. Default: 127.0.0.1."),
             QStringLiteral("ADDRESS"))
    , m_port(QStringLiteral("port"),
             QStringLiteral("Port to listen on, 0 picks a free one. Default: 8080."),
             QStringLiteral("PORT"))
    , m_logLevel(QStringLiteral("log-level"), QStringLiteral("debug, info, warning or error."),
                 QStringLiteral("LEVEL"))
    , m_help({QStringLiteral("h"), QStringLiteral("help")}, QStringLiteral("Show this help."))
    , m_version({QStringLiteral("v"), QStringLiteral("version")},
                QStringLiteral("Show the version."))
{
    m_parser.setApplicationDescription(description);
    m_parser.addOptions({m_config, m_dataDir, m_host, m_port, m_logLevel, m_help, m_version});
}

QString CommandLine::defaultDataDir()
{
    return QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) +
           QStringLiteral("/tidegate");
}

QString CommandLine::defaultConfigFile()
{
    return QStandardPaths::writableLocation(QStandardPaths::GenericConfigLocation) +
           QStringLiteral("/tidegate/config.yaml");
}

Result<QString> CommandLine::parse(const QStringList &arguments)
{
    if (!m_parser.parse(arguments)) {
        return Error{m_parser.errorText()};
    }
    if (m_parser.isSet(m_help)) {
        return m_parser.helpText();
    }
    if (m_parser.isSet(m_version)) {
        return QString(QCoreApplication::applicationName() + QLatin1Char(' ') +
                       QCoreApplication::applicationVersion() + QLatin1Char('\n'));
    }

    m_options.dataDir = QDir::cleanPath(
        QFileInfo(m_parser.isSet(m_dataDir) ? m_parser.value(m_dataDir) : defaultDataDir())
            .absoluteFilePath());
    if (m_parser.isSet(m_config)) {
        m_options.configFile = m_parser.value(m_config);
    } else if (QFileInfo::exists(defaultConfigFile())) {
        m_options.configFile = defaultConfigFile();
    }
    if (m_parser.isSet(m_host)) {
        m_options.host = m_parser.value(m_host);
    }
    if (m_parser.isSet(m_port)) {
        bool ok = false;
        m_options.port = m_parser.value(m_port).toUShort(&ok);
        if (!ok) {
            return Error{QStringLiteral("--port must be a number from 0 to 65535, not \"%1\".")
                             .arg(m_parser.value(m_port))};
        }
    }
    if (m_parser.isSet(m_logLevel)) {
        m_options.logLevel = m_parser.value(m_logLevel).toUtf8();
    }
    for (const auto &[option, value] : {std::pair(&m_config, m_options.configFile),
                                        std::pair(&m_dataDir, m_parser.value(m_dataDir))}) {
        if (m_parser.isSet(*option) && value.isEmpty()) {
            return Error{QStringLiteral("--%1 needs a value.").arg(option->names().constFirst())};
        }
    }
    return QString();
}

} // namespace tidegate
