// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"

#include <QByteArray>
#include <QString>
#include <QStringList>

namespace tidegate {

// What Tidegate runs for a backend. Functions without state, any thread.

/// True when a person has to confirm something before Tidegate acts for @p backend.
[[nodiscard]] bool hasCommands(const BackendConfig &backend);
/// What is to be confirmed, as configured, one command a line: variables stay variables.
[[nodiscard]] QString shownCommands(const BackendConfig &backend);
/// The SHA-256, in hex, of exactly what would be run: programs and arguments with the variables'
/// values. Another one means that it has to be confirmed again.
[[nodiscard]] QByteArray commandHash(const BackendConfig &backend);
/// The whole command of a tunnel that listens on 127.0.0.1:@p localPort.
[[nodiscard]] QStringList sshCommand(const SshRule &rule, quint16 localPort);

} // namespace tidegate
