// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/common/admintoken.h"

#include "gateway/policy/keygenerator.h"
#include "gateway/store/datadirectory.h"

#include <QDir>
#include <QFile>

namespace tidegate {
namespace {

constexpr auto kOwnerOnly = QFileDevice::ReadOwner | QFileDevice::WriteOwner;
constexpr qint64 kMaxFileBytes = 4096;

Error fileError(const QFile &file)
{
    return {QStringLiteral(
                "The admin token \"%1\" cannot be read or written: %2. Check that it belongs "
                "to you, or set TIDEGATE_ADMIN_TOKEN.")
                .arg(file.fileName(), file.errorString())};
}

} // namespace

Result<Secret> AdminToken::load(const QString &dataDir)
{
    if (const QByteArray fromEnvironment = qgetenv("TIDEGATE_ADMIN_TOKEN");
        !fromEnvironment.isEmpty()) {
        return Secret(fromEnvironment);
    }
    if (auto created = DataDirectory::create(dataDir); !created) {
        return Error{created.error()};
    }
    QFile file(QDir(dataDir).filePath(QStringLiteral("admin-token")));
    if (file.exists()) {
        if (!file.open(QIODevice::ReadOnly)) {
            return fileError(file);
        }
        const QByteArray token = file.read(kMaxFileBytes).trimmed();
        file.close();
        if (!token.isEmpty()) {
            return Secret(token);
        }
        // A crash between making the file and filling it.
    }
    if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate, kOwnerOnly) ||
        !file.setPermissions(kOwnerOnly)) {
        return fileError(file);
    }
    // A prefix of its own, so that nobody takes it for a client key.
    const QByteArray token = "tga-" + KeyGenerator::generate().plaintext.mid(3);
    if (file.write(token + '\n') != token.size() + 1 || !file.flush()) {
        return fileError(file);
    }
    return Secret(token);
}

} // namespace tidegate
