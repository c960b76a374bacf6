// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/fileexport.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>

namespace tidegate::fileexport {

namespace {

/// The name under which translators find these texts.
class FileExport
{
    Q_DECLARE_TR_FUNCTIONS(FileExport)
};

QByteArray cell(const QString &text)
{
    QByteArray bytes = text.toUtf8();
    bool number = false;
    text.toDouble(&number);
    if (!bytes.isEmpty() && !number && QByteArrayView("=+-@\t\r").contains(bytes.front())) {
        bytes.prepend('\'');
    }
    const bool quoted =
        bytes.contains(',') || bytes.contains('"') || bytes.contains('\n') || bytes.contains('\r');
    return quoted ? QByteArray('"' + bytes.replace('"', "\"\"") + '"') : bytes;
}

void appendLine(QByteArray &to, const QStringList &cells)
{
    for (qsizetype i = 0; i < cells.size(); ++i) {
        if (i > 0) {
            to += ',';
        }
        to += cell(cells[i]);
    }
    to += "\r\n";
}

} // namespace

QString freePath(const QString &folder, const QString &name)
{
    const QDir dir(folder);
    QString path = dir.filePath(name);
    const QFileInfo info(name);
    for (int i = 2; QFile::exists(path); ++i) {
        path = dir.filePath(
            QStringLiteral("%1 (%2).%3").arg(info.completeBaseName()).arg(i).arg(info.suffix()));
    }
    return path;
}

Result<QString> save(const QString &folder, const QString &name, const QByteArray &content,
                     bool secret)
{
    QDir().mkpath(folder);
    QFile file(freePath(folder, name));
    const QFile::Permissions owner = QFile::ReadOwner | QFile::WriteOwner;
    const bool opened = secret ? file.open(QIODevice::WriteOnly | QIODevice::NewOnly, owner)
                               : file.open(QIODevice::WriteOnly | QIODevice::NewOnly);
    if (!opened || file.write(content) != content.size() || !file.flush()) {
        return Error{
            FileExport::tr("%1 cannot be written: %2. Is the folder there, and is there room?")
                .arg(QDir::toNativeSeparators(file.fileName()), file.errorString())};
    }
    return file.fileName();
}

QByteArray csv(const QStringList &header, const std::vector<QStringList> &rows)
{
    QByteArray text;
    appendLine(text, header);
    for (const QStringList &row : rows) {
        appendLine(text, row);
    }
    return text;
}

} // namespace tidegate::fileexport
