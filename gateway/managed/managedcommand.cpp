// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/managedcommand.h"

#include <QCryptographicHash>
#include <QJsonArray>
#include <QJsonDocument>

using namespace Qt::StringLiterals;

namespace tidegate {

bool hasCommands(const BackendConfig &backend)
{
    return backend.managed || backend.ssh;
}

QString shownCommands(const BackendConfig &backend)
{
    QStringList lines;
    if (backend.managed) {
        lines.append(backend.managed->shownStart);
        if (!backend.managed->shownStop.isEmpty()) {
            lines.append(backend.managed->shownStop);
        }
    }
    if (backend.ssh) {
        lines.append(sshCommand(*backend.ssh, 0).join(u' '));
    }
    return lines.join(u'\n');
}

QByteArray commandHash(const BackendConfig &backend)
{
    const QStringList none;
    const QJsonArray all{
        QJsonArray::fromStringList(backend.managed ? backend.managed->start : none),
        QJsonArray::fromStringList(backend.managed ? backend.managed->stop : none),
        QJsonArray::fromStringList(backend.ssh ? sshCommand(*backend.ssh, 0) : none)};
    return QCryptographicHash::hash(QJsonDocument(all).toJson(QJsonDocument::Compact),
                                    QCryptographicHash::Sha256)
        .toHex();
}

QStringList sshCommand(const SshRule &rule, quint16 localPort)
{
    QStringList command{u"ssh"_s, u"-N"_s, u"-T"_s};
    for (const char *option : {
             "BatchMode=yes", // nobody is there to be asked for a password
             "ExitOnForwardFailure=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=15",
             "ServerAliveInterval=15", "ServerAliveCountMax=3", "ControlMaster=no",
             "ControlPath=none", "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=no",
             "LogLevel=DEBUG1", // says when the tunnel is up
         }) {
        command << u"-o"_s << QString::fromLatin1(option);
    }
    if (!rule.knownHostsFile.isEmpty()) {
        command << u"-o"_s << u"UserKnownHostsFile=\"%1\""_s.arg(rule.knownHostsFile);
    }
    if (!rule.identityFile.isEmpty()) {
        command << u"-o"_s << u"IdentitiesOnly=yes"_s << u"-i"_s << rule.identityFile;
    }
    if (rule.port > 0) {
        command << u"-p"_s << QString::number(rule.port);
    }
    if (!rule.user.isEmpty()) {
        command << u"-l"_s << rule.user;
    }
    const bool isV6 = rule.remoteHost.contains(u':');
    command << u"-L"_s
            << u"127.0.0.1:%1:%2:%3"_s.arg(localPort > 0 ? QString::number(localPort) : u"PORT"_s,
                                           isV6 ? u'[' + rule.remoteHost + u']' : rule.remoteHost,
                                           QString::number(rule.remotePort));
    command << u"--"_s << rule.host;
    return command;
}

} // namespace tidegate
