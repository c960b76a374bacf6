// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configcommands.h"

#include "gateway/config/configloader.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <cstdio>

using namespace Qt::StringLiterals;

// Needed because the resource lies in a static library; must stand outside of any namespace.
static void initialiseStarterResource()
{
    Q_INIT_RESOURCE(starter);
}

namespace tidegate {

namespace {

void printLine(std::FILE *stream, const QString &line)
{
    const QByteArray text = line.toUtf8() + '\n';
    std::fwrite(text.constData(), 1, size_t(text.size()), stream);
}

QString severityName(ConfigProblem::Severity severity)
{
    switch (severity) {
    case ConfigProblem::Severity::Note:
        return u"note"_s;
    case ConfigProblem::Severity::Warning:
        return u"warning"_s;
    case ConfigProblem::Severity::Error:
        break;
    }
    return u"error"_s;
}

} // namespace

QByteArray starterConfig()
{
    initialiseStarterResource();
    QFile file(u":/tidegate/config/starter.yaml"_s);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

int runCheckConfig(const QString &file)
{
    ConfigInput input;
    input.file = file;
    const ConfigOutcome outcome = loadConfig(input);
    int errors = 0;
    int warnings = 0;
    for (const ConfigProblem &problem : outcome.problems) {
        errors += problem.severity == ConfigProblem::Severity::Error ? 1 : 0;
        warnings += problem.severity == ConfigProblem::Severity::Warning ? 1 : 0;
        printLine(stdout, u"%1: %2"_s.arg(severityName(problem.severity), problem.toString()));
    }
    if (errors > 0) {
        printLine(stdout,
                  u"%1: refused, %2 error(s), %3 warning(s)"_s.arg(file).arg(errors).arg(warnings));
        return 1;
    }
    printLine(stdout, u"%1: valid, %2 warning(s)"_s.arg(file).arg(warnings));
    return 0;
}

int runInit(const QString &path)
{
    const QByteArray text = starterConfig();
    if (path == u"-"_s) {
        std::fwrite(text.constData(), 1, size_t(text.size()), stdout);
        return 0;
    }
    const QString name = path.isEmpty() ? u"tidegate.yaml"_s : path;
    if (const QString folder = QFileInfo(name).path(); !QDir().mkpath(folder)) {
        printLine(stderr, u"The folder %1 cannot be made."_s.arg(folder));
        return 1;
    }
    QFile file(name);
    // NewOnly is atomic: a file that appears meanwhile is not overwritten either.
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly,
                   QFileDevice::ReadOwner | QFileDevice::WriteOwner)) {
        printLine(stderr,
                  QFileInfo::exists(name)
                      ? u"%1 exists already. Remove it first, or name another file."_s.arg(name)
                      : u"%1 cannot be written: %2."_s.arg(name, file.errorString()));
        return 1;
    }
    if (file.write(text) != text.size() || !file.flush()) {
        printLine(stderr, u"%1 cannot be written: %2."_s.arg(name, file.errorString()));
        file.remove();
        return 1;
    }
    printLine(stdout, u"Wrote %1. Start with: tidegated --config %1"_s.arg(name));
    return 0;
}

} // namespace tidegate
