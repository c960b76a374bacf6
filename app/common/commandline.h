// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/engine/gateway.h"

#include <QCommandLineParser>
#include <QString>
#include <QStringList>

namespace tidegate {

/// The options that both programs have, and their defaults.
///
/// Main thread, on main()'s stack. Needs a QCoreApplication with name and version. A program adds
/// its own options through parser() before it calls parse().
class CommandLine
{
public:
    explicit CommandLine(const QString &description);

    [[nodiscard]] QCommandLineParser &parser() { return m_parser; }

    /// What --help or --version print, or empty when the program is to run. The error is a mistake
    /// in the usage, to be told with exit code 2.
    Result<QString> parse(const QStringList &arguments);

    /// After parse(). Without the admin token.
    [[nodiscard]] const GatewayOptions &options() const { return m_options; }

    /// The folder for database, logs and admin token when --data-dir is not given.
    [[nodiscard]] static QString defaultDataDir();
    /// Where a configuration file is looked for when --config is not given.
    [[nodiscard]] static QString defaultConfigFile();

private:
    QCommandLineParser m_parser;
    QCommandLineOption m_config;
    QCommandLineOption m_dataDir;
    QCommandLineOption m_host;
    QCommandLineOption m_port;
    QCommandLineOption m_logLevel;
    QCommandLineOption m_help;
    QCommandLineOption m_version;
    GatewayOptions m_options;
};

} // namespace tidegate
