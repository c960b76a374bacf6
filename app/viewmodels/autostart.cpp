// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/autostart.h"

#include "app/viewmodels/applicationid.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QSaveFile>
#include <QStandardPaths>

#include <utility>

namespace tidegate {

namespace {

/// As one argument of an Exec line (Desktop Entry Specification): quoted, `%` doubled. Within the
/// quotes a backslash escapes `"`, `` ` ``, `$` and itself, and the file format escapes backslashes
/// once more.
QByteArray execArgument(const QString &text)
{
    QByteArray quoted = "\"";
    for (const char c : text.toUtf8()) {
        switch (c) {
        case '"':
        case '`':
        case '$':
            quoted += "\\\\";
            quoted += c;
            break;
        case '\\':
            quoted += "\\\\\\\\";
            break;
        case '%':
            quoted += "%%";
            break;
        default:
            quoted += c;
        }
    }
    return quoted + '"';
}

} // namespace

Autostart::Autostart(QString directory, QString program)
    : m_directory(std::move(directory))
    , m_program(std::move(program))
{
}

Autostart Autostart::forThisProgram()
{
    // An AppImage runs from a mount that is gone at the next login; the file itself stays.
    const QString image = qEnvironmentVariable("APPIMAGE");
    return {QStandardPaths::writableLocation(QStandardPaths::ConfigLocation) +
                QStringLiteral("/autostart"),
            image.isEmpty() ? QCoreApplication::applicationFilePath() : image};
}

QString Autostart::filePath() const
{
    return m_directory + u'/' + QLatin1String(kApplicationId) + QStringLiteral(".desktop");
}

bool Autostart::isEnabled() const
{
    QFile file(filePath());
    if (!file.open(QIODevice::ReadOnly)) {
        return false;
    }
    // Desktops switch an entry off by one of these two lines.
    const QList<QByteArray> lines = file.readAll().split('\n');
    for (const QByteArray &line : lines) {
        const QByteArray compact = line.simplified().replace(" ", "").toLower();
        if (compact == "hidden=true" || compact == "x-gnome-autostart-enabled=false") {
            return false;
        }
    }
    return true;
}

Result<Done> Autostart::setEnabled(bool enabled) const
{
    if (!enabled) {
        QFile file(filePath());
        if (file.exists() && !file.remove()) {
            return Error{QCoreApplication::translate("Autostart", "Cannot remove %1: %2.")
                             .arg(QDir::toNativeSeparators(filePath()), file.errorString())};
        }
        return Done{};
    }
    QSaveFile file(filePath());
    if (!QDir().mkpath(m_directory) || !file.open(QIODevice::WriteOnly) ||
        file.write(entry()) < 0 || !file.commit()) {
        return Error{QCoreApplication::translate("Autostart", "Cannot write %1: %2.")
                         .arg(QDir::toNativeSeparators(filePath()), file.errorString())};
    }
    return Done{};
}

QByteArray Autostart::entry() const
{
    return QByteArrayLiteral("[Desktop Entry]\n"
                             "Type=Application\n"
                             "Name=Tidegate\n"
                             "Comment=Start the Tidegate gateway in the tray\n"
                             "Icon=") +
           kApplicationId + "\nExec=" + execArgument(m_program) +
           " --tray\n"
           "Terminal=false\n"
           "X-GNOME-Autostart-enabled=true\n";
}

} // namespace tidegate
